"""A second stage that redraws small pictures at twice the size.

Paper: Zhang, Xu, Li, Zhang, Wang, Huang and Metaxas, "StackGAN: Text to Photo-realistic Image Synthesis with Stacked
Generative Adversarial Networks", ICCV 2017, sections 3.3 and 3.4: the first stage's picture is encoded, joined with
the condition, and drawn again by residual blocks and doublings. Here the condition is the first stage's w, which holds
z and the labels. Written from this description.
"""

from typing import Self

import torch
from torch import Tensor, nn

from sakuga.configs.models import StackedGeneratorConfig
from sakuga.core.layers import initialize
from sakuga.models.base import Generator, Noise
from sakuga.models.srresnet import NormedBlock


class StackedGenerator(Generator):
    """w -> finished small picture -> encoding at a quarter of its side, joined with w -> residual blocks -> picture.

    The first stage stays as it is: its parameters take no gradient and it is always in eval mode.

    Args:
        config: The architecture, complete.
        base: The first stage; its weights have to be loaded into `StackedGenerator.base`.
    """

    def __init__(self, config: StackedGeneratorConfig, base: Generator):
        super().__init__()
        self.z_dim, self.resolution = base.z_dim, int(config.resolution)
        self.num_ws, self.w_dim, self.attribute_sizes = base.num_ws, base.w_dim, base.attribute_sizes
        c = config.channels
        self.encoder = nn.Sequential(
            *_layer(nn.Conv2d(3, c, 3, 1, 1, bias=False)),
            *_layer(nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False)),
            *_layer(nn.Conv2d(2 * c, 4 * c, 4, 2, 1, bias=False)),
        )
        layers = _layer(nn.Conv2d(4 * c + base.w_dim, 4 * c, 3, 1, 1, bias=False))
        layers += [NormedBlock(4 * c) for _ in range(config.blocks)]
        for before, after in ((4 * c, 2 * c), (2 * c, c), (c, c // 2)):
            layers += [nn.Upsample(scale_factor=2), *_layer(nn.Conv2d(before, after, 3, 1, 1, bias=False))]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(c // 2, 3, 3, 1, 1))
        initialize(self)
        self.base = base.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`, but the first stage stays in eval mode."""
        super().train(mode)
        self.base.eval()
        return self

    def mapping_of(self, z: Tensor, one_hot: Tensor | None) -> Tensor:
        """As `Generator.mapping_of`, by the first stage."""
        return self.base.mapping_of(z, one_hot)

    def synthesis(self, ws: Tensor, noise: Noise = "random") -> Tensor:
        """As `Generator.synthesis`; the noise is that of the first stage."""
        encoded = self.encoder(self.base.synthesis(ws, noise))
        side = encoded.shape[2]
        condition = ws[:, -1, :, None, None].expand(-1, -1, side, side).to(encoded.dtype)
        return torch.tanh(self.decoder(torch.cat([encoded, condition], 1)).float())


def _layer(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(True)]
