"""Adaptive discriminator augmentation (Karras et al., "Training Generative Adversarial Networks with Limited Data",
NeurIPS 2020, appendix B): the paper's pixel blitting, geometry and color, in this order.

Each change is made with probability p for each picture anew. All that moves pixels is one matrix a picture and one
bilinear `grid_sample` with mirrored borders (the paper filters with wavelets at twice the size, which costs several
times as much); all that changes colors is one more matrix.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.augment import AdaConfig
from sakuga.core import distributed

_INTERVAL = 4  # rounds from one move of the strength to the next, as in the paper


class Ada:
    """Changes whose probability follows D's overfitting.

    D is sure of the pictures that it trains on once it remembers them: where r = E[sign(D(real))] is above the target
    p rises, else it falls (section 3 of the paper, r_t).

    Args:
        config: Which changes, and how p moves.
    """

    def __init__(self, config: AdaConfig):
        self.config = config
        self.strength = config.strength
        self.rate = 1 / config.speed.images(1, 1)
        self._signs: list[Tensor] = []  # of this round
        self._means: list[float] = []  # of the rounds since the last move
        self._images = 0

    def __call__(self, images: Tensor) -> Tensor:
        """Changes pictures, from and to float `[N, 3, H, W]`; not clipped."""
        if self.strength == 0:
            return images
        if self.config.blit or self.config.geometry:
            matrix = motion(
                len(images), images.shape[2:], self.strength, self.config.blit, self.config.geometry, images.device
            )
            images = warp(images, matrix)
        return recolor(images, color_change(len(images), self.strength, images.device)) if self.config.color else images

    def see(self, logits: Tensor) -> None:
        """As `Augment.see`."""
        if self.config.target is not None:
            self._signs.append(logits.detach().sign().mean())

    def end_round(self, images: int) -> None:
        """As `Augment.end_round`."""
        self._images += images
        if not self._signs:
            return
        mean = torch.stack(self._signs).mean()
        self._signs = []
        # Every round, although it is used only after some: what a process alone knows is not saved.
        distributed.average_([mean])
        self._means.append(mean.item())
        if len(self._means) < _INTERVAL:
            return
        assert self.config.target is not None
        excess = sum(self._means) / len(self._means) - self.config.target
        step = math.copysign(self._images * self.rate, excess) if excess else 0.0
        self.strength = min(max(self.strength + step, 0.0), self.config.limit)
        self._means, self._images = [], 0

    def state(self) -> dict[str, Any]:
        """Returns the strength and what was seen since it moved."""
        return {"strength": self.strength, "means": list(self._means), "images": self._images}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        self.strength, self._images = float(state["strength"]), int(state["images"])
        self._means, self._signs = [float(mean) for mean in state["means"]], []


class _Chances:
    """Draws for `count` pictures at once: which of them are changed, and how."""

    def __init__(self, count: int, device: torch.device):
        self.count, self.device = count, device

    def happens(self, p: float) -> Tensor:
        return torch.rand(self.count, device=self.device) < p

    def uniform(self, p: float, reach: float) -> Tensor:
        """Returns U(-reach, reach) with probability p, else 0; float `[N]`."""
        return (torch.rand(self.count, device=self.device) * 2 - 1) * reach * self.happens(p)

    def normal(self, p: float, sigma: float) -> Tensor:
        """Returns N(0, sigma^2) with probability p, else 0; float `[N]`."""
        return torch.randn(self.count, device=self.device) * sigma * self.happens(p)

    def integer(self, p: float, count: int) -> Tensor:
        """Returns one of 0..count-1 with probability p, else 0; int64 `[N]`."""
        return torch.randint(count, (self.count,), device=self.device) * self.happens(p)


def motion(
    count: int, size: tuple[int, ...] | torch.Size, p: float, blit: bool, geometry: bool, device: torch.device
) -> Tensor:
    """Draws where each picture's pixels come from.

    Blitting: mirror, turn by a multiple of 90 degrees, shift by whole pixels up to 1/8 of the side. Geometry: scale by
    2^N(0, 0.2^2), rotate by U(-180, 180) degrees, stretch by 2^N(0, 0.2^2) one way and shrink the other, rotate again,
    shift by N(0, 1/8^2) of the side. Each of the two rotations takes place with probability 1 - sqrt(1 - p), so that
    one of them does with p. A shift moves both ways at once or not at all.

    Args:
        count: Pictures.
        size: Their height and width.
        p: The probability of each change.
        blit: Whether to draw the first group.
        geometry: Whether to draw the second group.
        device: Where the matrices shall be.

    Returns:
        float32 `[N, 2, 3]`: maps a pixel's (x, y, 1), counted from the center, to the place in the picture before.
    """
    chances = _Chances(count, device)
    height, width = size
    # The picture undergoes the changes in the order of these lines; the way back is their inverses, last one first.
    back = torch.eye(3, device=device).repeat(count, 1, 1)
    if blit:
        back = back @ _scaling(1 - 2.0 * chances.integer(p, 2), torch.ones(count, device=device))
        back = back @ _rotation(chances.integer(p, 4) * (math.pi / 2))
        moved = chances.happens(p)
        shift_x, shift_y = chances.uniform(1, 1 / 8) * moved, chances.uniform(1, 1 / 8) * moved
        back = back @ _shift((shift_x * width).round(), (shift_y * height).round())
    if geometry:
        p_rotation = 1 - math.sqrt(1 - p)
        scale = chances.normal(p, 0.2).exp2()
        back = back @ _scaling(scale, scale)
        back = back @ _rotation(chances.uniform(p_rotation, math.pi))
        stretch = chances.normal(p, 0.2).exp2()
        back = back @ _scaling(stretch, 1 / stretch)
        back = back @ _rotation(chances.uniform(p_rotation, math.pi))
        moved = chances.happens(p)
        back = back @ _shift(chances.normal(1, 1 / 8) * moved * width, chances.normal(1, 1 / 8) * moved * height)
    return back[:, :2]


def warp(images: Tensor, matrix: Tensor) -> Tensor:
    """Moves pixels by bilinear interpolation; what comes in from outside is the picture's mirror image.

    Args:
        images: float `[N, 3, H, W]`.
        matrix: float32 `[N, 2, 3]` of `motion`.

    Returns:
        float `[N, 3, H, W]`.
    """
    height, width = images.shape[2:]
    half = torch.tensor([width / 2, height / 2], device=images.device)
    # grid_sample counts from -1 at one border to 1 at the other.
    scaled = torch.cat([matrix[:, :, :2] * half, matrix[:, :, 2:]], 2) / half[:, None]
    grid = F.affine_grid(scaled.to(images.dtype), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def color_change(count: int, p: float, device: torch.device) -> Tensor:
    """Draws how each picture's colors change.

    Brightness + N(0, 0.2^2); contrast times 2^N(0, 0.5^2); with probability 1/2 inverted lightness; hue turned by
    U(-180, 180) degrees; saturation times 2^N(0, 1).

    Args:
        count: Pictures.
        p: The probability of each change.
        device: Where the matrices shall be.

    Returns:
        float32 `[N, 3, 4]`: maps (R, G, B, 1) to the new color.
    """
    chances = _Chances(count, device)
    identity = torch.eye(3, device=device)
    gray = torch.full((3, 3), 1 / 3, device=device)  # the projection to the axis of grays
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device) / math.sqrt(3)

    brightness = chances.normal(p, 0.2)
    contrast = chances.normal(p, 0.5).exp2()
    flip = chances.integer(p, 2)
    angle = chances.uniform(p, math.pi)
    saturation = chances.normal(p, 1.0).exp2()
    # Contrast and lightness scale along the axis of grays, contrast and saturation across it, where the hue turns
    # (Rodrigues' formula); none of them mixes the two, so their product can be written down.
    along = (contrast * (1 - 2 * flip))[:, None, None]
    across = (contrast * saturation)[:, None, None]
    turned = angle.cos()[:, None, None] * (identity - gray) + angle.sin()[:, None, None] * cross
    linear = along * gray + across * turned
    return torch.cat([linear, linear.sum(2, keepdim=True) * brightness[:, None, None]], 2)


def recolor(images: Tensor, matrix: Tensor) -> Tensor:
    """Applies one color matrix, float32 `[N, 3, 4]`, to each picture, float `[N, 3, H, W]`."""
    matrix = matrix.to(images.dtype)
    changed = torch.baddbmm(matrix[:, :, 3:], matrix[:, :, :3], images.flatten(2))
    return changed.view(images.shape)


def _rows(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    """Undoes a scaling by x and y, float `[N]` each; returns `[N, 3, 3]`."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _rows((1 / x, zero, zero), (zero, 1 / y, zero), (zero, zero, one))


def _rotation(angle: Tensor) -> Tensor:
    """Undoes a rotation by an angle in radians, float `[N]`; returns `[N, 3, 3]`."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return _rows((cos, sin, zero), (-sin, cos, zero), (zero, zero, one))


def _shift(x: Tensor, y: Tensor) -> Tensor:
    """Undoes a shift by x and y pixels, float `[N]` each; returns `[N, 3, 3]`."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _rows((one, zero, -x), (zero, one, -y), (zero, zero, one))
