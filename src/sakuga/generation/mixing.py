"""Style mixing: some layers of w from one picture, the others from another."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from sakuga.configs.conditions import Condition
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.core.errors import UserError
from sakuga.generation.noise import noise_of
from sakuga.generation.truncation import check_sampling
from sakuga.reporting.sheets import labeled_sheet

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel


class Mixed(NamedTuple):
    """Pictures of R seeds with some layers of C others.

    Attributes:
        rows: The seeds that give the picture.
        columns: The seeds that give the layers.
        layers: Which.
        of_rows: Their own pictures, uint8 `[R, H, W, 3]`.
        of_columns: Likewise, uint8 `[C, H, W, 3]`.
        images: uint8 `[R, C, H, W, 3]`.
    """

    rows: list[int]
    columns: list[int]
    layers: list[int]
    of_rows: np.ndarray
    of_columns: np.ndarray
    images: np.ndarray


def named_layers(num_ws: int) -> dict[str, range]:
    """Returns the layers of each name: maps up to 8 pixels, 16 and 32, and from 64 on (Karras et al. 2019, figure 3).

    Pictures of 32 pixels: up to 8, 16, and 32.
    """
    first, second = min(3, round(num_ws / 3)), min(7, round(2 * num_ws / 3))
    return {"coarse": range(first), "middle": range(first, second), "fine": range(second, num_ws)}


def parse_layers(text: str, num_ws: int) -> list[int]:
    """Returns the layers of a text such as `"coarse"`, `"0-3"` or `"0-3,7"`, sorted, each once.

    Raises:
        UserError: If it names others than those of `named_layers` and 0 to `num_ws` - 1.
    """
    names, found = named_layers(num_ws), set()
    for part in (part.strip() for part in text.split(",")):
        match = re.fullmatch(r"(\d{1,9})\s*(?:-\s*(\d{1,9}))?", part)
        layers = range(int(match[1]), int(match[2] or match[1]) + 1) if match else names.get(part, range(0))
        known = f"write coarse, middle, fine, or numbers within 0-{num_ws - 1}."
        if match and not layers:
            raise UserError(f"--layers {text!r}: write the range {part!r} from low to high.")
        if not layers:
            raise UserError(f"--layers {text!r}: {part!r} is none of this model's {num_ws} layers: {known}")
        if layers[-1] >= num_ws:
            missing = max(layers[0], num_ws)
            raise UserError(f"--layers {text!r}: layer {missing} is none of this model's {num_ws} layers: {known}")
        found.update(layers)
    return sorted(found)


def mix(
    model: "LoadedModel",
    rows: Sequence[int],
    columns: Sequence[int],
    layers: str = "coarse",
    *,
    sampling: Sampling = USUAL,
    attributes: Condition | None = None,
    batch_size: int = 64,
) -> Mixed:
    """Draws the seeds of the rows with some layers of the seeds of the columns (Karras et al. 2019, section 3.1).

    Args:
        model: A model with several layers of w.
        rows: Seeds.
        columns: Seeds.
        layers: Those that come from the columns, as in `parse_layers`.
        sampling: How z becomes a picture. Random noise is that of the row.
        attributes: As in `sample.draw`.
        batch_size: Pictures a forward pass.

    Raises:
        UserError: If the model has one layer, there are no such layers, or as `sample.draw`.
    """
    num_ws = model.generator.num_ws
    if num_ws == 1:
        raise UserError(f"{model.name} has one layer of w, so nothing can be mixed: take a StyleGAN2.")
    check_sampling(model, sampling)
    chosen = parse_layers(layers, num_ws)
    ws = [model.ws_of_seeds(seeds, model.labels_of(seeds, attributes), sampling) for seeds in (rows, columns)]
    across = len(columns)

    def mixed(part: slice) -> torch.Tensor:
        places = np.arange(part.start, part.stop)
        found = ws[0][places // across].clone()
        found[:, chosen] = ws[1][places % across][:, chosen]
        return found

    def drawn(seeds: Sequence[int], of: torch.Tensor) -> np.ndarray:
        return model.sample_ws(of.__getitem__, len(seeds), batch_size, noise_of(model, sampling.noise, seeds))

    noise = noise_of(model, sampling.noise, np.repeat(np.asarray(rows, np.int64), across).tolist())
    images = model.sample_ws(mixed, len(rows) * across, batch_size, noise)
    of_rows, of_columns = drawn(rows, ws[0]), drawn(columns, ws[1])
    return Mixed(
        list(rows), list(columns), chosen, of_rows, of_columns, images.reshape(len(rows), across, *images.shape[1:])
    )


def sheet_of_mixed(mixed: Mixed, scale: int = 1) -> np.ndarray:
    """Lays mixed pictures out, with the sources at the left and above, each with its seed.

    Returns:
        uint8 `[H, W, 3]`.
    """
    corner = np.full_like(mixed.of_rows[:1], 255)
    left = np.concatenate([corner, mixed.of_rows])[:, None]
    body = np.concatenate([mixed.of_columns[None], mixed.images])
    pictures = np.concatenate([left, body], 1)
    return labeled_sheet(
        pictures.reshape(-1, *pictures.shape[2:]),
        pictures.shape[1],
        row_captions=["", *map(str, mixed.rows)],
        column_captions=["", *map(str, mixed.columns)],
        title=f"{written_layers(mixed.layers)} from above, the others from the left",
        scale=scale,
    )


def written_layers(layers: Sequence[int]) -> str:
    """Returns layers in words: `layer 3`, `layers 0, 1, 2`."""
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(map(str, layers))}"
