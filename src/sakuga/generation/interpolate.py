"""Ways through key points in z or w and between conditions, the pictures along them, and grids of such ways."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sakuga.configs.conditions import Condition, merged
from sakuga.configs.labels import UNKNOWN
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.core import images
from sakuga.core.errors import UserError
from sakuga.core.latents import lerp, slerp
from sakuga.generation.noise import noise_of
from sakuga.generation.truncation import check_sampling

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

Kind = Literal["linear", "spherical", "smooth"]
Space = Literal["z", "w"]

MAX_CELLS = 400


class Moments(NamedTuple):
    """Where each of `F` frames is on a way through `K` keys.

    Attributes:
        start: The key it comes from, int64 `[F]`.
        end: The key it goes to, int64 `[F]`.
        t: How far it is, float64 `[F]` in [0, 1].
    """

    start: np.ndarray
    end: np.ndarray
    t: np.ndarray


def moments(keys: int, frames: int, loop: bool) -> Moments:
    """Spreads frames evenly over a way through keys; a loop leads back to the first key and does not repeat it.

    Raises:
        UserError: If there are fewer than two keys or frames.
    """
    if keys < 2:
        raise UserError(f"{keys} of seeds or conditions make no way: give at least two, for example --seeds 3,17.")
    if frames < 2:
        raise UserError(f"{frames} frames make no way: give at least 2, for example --frames 60.")
    place = np.arange(frames) * (keys / frames) if loop else np.linspace(0, keys - 1, frames)
    start = np.minimum(place.astype(np.int64), keys - 1 if loop else keys - 2)
    return Moments(start, (start + 1) % keys, place - start)


def z_path(z: np.ndarray, at: Moments, kind: Kind, loop: bool, mean: float = 0.0) -> np.ndarray:
    """Returns the points of a way through key points.

    Args:
        z: The keys, float32 `[K, z_dim]`.
        at: The moments of the frames.
        kind: `linear`: straight lines. They pass through the thinly populated middle of a normal distribution, where
            pictures tend to be flat. `spherical`: arcs around the mean (Shoemake 1985). `smooth`: the Catmull-Rom
            spline (1974), which has no corners at the keys, brought to the keys' distance from the mean.
        loop: Whether the way is closed.
        mean: The mean of z.

    Returns:
        float32 `[F, z_dim]`.
    """
    keys, t = z.astype(np.float64) - mean, at.t[:, None]
    a, b = keys[at.start], keys[at.end]
    if kind == "linear":
        points = lerp(a, b, t)
    elif kind == "spherical":
        points = slerp(a, b, t)
    else:
        before, after = _neighbors(keys, at, loop)
        points = _catmull_rom(before, a, b, after, t)
        found, of_a, of_b = (np.linalg.norm(v, axis=1, keepdims=True) for v in (points, a, b))
        # At rest at the keys, so that the distance has no corners there either.
        points *= lerp(of_a, of_b, t * t * (3 - 2 * t)) / np.maximum(found, 1e-12)
    return (points + mean).astype(np.float32)


def w_path(ws: Tensor, means: Tensor, at: Moments, kind: Kind, loop: bool) -> Tensor:
    """Returns the points of a way through key points in w.

    Args:
        ws: The keys, float `[K, num_ws, w_dim]`.
        means: The mean of w at each key, float `[K, w_dim]`.
        at: The moments of the frames.
        kind: `linear`: straight lines. `spherical`: arcs around the mean. `smooth`: the Catmull-Rom spline, as it is:
            w is on no shell around its mean.
        loop: Whether the way is closed.

    Returns:
        float32 `[F, num_ws, w_dim]`.
    """
    keys, centers = (tensor.double().cpu().numpy() for tensor in (ws, means[:, None]))
    a, b, t = keys[at.start], keys[at.end], at.t[:, None, None]
    if kind == "linear":
        points = lerp(a, b, t)
    elif kind == "spherical":
        from_, to = centers[at.start], centers[at.end]
        points = slerp(a - from_, b - to, t) + lerp(from_, to, t)
    else:
        before, after = _neighbors(keys, at, loop)
        points = _catmull_rom(before, a, b, after, t)
    return torch.from_numpy(points.astype(np.float32)).to(ws.device)


def interpolate(
    model: "LoadedModel",
    seeds: Sequence[int],
    frames: int,
    *,
    kind: Kind = "smooth",
    loop: bool = True,
    space: Space = "z",
    grid: tuple[int, int] | None = None,
    sampling: Sampling = USUAL,
    attributes: Condition | None = None,
    conditions: Sequence[Condition] = (),
    batch_size: int = 64,
) -> np.ndarray:
    """Draws a way through the pictures of several seeds, of several conditions, or both; or a grid of such ways.

    With attributes, each frame on a way in z blends the ws of its z under the labels of the two keys that it lies
    between.

    Args:
        model: Any model.
        seeds: The keys; with conditions one for each, or one for all. Those of a grid are dealt out to its cells.
        frames: How many pictures.
        kind: As in `z_path` or `w_path`.
        loop: Whether the way leads back to the first seed.
        space: Where the way leads through: z, or w, from the ws of the keys.
        grid: Rows and columns of ways side by side; one way if None.
        sampling: How z becomes a picture. Random noise differs from frame to frame.
        attributes: Attribute name to value; what is not named is a function of the seed.
        conditions: What else the keys are told, one for each seed, or for one seed a list of any length, where `all`
            stands for all values in their order. What a condition of one seed does not name stays as it was before.
        batch_size: Pictures a forward pass.

    Returns:
        uint8 `[frames, H, W, 3]`.

    Raises:
        UserError: If there are fewer than two keys or frames, the numbers of seeds and conditions do not fit, the seeds
            cannot be dealt out evenly, or as `LoadedModel.generate`.
    """
    check_sampling(model, sampling)
    ways = []
    for own in cells_of(seeds, grid):
        keys, labels = _keys(model, own, attributes or {}, conditions)
        at = moments(len(keys), frames, loop)
        make = _way_in_z if space == "z" else _way_in_w
        ways.append(make(model, keys, labels, at, kind, loop, sampling))

    def ws_of(part: slice) -> Tensor:
        cells = range(part.start // frames, (part.stop - 1) // frames + 1)
        pieces = [
            ways[cell](slice(max(part.start - cell * frames, 0), min(part.stop - cell * frames, frames)))
            for cell in cells
        ]
        return torch.cat(pieces) if len(pieces) > 1 else pieces[0]

    count = len(ways) * frames
    drawn = model.sample_ws(ws_of, count, batch_size, noise_of(model, sampling.noise, range(count)))
    if grid is None:
        return drawn
    cells = drawn.reshape(len(ways), frames, *drawn.shape[1:])
    return np.stack([images.grid(cells[:, frame], grid[1]) for frame in range(frames)])


def cells_of(seeds: Sequence[int], grid: tuple[int, int] | None) -> list[list[int]]:
    """Deals seeds out to the cells of a grid, so many for each; all to the one cell if there is no grid.

    Raises:
        UserError: If the grid has no cells, or the seeds cannot be dealt out evenly.
    """
    if grid is None:
        return [list(seeds)]
    rows, columns = grid
    if min(grid) < 1 or rows * columns > MAX_CELLS:
        raise UserError(f"A grid of {rows}x{columns} cannot be drawn: give rows and columns, 1x1 to {MAX_CELLS} cells.")
    each, left = divmod(len(seeds), rows * columns)
    if left or not each:
        raise UserError(
            f"{len(seeds)} seeds cannot be dealt out to the {rows * columns} cells of a grid: "
            f"give a multiple of {rows * columns}."
        )
    return [list(seeds[i * each : (i + 1) * each]) for i in range(rows * columns)]


def _way_in_z(
    model: "LoadedModel", seeds: list[int], labels: np.ndarray, at: Moments, kind: Kind, loop: bool, sampling: Sampling
) -> Callable[[slice], Tensor]:
    keys = model.z_of_seeds(seeds, sampling.sigma, sampling.threshold)
    z = z_path(keys, at, kind, loop, model.header.latent.mean)

    def ws_of(part: slice) -> Tensor:
        ws = model.ws_of(z[part], labels[at.start[part]], sampling)
        if labels.shape[1]:
            t = torch.from_numpy(at.t[part].astype(np.float32)).to(ws)[:, None, None]
            ws = torch.lerp(ws, model.ws_of(z[part], labels[at.end[part]], sampling), t)
        return ws

    return ws_of


def _way_in_w(
    model: "LoadedModel", seeds: list[int], labels: np.ndarray, at: Moments, kind: Kind, loop: bool, sampling: Sampling
) -> Callable[[slice], Tensor]:
    ws = model.ws_of_seeds(seeds, labels, sampling)
    means = model.mean_w(labels) if kind == "spherical" else ws[:, 0]  # of no use to the others
    return lambda part: w_path(ws, means, Moments(at.start[part], at.end[part], at.t[part]), kind, loop)


def _keys(
    model: "LoadedModel", seeds: Sequence[int], attributes: Condition, conditions: Sequence[Condition]
) -> tuple[list[int], np.ndarray]:
    """Returns the seed and the labels, int64 `[K, num_attributes]`, of each key."""
    if not conditions:
        return list(seeds), model.labels_of(seeds, attributes)
    told = model.expanded([merged(attributes, condition) for condition in conditions])
    if len(seeds) == 1:
        labels = [model.labels_of(seeds, told[0])[0]]
        for condition in told[1:]:
            wanted = np.array(model.encode(condition), np.int64)
            labels.append(np.where(wanted == UNKNOWN, labels[-1], wanted))
        return list(seeds) * len(told), np.stack(labels)
    if len(told) != len(seeds):
        raise UserError(f"{len(seeds)} seeds and {len(told)} conditions: give one seed, or one for each condition.")
    return list(seeds), np.concatenate([model.labels_of([s], c) for s, c in zip(seeds, told, strict=True)])


def _neighbors(keys: np.ndarray, at: Moments, loop: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns the keys before the start and after the end of each moment; an open way repeats its ends."""
    count = len(keys)
    if loop:
        return keys[(at.start - 1) % count], keys[(at.end + 1) % count]
    return keys[np.maximum(at.start - 1, 0)], keys[np.minimum(at.end + 1, count - 1)]


def _catmull_rom(before: np.ndarray, a: np.ndarray, b: np.ndarray, after: np.ndarray, t: np.ndarray) -> np.ndarray:
    slope_a, slope_b = (b - before) / 2, (after - a) / 2
    return (
        (2 * t**3 - 3 * t**2 + 1) * a
        + (t**3 - 2 * t**2 + t) * slope_a
        + (3 * t**2 - 2 * t**3) * b
        + (t**3 - t**2) * slope_b
    )
