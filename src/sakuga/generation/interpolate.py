"""Ways through key points in z and between conditions, and the pictures along them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch

from sakuga.configs.conditions import Condition, merged
from sakuga.configs.labels import UNKNOWN
from sakuga.core.errors import UserError
from sakuga.core.latents import lerp, slerp

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

Kind = Literal["linear", "spherical", "smooth"]


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


def interpolate(
    model: "LoadedModel",
    seeds: Sequence[int],
    frames: int,
    *,
    kind: Kind = "smooth",
    loop: bool = True,
    sigma: float | None = None,
    attributes: Condition | None = None,
    conditions: Sequence[Condition] = (),
    batch_size: int = 64,
) -> np.ndarray:
    """Draws a way through the pictures of several seeds, of several conditions, or both.

    With attributes, each frame blends the ws of its z under the labels of the two keys that it lies between.

    Args:
        model: Any model.
        seeds: The keys; with conditions one for each, or one for all.
        frames: How many pictures.
        kind: As in `z_path`.
        loop: Whether the way leads back to the first seed.
        sigma: Replaces the standard deviation of z.
        attributes: Attribute name to value; what is not named is a function of the seed.
        conditions: What else the keys are told, one for each seed, or for one seed a list of any length, where `all`
            stands for all values in their order. What a condition of one seed does not name stays as it was before.
        batch_size: Pictures a forward pass.

    Returns:
        uint8 `[frames, H, W, 3]`.

    Raises:
        UserError: If there are fewer than two keys or frames, the numbers of seeds and conditions do not fit, or as
            `LoadedModel.generate`.
    """
    seeds, labels = _keys(model, seeds, attributes or {}, conditions)
    at = moments(len(seeds), frames, loop)
    z = z_path(model.z_of_seeds(seeds, sigma), at, kind, loop, model.header.latent.mean)

    def ws_of(part: slice) -> torch.Tensor:
        ws = model.ws_of(z[part], labels[at.start[part]])
        if labels.shape[1]:
            t = torch.from_numpy(at.t[part].astype(np.float32)).to(ws)[:, None, None]
            ws = torch.lerp(ws, model.ws_of(z[part], labels[at.end[part]]), t)
        return ws

    return model.sample_ws(ws_of, frames, batch_size)


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
