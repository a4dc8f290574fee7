"""The networks of MakeGirlsMoe.

Paper: Jin, Zhang, Li, Tian, Zhu and Fang, "Towards the Automatic Anime Characters Creation with Generative Adversarial
Networks", 2017, section 3.4 and its two figures; G follows the SRResNet of Ledig et al. 2017. Written from these
descriptions. The paper makes 128 pixels; other sizes keep its layers and change the side of the maps: G starts from an
eighth of the side (64 pixels from 8x8), D has as many strided convolutions as lead to 2x2 (3x3 for 96 pixels).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sakuga.configs.models import SrresnetDiscriminatorConfig, SrresnetGeneratorConfig
from sakuga.core.layers import initialize, weight_norm
from sakuga.models.base import ConvolutionalDiscriminator, LabeledZGenerator, Noise
from sakuga.models.heads import build_head, build_verdict


class NormedBlock(nn.Module):
    """The residual block of G: convolution, norm, ReLU, convolution, norm, and the sum with the input."""

    def __init__(self, channels: int):
        super().__init__()
        layers: list[nn.Module] = [_conv3(channels, channels), nn.BatchNorm2d(channels), nn.ReLU(True)]
        self.layers = nn.Sequential(*layers, _conv3(channels, channels), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to the same shape."""
        return x + self.layers(x)


class PlainBlock(nn.Module):
    """The residual block of D: convolution, LeakyReLU, convolution, the sum with the input, LeakyReLU.

    Norms of maps are left out, as they would tie the samples of a batch together, which a gradient penalty forbids.
    """

    def __init__(self, channels: int, norm: str):
        super().__init__()
        self.conv1 = weight_norm(norm, nn.Conv2d(channels, channels, 3, padding=1))
        self.conv2 = weight_norm(norm, nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to the same shape."""
        return F.leaky_relu(x + self.conv2(F.leaky_relu(self.conv1(x), 0.2)), 0.2)


class SrresnetGenerator(LabeledZGenerator):
    """z -> map of an eighth of the side -> residual blocks, spanned by a sum -> three pixel shuffles -> picture.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute; their one-hot vectors are appended to z.
    """

    def __init__(self, config: SrresnetGeneratorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__(config.z_dim, int(config.resolution), attribute_sizes)
        self.side, channels = self.resolution // 8, config.channels
        self.first = nn.Linear(self.w_dim, channels * self.side**2, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.blocks = nn.Sequential(*(NormedBlock(channels) for _ in range(config.blocks)))
        self.blocks_norm = nn.BatchNorm2d(channels)
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [_conv3(channels, 4 * channels), nn.PixelShuffle(2), nn.BatchNorm2d(channels), nn.ReLU(True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 3, 9, padding=4))
        initialize(self)

    def synthesis(self, ws: Tensor, noise: Noise = "random") -> Tensor:
        """As `Generator.synthesis`; there is no noise in this network."""
        x = F.relu(self.first_norm(self.first(ws[:, 0]).unflatten(1, (-1, self.side, self.side))))
        x = x + F.relu(self.blocks_norm(self.blocks(x)))
        return torch.tanh(self.layers(x).float())


class SrresnetDiscriminator(ConvolutionalDiscriminator):
    """Picture -> strided convolutions, each but the last followed by residual blocks -> verdict on the flattened map.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute that the head knows.
    """

    def __init__(self, config: SrresnetDiscriminatorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__()
        self.resolution = side = int(config.resolution)
        widths = [3]
        while side > 3:
            widths.append(config.channels * 2 ** (len(widths) - 1))
            side //= 2
        layers: list[nn.Module] = []
        for i, (before, width) in enumerate(pairwise(widths)):
            kernel = 4 if i < 3 else 3
            layers += [weight_norm(config.norm, nn.Conv2d(before, width, kernel, 2, 1)), nn.LeakyReLU(0.2, True)]
            if i < len(widths) - 2:
                layers += [PlainBlock(width, config.norm) for _ in range(config.blocks)]
        self.layers = nn.Sequential(*layers)
        self.verdict = build_verdict(config, nn.Conv2d(widths[-1], 1, side), widths[-1] * side**2)
        self.head = build_head(config, attribute_sizes, widths[-1], widths[-1] * side**2)
        initialize(self)


def _conv3(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, bias=False)  # a norm follows
