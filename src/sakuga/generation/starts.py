"""The ws, labels and noise of seeds and of projected pictures, which every latent tool starts from."""

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sakuga.configs.conditions import Condition
from sakuga.configs.sampling import USUAL, NoiseKind, Sampling
from sakuga.core.errors import UserError
from sakuga.core.latents import MAX_SEED
from sakuga.core.random import seed_of
from sakuga.generation.noise_maps import noise_of, stacked
from sakuga.generation.projection import KIND, Projected, Projection, projection_name, read_projection
from sakuga.generation.truncation import check_sampling
from sakuga.models.base import Noise

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

Key = int | str | Path | Projection
"""A seed, the file of a projected picture, or what `project` returned."""

_PROJECTED = (str, Path, Projection)


class Starts(NamedTuple):
    """`N` pictures that a tool begins with.

    Attributes:
        names: What to call each.
        ws: float32 `[N, num_ws, w_dim]`, truncated.
        labels: int64 `[N, num_attributes]`; -1 where a projection does not say.
        numbers: What random noise is drawn by: the seed, or a hash of the name.
        maps: The noise maps that a projection found, float32 `[1, 1, H, W]` each; () for those of the network.
    """

    names: list[str]
    ws: Tensor
    labels: np.ndarray
    numbers: list[int]
    maps: list[tuple[Tensor, ...]]

    def draw(self, model: "LoadedModel", kind: NoiseKind, batch_size: int = 64) -> np.ndarray:
        """Draws them, uint8 `[N, H, W, 3]`; kind as in `noise`, batch size and errors as `LoadedNetworks.sample_ws`."""
        return model.sample_ws(self.ws.__getitem__, len(self.names), batch_size, self.noise(model, kind))

    def noise(
        self, model: "LoadedModel", kind: NoiseKind, rows: Sequence[int] | None = None
    ) -> Callable[[slice], Noise]:
        """Returns the noise of a part of the pictures that are made of these, as `LoadedNetworks.sample_ws` takes it.

        Args:
            model: The model.
            kind: As in `Sampling`; with `const` projections have their own maps.
            rows: Of which of these each picture is made; each of its own if None.
        """
        rows = range(len(self.names)) if rows is None else rows

        def of(part: slice) -> Noise:
            chosen = rows[part]
            if kind == "const" and any(self.maps[row] for row in chosen):
                return stacked([self.maps[row] or model.generator.noise_maps for row in chosen])
            return noise_of(model, kind, [self.numbers[row] for row in chosen])(slice(None))

        return of


def starts_of(
    model: "LoadedModel", keys: Sequence[Key], attributes: Condition | None = None, sampling: Sampling = USUAL
) -> Starts:
    """Returns the pictures of seeds and projections, in their order.

    Args:
        model: Any model.
        keys: What `Key` says.
        attributes: Attribute name to value, for the seeds; what is not named is a function of the seed.
        sampling: How z becomes a picture. Of a projection w is truncated, towards the mean of its own attributes.

    Raises:
        UserError: As `LoadedModel.generate` and `read_projection`.
    """
    check_sampling(model, sampling)
    keys = checked_keys(keys)
    seeds = [key for key in keys if not isinstance(key, _PROJECTED)]
    of_seeds = [starts_with(model, seeds, model.labels_of(seeds, attributes), sampling)] if seeds else []
    if len(seeds) == len(keys) and of_seeds:
        return of_seeds[0]
    projected = [_of_projection(model, key, sampling) for key in keys if isinstance(key, _PROJECTED)]
    # All seeds at once, all projections behind them, then in the order that was asked for.
    places = np.argsort(np.argsort([isinstance(key, _PROJECTED) for key in keys], kind="stable")).tolist()
    return joined([*of_seeds, *projected], places)


def starts_with(model: "LoadedModel", seeds: Sequence[int], labels: np.ndarray, sampling: Sampling) -> Starts:
    """Returns the pictures of seeds with given labels, int64 `[N, num_attributes]`; errors as `z_of_seeds`."""
    ws = model.ws_of_seeds(seeds, labels, sampling)
    return Starts([str(seed) for seed in seeds], ws, labels, list(seeds), [()] * len(seeds))


def joined(parts: Sequence[Starts], order: Sequence[int] | None = None) -> Starts:
    """Returns several starts as one, in an order of all their pictures if one is given."""
    of_all = [(part, i) for part in parts for i in range(len(part.names))]
    order = list(range(len(of_all)) if order is None else order)
    chosen = [of_all[place] for place in order]
    return Starts(
        [part.names[i] for part, i in chosen],
        torch.cat([part.ws for part in parts])[order],
        np.concatenate([part.labels for part in parts])[order],
        [part.numbers[i] for part, i in chosen],
        [part.maps[i] for part, i in chosen],
    )


def checked_keys(keys: Sequence[Key], attributes: Condition | None = None, sampling: Sampling = USUAL) -> list[Key]:
    """Returns the pictures, each seed as an int of Python's.

    Raises:
        UserError: If this is no list, there are none, a seed is no whole number, or something chooses a z or labels
            where there is no seed for it to mean something to.
    """
    if isinstance(keys, str) or not isinstance(keys, Iterable):
        raise UserError(f"{keys!r} is no list of seeds: give numbers, such as range(4), or projections in a list.")
    keys = list(keys)
    for key in keys:
        if not isinstance(key, (*_PROJECTED, Integral)):
            raise UserError(f"{key!r} is not a seed: use whole numbers from 0 to {MAX_SEED}.")
    found = [key if isinstance(key, _PROJECTED) else int(key) for key in keys]
    if not found:
        raise UserError("There are no seeds: give at least one.")
    if not all(isinstance(key, _PROJECTED) for key in found):
        return found
    given = {"sigma": sampling.sigma, "resampling": sampling.threshold} | dict(attributes or {})
    if wrong := [name for name, value in given.items() if value is not None]:
        raise UserError(f"A projected picture has a w of its own, which {wrong[0]} does not change: leave it out.")
    return found


def has_projection(keys: Sequence[Key]) -> bool:
    """Tells whether a picture is a projection."""
    return any(isinstance(key, _PROJECTED) for key in keys)


def name_of(key: Key) -> str:
    """Returns what to call a picture: its seed, the name of its file or folder, or `projected`."""
    if isinstance(key, Projection):
        return "projected"
    return projection_name(key) if isinstance(key, _PROJECTED) else str(key)


def _of_projection(model: "LoadedModel", key: str | Path | Projection, sampling: Sampling) -> Starts:
    found, name = _projected(model, key), name_of(key)
    labels = found.labels[None]
    ws = model.pulled(found.ws[None], labels, sampling)
    return Starts([name], ws, labels, [seed_of(KIND, name)], [found.noise])


def _projected(model: "LoadedModel", key: str | Path | Projection) -> Projected:
    if not isinstance(key, Projection):
        return read_projection(key, model)
    shape = (model.generator.num_ws, model.generator.w_dim)
    if tuple(key.ws.shape) != shape or len(key.noise) not in (0, len(model.generator.noise_shapes)):
        raise UserError(f"The projected picture's ws {list(key.ws.shape)} do not fit {model.name}, {list(shape)}.")
    noise = tuple(one.to(model.device) for one in key.noise)
    return Projected(key.ws.to(model.device), noise, key.labels, model.sha256)
