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
from sakuga.core.errors import UserError, check_choice
from sakuga.core.latents import lerp, slerp
from sakuga.generation.noise_maps import noise_of, stacked
from sakuga.generation.starts import Key, Starts, checked_keys, has_projection, joined, starts_of, starts_with
from sakuga.generation.truncation import check_sampling
from sakuga.models.base import Noise

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
    check_way(keys, frames)
    place = np.arange(frames) * (keys / frames) if loop else np.linspace(0, keys - 1, frames)
    start = np.minimum(place.astype(np.int64), keys - 1 if loop else keys - 2)
    return Moments(start, (start + 1) % keys, place - start)


def check_way(keys: int, frames: int) -> None:
    """Refuses fewer than two keys or frames.

    Raises:
        UserError: If so.
    """
    if keys < 2:
        raise UserError(
            f"A way needs at least two seeds or conditions: give, for example, the seeds 3 and 17 (found {keys})."
        )
    if frames < 2:
        raise UserError(f"A way needs at least 2 frames: give, for example, 60 (found {frames}).")


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
    check_choice("kind", kind, Kind)
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
    check_choice("kind", kind, Kind)
    keys, centers = (tensor.cpu().double().numpy() for tensor in (ws, means[:, None]))
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
    seeds: Sequence[Key],
    frames: int,
    *,
    kind: Kind = "smooth",
    loop: bool = True,
    space: Space | None = None,
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
        seeds: The keys, seeds or projected pictures; with conditions one for each, or one for all. Those of a grid are
            dealt out to its cells.
        frames: How many pictures.
        kind: As in `z_path` or `w_path`.
        loop: Whether the way leads back to the first seed.
        space: Where the way leads through: z, or w, from the ws of the keys; None: w where a picture is projected.
        grid: Rows and columns of ways side by side; one way if None.
        sampling: How z becomes a picture. Random noise differs from frame to frame; the noise maps of projected
            pictures turn into those of the next key.
        attributes: Attribute name to value; what is not named is a function of the seed.
        conditions: What else the keys are told, one for each seed, or for one seed a list of any length, where `all`
            stands for all values in their order. What a condition of one seed does not name stays as it was before.
        batch_size: Pictures a forward pass.

    Returns:
        uint8 `[frames, H, W, 3]`.

    Raises:
        UserError: If there are fewer than two keys or frames, no such kind or space, the numbers of seeds and
            conditions do not fit, the seeds cannot be dealt out evenly, a projected picture is to be told a condition
            or to lie in z, or as `LoadedModel.generate`.
    """
    check_choice("kind", kind, Kind)
    check_sampling(model, sampling)
    seeds = checked_keys(seeds, attributes, sampling)
    space = checked_space(space, seeds, conditions)
    ways, turns = [], []
    for own in cells_of(seeds, grid):
        starts = _starts(model, own, attributes or {}, conditions, sampling)
        at = moments(len(starts.names), frames, loop)
        make = _way_in_z if space == "z" else _way_in_w
        ways.append(make(model, starts, at, kind, loop, sampling))
        turns.append((starts, at))

    def ws_of(part: slice) -> Tensor:
        cells = range(part.start // frames, (part.stop - 1) // frames + 1)
        pieces = [
            ways[cell](slice(max(part.start - cell * frames, 0), min(part.stop - cell * frames, frames)))
            for cell in cells
        ]
        return torch.cat(pieces) if len(pieces) > 1 else pieces[0]

    def own_maps(part: slice) -> Noise:
        return stacked([_maps_at(model, turns[i // frames], i % frames) for i in range(part.start, part.stop)])

    count = len(ways) * frames
    has_own = sampling.noise == "const" and any(any(starts.maps) for starts, _ in turns)
    noise = own_maps if has_own else noise_of(model, sampling.noise, range(count))
    drawn = model.sample_ws(ws_of, count, batch_size, noise)
    if grid is None:
        return drawn
    cells = drawn.reshape(len(ways), frames, *drawn.shape[1:])
    return np.stack([images.grid(cells[:, frame], grid[1]) for frame in range(frames)])


def checked_space(space: Space | None, seeds: Sequence[Key], conditions: Sequence[Condition]) -> Space:
    """Returns where a way leads through: what is asked for, or w where a picture is projected, else z.

    Raises:
        UserError: If there is no such space, or a projected picture is to be told conditions, or to lie in z.
    """
    if space is not None:
        check_choice("space", space, Space)
    if not has_projection(seeds):
        return space or "z"
    if conditions:
        raise UserError("A projected picture cannot be told a condition: leave it or the conditions out.")
    if space == "z":
        raise UserError("A projected picture has a w and no z: let the way lead through w.")
    return "w"


def cells_of(seeds: Sequence[Key], grid: tuple[int, int] | None) -> list[list[Key]]:
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


def frames_there(
    model: "LoadedModel",
    seeds: Sequence[Key],
    frames: int,
    *,
    grid: tuple[int, int] | None = None,
    attributes: Condition | None = None,
    conditions: Sequence[Condition] = (),
) -> int:
    """Returns how many frames of a loop lead from the first key to the last; the others lead back.

    Arguments and errors as those of `interpolate`.
    """
    keys = len(_expanded(model, attributes or {}, conditions)) or len(cells_of(seeds, grid)[0])
    return min(round(frames * (keys - 1) / keys) + 1, frames)


def _way_in_z(
    model: "LoadedModel", starts: Starts, at: Moments, kind: Kind, loop: bool, sampling: Sampling
) -> Callable[[slice], Tensor]:
    labels = starts.labels
    keys = model.z_of_seeds(starts.numbers, sampling.sigma, sampling.threshold)
    z = z_path(keys, at, kind, loop, model.header.latent.mean)

    def ws_of(part: slice) -> Tensor:
        ws = model.ws_of(z[part], labels[at.start[part]], sampling)
        if labels.shape[1]:
            t = torch.from_numpy(at.t[part].astype(np.float32)).to(ws)[:, None, None]
            ws = torch.lerp(ws, model.ws_of(z[part], labels[at.end[part]], sampling), t)
        return ws

    return ws_of


def _way_in_w(
    model: "LoadedModel", starts: Starts, at: Moments, kind: Kind, loop: bool, sampling: Sampling
) -> Callable[[slice], Tensor]:
    ws = starts.ws
    labels = starts.labels if sampling.psi_mean == "class" else None
    means = model.mean_w(labels).expand(len(ws), -1) if kind == "spherical" else ws[:, 0]  # only arcs need it
    return lambda part: w_path(ws, means, Moments(at.start[part], at.end[part], at.t[part]), kind, loop)


def _maps_at(model: "LoadedModel", turn: tuple[Starts, Moments], frame: int) -> Sequence[Tensor]:
    """Returns the noise maps of a frame, turned from one key's to the other's so that they keep their deviation."""
    starts, at = turn
    a, b = (starts.maps[key[frame]] for key in (at.start, at.end))
    a, b = (maps or model.generator.noise_maps for maps in (a, b))
    angle, pairs = at.t[frame] * np.pi / 2, list(zip(a, b, strict=True))
    if all(torch.equal(one, other) for one, other in pairs):
        return a
    return [float(np.cos(angle)) * one + float(np.sin(angle)) * other for one, other in pairs]


def _starts(
    model: "LoadedModel",
    seeds: Sequence[Key],
    attributes: Condition,
    conditions: Sequence[Condition],
    sampling: Sampling,
) -> Starts:
    """Returns the keys of one way."""
    if not conditions:
        return starts_of(model, seeds, attributes, sampling)
    told = _expanded(model, attributes, conditions)
    if len(seeds) not in (1, len(told)):
        raise UserError(f"{len(seeds)} seeds and {len(told)} conditions: give one seed, or one for each condition.")
    if len(seeds) > 1:
        each = [starts_of(model, [seed], condition, sampling) for seed, condition in zip(seeds, told, strict=True)]
        return joined(each)
    first = starts_of(model, seeds, told[0], sampling)
    labels = [first.labels[0]]
    for condition in told[1:]:
        wanted = np.array(model.encode(condition), np.int64)
        labels.append(np.where(wanted == UNKNOWN, labels[-1], wanted))
    return starts_with(model, first.numbers * len(told), np.stack(labels), sampling)


def _expanded(model: "LoadedModel", attributes: Condition, conditions: Sequence[Condition]) -> Sequence[dict[str, str]]:
    return model.expanded([merged(attributes, condition) for condition in conditions])


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
