"""DCGAN.

Paper: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", ICLR 2016. The 96x96 form (a last layer of kernel 5 and stride 3) is that of Chen Yun, "PyTorch: Introduction
and Practice", 2018. Written from these descriptions.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.core.layers import (
    MinibatchStd,
    initialize,
    norm_layer,
    power_of_two_steps,
    weight_norm,
)
from sakuga.models.base import ConvolutionalDiscriminator, LabeledZGenerator, Noise
from sakuga.models.heads import build_head, build_verdict


class DcganGenerator(LabeledZGenerator):
    """z -> 4x4 -> doublings -> picture, each but the last followed by norm and ReLU.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute; their one-hot vectors are appended to z.
    """

    def __init__(self, config: DcganGeneratorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__(config.z_dim, int(config.resolution), attribute_sizes)
        widths = _widths(self.resolution, config.channels)[::-1]
        bias = config.norm == "none"

        layers: list[nn.Module] = [nn.ConvTranspose2d(self.w_dim, widths[0], 4, bias=bias)]
        for i, width in enumerate(widths):
            if i > 0:
                layers += _doubling(config.upsample, widths[i - 1], width, bias)
            layers += [norm_layer(config.norm, width), nn.ReLU(inplace=True)]
        if _triples(self.resolution):
            layers += [nn.ConvTranspose2d(widths[-1], 3, 5, 3, 1)]
        elif config.tail == "transposed":
            layers += [nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1)]
        else:
            layers += [nn.Conv2d(widths[-1], 12, 3, padding=1), nn.PixelShuffle(2)]
        self.layers = nn.Sequential(*layers)
        initialize(self)

    def synthesis(self, ws: Tensor, noise: Noise = "random") -> Tensor:
        """As `Generator.synthesis`; there is no noise in this network."""
        return torch.tanh(self.layers(ws[:, 0, :, None, None]).float())


class DcganDiscriminator(ConvolutionalDiscriminator):
    """Picture -> halvings -> 4x4 -> one logit, LeakyReLU 0.2, no norm on the first layer.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute that the head knows.
    """

    def __init__(self, config: DcganDiscriminatorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__()
        self.resolution = int(config.resolution)
        widths = _widths(self.resolution, config.channels)
        kernel = (5, 3, 1) if _triples(self.resolution) else (4, 2, 1)
        layers: list[nn.Module] = [weight_norm(config.norm, nn.Conv2d(3, widths[0], *kernel)), nn.LeakyReLU(0.2, True)]
        for before, width in pairwise(widths):
            conv = nn.Conv2d(before, width, 4, 2, 1, bias=config.norm not in ("batch", "layer"))
            layers += [weight_norm(config.norm, conv), norm_layer(config.norm, width), nn.LeakyReLU(0.2, True)]
        if config.minibatch_std:
            layers.append(MinibatchStd())
        self.layers = nn.Sequential(*layers)
        maps = widths[-1] + config.minibatch_std
        self.verdict = build_verdict(config, nn.Conv2d(maps, 1, 4), maps * 16)
        self.head = build_head(config, attribute_sizes, maps, maps * 16)
        initialize(self)


def _triples(resolution: int) -> bool:
    return math.log2(resolution) % 1 != 0  # 96 = 4 * 2^3 * 3


def _widths(resolution: int, channels: int) -> list[int]:
    """Returns the channels of D's maps from the first (largest) to the 4x4 one: c, 2c, 4c, ..."""
    largest = resolution // 3 if _triples(resolution) else resolution // 2
    return [channels * 2**i for i in range(power_of_two_steps(4, largest) + 1)]


def _doubling(kind: str, before: int, width: int, bias: bool) -> list[nn.Module]:
    if kind == "transposed":
        return [nn.ConvTranspose2d(before, width, 4, 2, 1, bias=bias)]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(before, width, 3, padding=1, bias=bias)]
