"""Penalties on D's slope."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from sakuga.configs.losses import PenaltyConfig, R1PenaltyConfig


class Penalty(NamedTuple):
    """One penalty. The step runs D at `points` and passes what came out to `value`.

    Attributes:
        points: Maps real and fake pictures, float `[N, 3, H, W]`, to the pictures where the slope is taken; they
            require gradients.
        value: Maps these points and D's logits there, float `[N, P]`, to the penalty of each sample, float `[N]`.
    """

    points: Callable[[Tensor, Tensor | None], Tensor]
    value: Callable[[Tensor, Tensor], Tensor]


def penalty(config: PenaltyConfig) -> Penalty | None:
    """Returns the penalty that the config describes, None for none."""
    return r1(config.weight) if isinstance(config, R1PenaltyConfig) else None


def r1(weight: float) -> Penalty:
    """R1: weight / 2 * |grad D(real)|^2 (Mescheder, Geiger and Nowozin 2018, equation 9)."""

    def points(real: Tensor, fake: Tensor | None) -> Tensor:
        return real.detach().requires_grad_(True)

    def value(at: Tensor, logits: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(logits.sum(), at, create_graph=True)
        return 0.5 * weight * slope.square().sum((1, 2, 3))

    return Penalty(points, value)
