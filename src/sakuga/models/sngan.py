"""The residual networks of SNGAN.

Papers: Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative Adversarial Networks", ICLR 2018
(appendix B.4, tables 4 and 6); labels in G by conditional batch normalization as in Miyato and Koyama, "cGANs with
Projection Discriminator", ICLR 2018 (section 5). The form for 64 pixels, one block shorter than that for 128, is that
of github.com/pfnet-research/sngan_projection. Written from these descriptions.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sakuga.configs.models import SnganDiscriminatorConfig, SnganGeneratorConfig
from sakuga.core.layers import initialize_glorot, weight_norm
from sakuga.models.base import Discriminator, Judgement, LabeledZGenerator, Noise
from sakuga.models.heads import build_head, build_verdict

_G_WIDTHS = {32: (4, 4, 4, 4), 64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1)}
_D_WIDTHS = {32: (2, 2, 2, 2), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16)}
_D_HALVINGS = {32: 2, 64: 5, 128: 5}


class ConditionalNorm(nn.Module):
    """Batch normalization whose gain and bias also depend on the labels.

    Args:
        channels: Of the map.
        num_values: Length of the labels' one-hot vectors, 0 for a plain BatchNorm.
    """

    def __init__(self, channels: int, num_values: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.shift = nn.Linear(num_values, 2 * channels, bias=False) if num_values else None
        if self.shift is not None:
            nn.init.normal_(self.shift.weight, 0.0, 0.02)

    def forward(self, x: Tensor, one_hot: Tensor) -> Tensor:
        """Normalizes x, float `[N, C, H, W]`, with labels, float `[N, num_values]`."""
        x = self.norm(x)
        if self.shift is None:
            return x
        gain, bias = self.shift(one_hot)[:, :, None, None].chunk(2, 1)
        return x * (1 + gain) + bias


class UpBlock(nn.Module):
    """Norm, ReLU, doubling, convolution, norm, ReLU, convolution; beside it doubling and a 1x1 convolution."""

    def __init__(self, before: int, after: int, num_values: int):
        super().__init__()
        self.norm1, self.norm2 = ConditionalNorm(before, num_values), ConditionalNorm(after, num_values)
        self.conv1, self.conv2 = _conv3(before, after), _conv3(after, after)
        self.shortcut = initialize_glorot(nn.Conv2d(before, after, 1))

    def forward(self, x: Tensor, one_hot: Tensor) -> Tensor:
        """Maps float `[N, before, H, W]` to `[N, after, 2H, 2W]`."""
        y = self.conv1(_double(F.relu(self.norm1(x, one_hot))))
        y = self.conv2(F.relu(self.norm2(y, one_hot)))
        # A 1x1 convolution and a doubling may change places; the small map costs a quarter.
        return y + _double(self.shortcut(x))


class DownBlock(nn.Module):
    """ReLU, convolution, ReLU, convolution, halving; beside it a 1x1 convolution and halving.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        norm: Of the weights.
        first: Whether the input is the picture, on which no ReLU acts.
        halves: Whether the side is halved by averaging.
    """

    def __init__(self, before: int, after: int, norm: str, first: bool, halves: bool):
        super().__init__()
        self.first, self.halves = first, halves
        hidden = after if first else before
        self.conv1 = weight_norm(norm, _conv3(before, hidden))
        self.conv2 = weight_norm(norm, _conv3(hidden, after))
        shortcut = initialize_glorot(nn.Conv2d(before, after, 1)) if halves or before != after else None
        self.shortcut = nn.Identity() if shortcut is None else weight_norm(norm, shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, before, H, W]` to `[N, after, H/2, W/2]`, or of the same side."""
        y = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if not self.halves:
            return y + self.shortcut(x)
        # The average of a 1x1 convolution is the convolution of the average.
        return F.avg_pool2d(y, 2) + self.shortcut(F.avg_pool2d(x, 2))


class SnganGenerator(LabeledZGenerator):
    """z -> 4x4 -> residual doublings -> norm, ReLU, 3x3 convolution -> picture.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute. Their one-hot vectors are the tail of w; they set the gains
            and biases of the norms, so that values between two labels have a meaning.
    """

    def __init__(self, config: SnganGeneratorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__(config.z_dim, int(config.resolution), attribute_sizes)
        widths = [config.channels * n for n in _G_WIDTHS[self.resolution]]
        self.first = initialize_glorot(nn.Linear(config.z_dim, widths[0] * 16))
        self.blocks = nn.ModuleList([UpBlock(a, b, sum(attribute_sizes)) for a, b in pairwise(widths)])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.last = initialize_glorot(nn.Conv2d(widths[-1], 3, 3, padding=1))

    def synthesis(self, ws: Tensor, noise: Noise = "random") -> Tensor:
        """As `Generator.synthesis`; there is no noise in this network."""
        z, one_hot = ws[:, 0].split([self.z_dim, self.w_dim - self.z_dim], 1)
        x = self.first(z).unflatten(1, (-1, 4, 4))
        for block in self.blocks:
            x = block(x, one_hot)
        return torch.tanh(self.last(F.relu(self.norm(x))).float())


class SnganDiscriminator(Discriminator):
    """Picture -> residual halvings -> ReLU -> sum over the map -> verdict.

    The last map is 8x8 of 32 pixels, 2x2 of 64, 4x4 of 128.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute that the head knows.
    """

    def __init__(self, config: SnganDiscriminatorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__()
        self.resolution = int(config.resolution)
        widths = [3, *(config.channels * n for n in _D_WIDTHS[self.resolution])]
        halvings = _D_HALVINGS[self.resolution]
        blocks = [
            DownBlock(before, after, config.norm, first=i == 0, halves=i < halvings)
            for i, (before, after) in enumerate(pairwise(widths))
        ]
        self.blocks = nn.Sequential(*blocks)
        self.verdict = build_verdict(config, nn.Conv2d(widths[-1], 1, 1), widths[-1])
        self.head = build_head(config, attribute_sizes, widths[-1], widths[-1])
        for module in (*self.verdict.modules(), *self.head.modules()):
            if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding):
                initialize_glorot(module)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Judgement:
        """As `Discriminator.forward`; `P` is 1."""
        pooled = F.relu(self.blocks(images)).float().sum((2, 3), keepdim=True)
        return Judgement(*self.head(self.verdict(pooled).flatten(1), pooled, labels))


def _conv3(before: int, after: int) -> nn.Module:
    return initialize_glorot(nn.Conv2d(before, after, 3, padding=1), math.sqrt(2))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2)
