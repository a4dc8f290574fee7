"""What the noise of a network's layers changes in a picture."""

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sakuga.configs.conditions import Condition
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.core.errors import UserError
from sakuga.generation.noise_maps import noise_maps, stacked
from sakuga.generation.starts import Key, checked_keys, starts_of
from sakuga.generation.truncation import check_noise
from sakuga.models.base import Noise
from sakuga.reporting.sheets import labeled_sheet

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

Levels = Literal["all", "coarse", "fine"]
LEVELS: tuple[Levels, ...] = ("all", "coarse", "fine")


class Draws(NamedTuple):
    """Pictures of one w that differ in their noise alone.

    Attributes:
        name: Of the picture: `Seed 7`, or that of a projection.
        images: For each of `LEVELS`, uint8 `[D, H, W, 3]`.
        deviations: For each of `LEVELS` the standard deviation over the draws, the mean of its three channels, float32
            `[H, W]` in levels of 255.
        coarse_side: The side of the largest coarse map.
    """

    name: str
    images: list[np.ndarray]
    deviations: list[np.ndarray]
    coarse_side: int


def noise_draws(
    model: "LoadedModel",
    key: Key,
    draws: int = 8,
    *,
    sampling: Sampling = USUAL,
    attributes: Condition | None = None,
    batch_size: int = 64,
) -> Draws:
    """Draws one w several times, each time with other noise; levels that are not drawn have none (ibid., figure 5).

    Karras, Laine and Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019,
    figures 4 and 5.

    Args:
        model: A model with noise.
        key: A seed, which the maps are drawn by, too, or a projected picture.
        draws: How many, at least 2.
        sampling: How z becomes w; its own noise does not matter.
        attributes: As in `sample.draw`.
        batch_size: Pictures a forward pass.

    Raises:
        UserError: If the model has no noise, there are too few draws, or as `sample.draw`.
    """
    check_noise(model)
    (key,) = checked_keys([key], attributes, sampling)
    if draws < 2:
        raise UserError(f"{draws} draws show no difference: give 2 or more.")
    start = starts_of(model, [key], attributes, sampling)
    ws = start.ws
    side = coarse_side(model.resolution)
    shapes, images = model.generator.noise_shapes, []
    for levels in LEVELS:

        def noise(part: slice, levels: Levels = levels) -> Noise:
            maps = [noise_maps(shapes, start.numbers[0], draw) for draw in range(draws)[part]]
            on_device = [level.to(model.device) for level in stacked(maps)]
            return [m * (levels == "all" or (m.shape[-1] <= side) == (levels == "coarse")) for m in on_device]

        images.append(model.sample_ws(lambda part: ws.expand(part.stop - part.start, -1, -1), draws, batch_size, noise))
    name = f"Seed {key}" if isinstance(key, int) else start.names[0]
    return Draws(name, images, [deviation(pictures) for pictures in images], side)


def deviation(pictures: np.ndarray) -> np.ndarray:
    """Returns the standard deviation of each pixel over uint8 `[D, H, W, 3]`, the mean of its channels: `[H, W]`."""
    return pictures.astype(np.float32).std(0).mean(-1)


def coarse_side(resolution: int) -> int:
    """Returns the side of the largest maps that are called coarse: 32 as in the paper, a quarter of small pictures."""
    return min(32, resolution // 4)


def sheet_of_draws(drawn: Draws, scale: int = 1) -> np.ndarray:
    """Lays draws out: a row for each of `LEVELS`, at its end the deviation, the largest of all rows white.

    Returns:
        uint8 `[H, W, 3]`.
    """
    white = max(max(float(found.max()) for found in drawn.deviations), 1e-6)
    rows = []
    for images, found in zip(drawn.images, drawn.deviations, strict=True):
        gray = np.round(255 * found / white).astype(np.uint8)[..., None].repeat(3, -1)
        rows += [*images, gray]
    count = len(drawn.images[0])
    side = drawn.coarse_side
    return labeled_sheet(
        np.stack(rows),
        count + 1,
        row_captions=("all levels", f"coarse, 4 to {side}", f"fine, from {2 * side}"),
        column_captions=[*(str(i + 1) for i in range(count)), "deviation"],
        title=f"{drawn.name} with other noise; white: a deviation of {white:.1f} of 255",
        scale=scale,
    )
