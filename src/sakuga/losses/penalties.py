"""Penalties on D's slope."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sakuga.configs.losses import (
    DraganPenaltyConfig,
    NoPenaltyConfig,
    PenaltyConfig,
    R1PenaltyConfig,
    R1R2PenaltyConfig,
    R2PenaltyConfig,
    WganGpPenaltyConfig,
)


class Penalty(NamedTuple):
    """One penalty. The step runs D at each of the `points` and passes what came out to `value`.

    Attributes:
        points: Maps real and fake pictures, float `[N, 3, H, W]`, to the batches of pictures where the slope is taken;
            they require gradients. Draws from torch's global generator.
        value: Maps one of these batches and D's logits there, float `[N, P]`, to the penalty of each sample, float
            `[N]`, weight included. The penalty is the sum of the means over all batches.
        needs_fake: Whether `points` looks at the fake pictures; otherwise they may be None.
        sides: For each of these batches, with whose labels D judges it: those of the `real` or of the `fake` pictures.
    """

    points: Callable[[Tensor, Tensor | None], tuple[Tensor, ...]]
    value: Callable[[Tensor, Tensor], Tensor]
    needs_fake: bool = False
    sides: tuple[Literal["real", "fake"], ...] = ("real",)


def penalty(config: PenaltyConfig) -> Penalty | None:
    """Returns the penalty that the config describes, None for none."""
    match config:
        case R1PenaltyConfig():
            assert config.weight != "auto"
            return r1(config.weight)
        case R2PenaltyConfig():
            return r2(config.weight)
        case R1R2PenaltyConfig():
            return r1r2(config.weight)
        case WganGpPenaltyConfig():
            return wgan_gp(config.weight, config.target, config.one_sided)
        case DraganPenaltyConfig():
            return dragan(config.weight, config.target, config.scale)
        case NoPenaltyConfig():
            return None


def r1(weight: float) -> Penalty:
    """R1: weight / 2 * |grad D(real)|^2 (Mescheder, Geiger and Nowozin 2018, equation 9)."""
    return Penalty(lambda real, fake: (_start(real),), _squared_slope(weight))


def r2(weight: float) -> Penalty:
    """R2: weight / 2 * |grad D(fake)|^2 (Mescheder, Geiger and Nowozin 2018, equation 10)."""
    return Penalty(lambda real, fake: (_start(_given(fake)),), _squared_slope(weight), True, ("fake",))


def r1r2(weight: float) -> Penalty:
    """R1 + R2, each at its own batch, so that D's batch statistics never mix real and fake pictures."""
    return Penalty(
        lambda real, fake: (_start(real), _start(_given(fake))), _squared_slope(weight), True, ("real", "fake")
    )


def wgan_gp(weight: float = 10.0, target: float = 1.0, one_sided: bool = False) -> Penalty:
    """WGAN-GP: weight * (|grad D(x)| - target)^2 at x = u real + (1 - u) fake, u ~ U(0, 1) (Gulrajani et al., "Improved
    Training of Wasserstein GANs", 2017, equation 3).

    Args:
        weight: The paper's lambda.
        target: The slope that D shall have.
        one_sided: Whether slopes below the target are free (section 4 of the paper, "two-sided penalty").
    """

    def points(real: Tensor, fake: Tensor | None) -> tuple[Tensor, ...]:
        # One weight a sample: one for the whole batch would look at a single fraction of the way each time, and one a
        # pixel would leave the straight line between the two pictures.
        u = _uniform_per_sample(real)
        return (_start(u * real + (1 - u) * _given(fake)),)

    return Penalty(points, _slope_towards(weight, target, one_sided), needs_fake=True)


def dragan(weight: float = 10.0, target: float = 1.0, scale: float = 0.5) -> Penalty:
    """DRAGAN: weight * (|grad D(x)| - target)^2 near real pictures (Kodali et al., "On Convergence and Stability of
    GANs", 2017).

    x = real + alpha * scale * std * U, with std of all values of the real batch, U ~ U(0, 1) for each value and
    alpha ~ U(0, 1) for each sample. This is what the authors' program does (github.com/kodalinaveen3/DRAGAN), and after
    it most others; the paper's own noise is normal.
    """

    def points(real: Tensor, fake: Tensor | None) -> tuple[Tensor, ...]:
        # numpy's standard deviation, as in the authors' program, divides by the number of values.
        noise = scale * real.std(correction=0) * torch.rand_like(real)
        return (_start(real + _uniform_per_sample(real) * noise),)

    return Penalty(points, _slope_towards(weight, target))


def _squared_slope(weight: float) -> Callable[[Tensor, Tensor], Tensor]:
    def value(at: Tensor, logits: Tensor) -> Tensor:
        return 0.5 * weight * _slope(at, logits).square().sum(1)

    return value


def _slope_towards(weight: float, target: float, one_sided: bool = False) -> Callable[[Tensor, Tensor], Tensor]:
    def value(at: Tensor, logits: Tensor) -> Tensor:
        # Unlike the root of a sum of squares, this norm has a finite gradient (0) where the slope is 0.
        excess = torch.linalg.vector_norm(_slope(at, logits), dim=1) - target
        return weight * (excess.relu() if one_sided else excess).square()

    return value


def _slope(at: Tensor, logits: Tensor) -> Tensor:
    """Returns D's gradient at each sample, float `[N, values of a sample]`, with its own graph."""
    (slope,) = torch.autograd.grad(logits.sum(), at, create_graph=True)
    return slope.flatten(1)


def _start(images: Tensor) -> Tensor:
    return images.detach().requires_grad_(True)


def _given(fake: Tensor | None) -> Tensor:
    if fake is None:
        raise TypeError("This penalty is taken at fake pictures, too, and was given none.")
    return fake


def _uniform_per_sample(images: Tensor) -> Tensor:
    return torch.rand(len(images), *(1,) * (images.dim() - 1), dtype=images.dtype, device=images.device)
