"""Small layers that several families share."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from sakuga.core.errors import UserError


def norm_layer(kind: str, channels: int) -> nn.Module:
    """Returns the normalisation of a feature map, float `[N, C, H, W]`: `batch`, `layer`, or none at all.

    `layer` is layer normalisation over C, H and W with a gain and a bias for each channel. `spectral` normalises
    weights and not maps: see `weight_norm`.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    return nn.Identity()


def weight_norm(kind: str, layer: nn.Module) -> nn.Module:
    """Returns the layer, under spectral normalisation (Miyato et al. 2018) if `kind` is `spectral`."""
    return spectral_norm(layer) if kind == "spectral" else layer


class MinibatchStd(nn.Module):
    """Appends the standard deviation over groups of the batch as one more channel (Karras et al. 2018, section 3)."""

    def __init__(self, group_size: int = 8):
        super().__init__()
        self.group_size = group_size

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to `[N, C + 1, H, W]`; a batch that the group does not divide is one group."""
        num, channels, height, width = x.shape
        group = self.group_size if num % self.group_size == 0 else num
        grouped = x.float().reshape(group, -1, channels, height, width)
        deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        plane = deviation.repeat(group).reshape(num, 1, 1, 1).expand(-1, 1, height, width)
        return torch.cat([x, plane.to(x.dtype)], 1)


def power_of_two_steps(first: int, last: int) -> int:
    """Returns how many doublings lead from `first` to `last`.

    Raises:
        UserError: If none do.
    """
    steps, size = 0, first
    while size < last:
        steps, size = steps + 1, size * 2
    if size != last:
        raise UserError(f"A size of {last} cannot be reached from {first} by doubling: choose {size // 2} or {size}.")
    return steps
