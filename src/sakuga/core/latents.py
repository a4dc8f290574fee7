"""Latent vectors: seeds, their z, and the paths between them."""

import re
from collections.abc import Sequence

import numpy as np

from sakuga.core.errors import UserError

MAX_SEED = 2**32 - 1


def parse_seeds(text: str, option: str = "--seeds") -> list[int]:
    """Returns the seeds of a text such as `"0-63,77"`, in the order written.

    Raises:
        UserError: If the text is not a comma-separated list of numbers and ranges within 0..2^32-1.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,99})\s*(?:-\s*(\d{1,99})\s*)?", part)
        if not match:
            raise UserError(
                f"{option} {text!r}: {part.strip()!r} is not a seed or a range: write, for example, 0-63,77."
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if max(first, last) > MAX_SEED:
            raise UserError(f"{option} {text!r}: {part.strip()!r} is too large: seeds go from 0 to {MAX_SEED}.")
        if first > last:
            raise UserError(f"{option} {text!r}: write the range {part.strip()!r} from low to high, {last}-{first}.")
        if last - first >= 1_000_000:
            raise UserError(
                f"{option} {text!r}: {part.strip()!r} names more than a million seeds: write a shorter range."
            )
        seeds.extend(range(first, last + 1))
    return seeds


def z_of_seeds(
    seeds: Sequence[int], z_dim: int, mean: float = 0.0, sigma: float = 1.0, threshold: float | None = None
) -> np.ndarray:
    """Returns `mean + sigma * RandomState(seed).randn(z_dim)` for each seed, as NVIDIA's tools draw it.

    Args:
        seeds: Each in 0..2^32-1.
        z_dim: The length of z.
        mean: The mean of z.
        sigma: Its standard deviation.
        threshold: Components further than so many standard deviations from the mean are drawn again, until none is,
            from the same stream (Brock et al. 2019, "truncation trick"); None: they stay.

    Returns:
        float32 `[len(seeds), z_dim]`.
    """
    z = np.stack([_normal(seed, z_dim, threshold) for seed in seeds]) if len(seeds) else np.zeros((0, z_dim))
    return (mean + sigma * z).astype(np.float32)


def _normal(seed: int, z_dim: int, threshold: float | None) -> np.ndarray:
    stream = np.random.RandomState(seed)
    z = stream.randn(z_dim)
    while threshold is not None and (beyond := np.abs(z) > threshold).any():
        z[beyond] = stream.randn(int(beyond.sum()))
    return z


def lerp(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """Returns `a + t * (b - a)`; arrays broadcast."""
    return a + t * (b - a)


def slerp(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """Returns the spherical interpolation of two vectors (Shoemake 1985), their lengths interpolated linearly.

    Args:
        a: float `[..., z_dim]`.
        b: float `[..., z_dim]`.
        t: In [0, 1]; broadcasts against `[..., 1]`.

    Returns:
        float `[..., z_dim]`; the straight line where the directions are equal or a vector is zero. Opposite ones have
        no one arc between them: they get that through the axis that is furthest from them.
    """
    length_a, length_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    unit_a, unit_b = a / np.maximum(length_a, 1e-12), b / np.maximum(length_b, 1e-12)
    angle = np.arccos(np.clip((unit_a * unit_b).sum(-1, keepdims=True), -1.0, 1.0))
    sine = np.sin(angle)
    straight = (sine < 1e-6) | (np.minimum(length_a, length_b) < 1e-12)
    direction = (np.sin((1 - t) * angle) * unit_a + np.sin(t * angle) * unit_b) / np.where(straight, 1.0, sine)
    opposite = (sine < 1e-6) & (angle > 1) & (np.minimum(length_a, length_b) >= 1e-12)
    if opposite.any():
        axis = np.eye(a.shape[-1])[np.abs(unit_a).argmin(-1)]
        aside = axis - (axis * unit_a).sum(-1, keepdims=True) * unit_a
        aside = aside / np.maximum(np.linalg.norm(aside, axis=-1, keepdims=True), 1e-12)
        direction = np.where(opposite, np.cos(np.pi * t) * unit_a + np.sin(np.pi * t) * aside, direction)
        straight = straight & ~opposite
    return np.where(straight, lerp(a, b, t), direction * lerp(length_a, length_b, t)).astype(a.dtype)
