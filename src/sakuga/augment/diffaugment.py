"""DiffAugment (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.augment.base import FixedAugment
from sakuga.configs.augment import DiffAugmentConfig


class DiffAugment(FixedAugment):
    """Random color, translation and cutout, always at full strength."""

    strength: float = 1.0

    def __init__(self, config: DiffAugmentConfig):
        self.config = config

    def __call__(self, images: Tensor) -> Tensor:
        """Changes pictures, from and to float `[N, 3, H, W]`."""
        if self.config.color:
            images = jitter_color(images)
        if self.config.translation > 0:
            images = translate(images, self.config.translation)
        return cut_out(images, self.config.cutout) if self.config.cutout > 0 else images


def jitter_color(images: Tensor) -> Tensor:
    """Changes brightness by U(-0.5, 0.5), saturation by U(0, 2) and contrast by U(0.5, 1.5), for each picture anew.

    Args:
        images: float `[N, 3, H, W]` in [-1, 1].

    Returns:
        float `[N, 3, H, W]`, not clipped.
    """
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, device=images.device)
    images = images + (brightness - 0.5)
    gray = images.mean(1, keepdim=True)
    images = gray + (images - gray) * (saturation * 2)
    level = images.mean((1, 2, 3), keepdim=True)
    return level + (images - level) * (contrast + 0.5)


def translate(images: Tensor, part: float) -> Tensor:
    """Shifts each picture by whole pixels, uniformly up to `part` of its side each way; what comes in is 0 (gray)."""
    num, _, height, width = images.shape
    reach = round(part * height), round(part * width)
    down = torch.randint(-reach[0], reach[0] + 1, (num, 1), device=images.device)
    right = torch.randint(-reach[1], reach[1] + 1, (num, 1), device=images.device)
    rows = torch.arange(height, device=images.device) + down + reach[0]
    columns = torch.arange(width, device=images.device) + right + reach[1]
    padded = F.pad(images, (reach[1], reach[1], reach[0], reach[0])).permute(0, 2, 3, 1)
    picture = torch.arange(num, device=images.device)[:, None, None]
    return padded[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cut_out(images: Tensor, part: float) -> Tensor:
    """Sets a square of `part` of the side, its center uniform over the picture, to 0 (gray)."""
    num, _, height, width = images.shape
    center_y, center_x = torch.rand(2, num, 1, 1, device=images.device)
    y = torch.arange(height, device=images.device)[None, :, None] + 0.5
    x = torch.arange(width, device=images.device)[None, None, :] + 0.5
    inside = ((y - center_y * height).abs() < part * height / 2) & ((x - center_x * width).abs() < part * width / 2)
    return images * (~inside)[:, None]
