"""The noise maps of pictures: by seed, and batch by batch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sakuga.configs.sampling import NoiseKind
from sakuga.core.random import generator
from sakuga.models.base import Noise

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel


def noise_maps(shapes: Sequence[tuple[int, int]], seed: int, draw: int = 0) -> list[Tensor]:
    """Returns the maps of a seed, normal with deviation 1, float32 `[1, 1, H, W]` for each shape."""
    stream = generator("noise", seed, draw)
    return [torch.randn(1, 1, *shape, generator=stream) for shape in shapes]


def stacked(maps: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Returns the maps of several pictures, float32 `[1, 1, H, W]` each, level by level, `[N, 1, H, W]`."""
    return [torch.cat(level) for level in zip(*maps, strict=True)]


def noise_of(model: "LoadedModel", kind: NoiseKind, numbers: Sequence[int]) -> Callable[[slice], Noise]:
    """Returns the noise of a part of the pictures.

    Args:
        model: Any model; one without noise is always `const`.
        kind: As in `Sampling`.
        numbers: What each picture's maps are drawn by with `random`: its seed.
    """

    def of(part: slice) -> Noise:
        if kind != "random":
            return kind
        maps = [noise_maps(model.generator.noise_shapes, number) for number in numbers[part]]
        return [level.to(model.device) for level in stacked(maps)]

    return of
