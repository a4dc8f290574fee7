"""Style mixing: some layers of w from one picture, the others from another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from sakuga.configs.conditions import Condition
from sakuga.configs.layers import parse_layers
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.core.errors import UserError
from sakuga.generation.starts import Key, Starts, checked_keys, starts_of
from sakuga.reporting.sheets import labeled_sheet

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel


class Mixed(NamedTuple):
    """R pictures with some layers of C others.

    Attributes:
        rows: The names of those that give the picture: seeds, mostly.
        columns: Of those that give the layers.
        layers: Which.
        of_rows: Their own pictures, uint8 `[R, H, W, 3]`.
        of_columns: Likewise, uint8 `[C, H, W, 3]`.
        images: uint8 `[R, C, H, W, 3]`.
    """

    rows: list[str]
    columns: list[str]
    layers: tuple[int, ...]
    of_rows: np.ndarray
    of_columns: np.ndarray
    images: np.ndarray


def mix(
    model: "LoadedModel",
    rows: Sequence[Key],
    columns: Sequence[Key],
    layers: str = "coarse",
    *,
    sampling: Sampling = USUAL,
    attributes: Condition | None = None,
    batch_size: int = 64,
) -> Mixed:
    """Draws the pictures of the rows with some layers of those of the columns (Karras et al. 2019, section 3.1).

    Args:
        model: A model with several layers of w.
        rows: Seeds or projected pictures.
        columns: Likewise.
        layers: Those that come from the columns, as in `configs.layers`.
        sampling: How z becomes a picture. Noise is that of the row.
        attributes: As in `sample.draw`.
        batch_size: Pictures a forward pass.

    Raises:
        UserError: If the model has one layer, there are no such layers, or as `sample.draw`.
    """
    num_ws = model.generator.num_ws
    if num_ws == 1:
        raise UserError(f"{model.name} has one layer of w, so nothing can be mixed: take a StyleGAN2.")
    chosen = parse_layers(layers, num_ws)
    rows, columns = (checked_keys(keys) for keys in (rows, columns))
    checked_keys([*rows, *columns], attributes, sampling)
    left, above = (starts_of(model, keys, attributes, sampling) for keys in (rows, columns))
    across = len(columns)

    def mixed(part: slice) -> torch.Tensor:
        places = np.arange(part.start, part.stop)
        found = left.ws[places // across].clone()
        found[:, chosen] = above.ws[places % across][:, chosen]
        return found

    def drawn(of: Starts) -> np.ndarray:
        return of.draw(model, sampling.noise, batch_size)

    noise = left.noise(model, sampling.noise, np.repeat(np.arange(len(rows)), across).tolist())
    images = model.sample_ws(mixed, len(rows) * across, batch_size, noise)
    shaped = images.reshape(len(rows), across, *images.shape[1:])
    return Mixed(left.names, above.names, chosen, drawn(left), drawn(above), shaped)


def sheet_of_mixed(mixed: Mixed, scale: int = 1) -> np.ndarray:
    """Lays mixed pictures out, with the sources at the left and above, each with its name.

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
        row_captions=["", *mixed.rows],
        column_captions=["", *mixed.columns],
        title=f"{written_layers(mixed.layers)} from above, the others from the left",
        scale=scale,
    )


def written_layers(layers: Sequence[int]) -> str:
    """Returns layers in words: `layer 3`, `layers 0, 1, 2`."""
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(map(str, layers))}"
