"""EfficientNet-Lite0, trained on ImageNet, as a frozen network to measure and to judge with.

Paper: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; the Lite variant
(ReLU6 for swish, no squeeze-and-excitation) is Google's, 2020. Weights: converted from TensorFlow by ML Illustrated,
Apache-2.0.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sakuga.features.find import find_weights
from sakuga.features.frozen import Frozen, fold_batch_norm

# Rows: repeats, kernel, stride, expansion, channels (efficientnet_lite_builder.py of the TensorFlow original).
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
NORM_EPS = 1e-3


class EfficientNetLite0(Frozen):
    """The network without its classifier, batch norms folded into the convolutions.

    Its parameters do not require gradients, its input may. Train mode does not exist.

    Attributes:
        num_features: 1280.
        map_channels: The channels of the four feature maps.
        map_strides: Their strides.
        size: The height and width that the network was trained at; others of 32 and more work too.
    """

    num_features = 1280
    map_channels = (24, 40, 112, 320)
    map_strides = (4, 8, 16, 32)
    size = 224

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, 32, kernel=3, stride=2)
        blocks: list[nn.Module] = []
        ends: list[int] = []
        channels = 32
        for repeats, kernel, stride, expansion, out in STAGES:
            for i in range(repeats):
                blocks.append(InvertedResidual(channels, out, kernel, stride if i == 0 else 1, expansion))
                channels = out
            ends.append(len(blocks))
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv(320, 1280, kernel=1)
        # A map is taken where its stride ends: after the stages of 24, 40, 112 and 320 channels.
        self.map_ends = tuple(ends[i] for i in (1, 2, 4, 6))
        self.freeze()

    def feature_maps(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Computes the last feature map of each stride, before any nonlinearity (the blocks end linearly).

        Args:
            images: float `[N, 3, H, W]` in [-1, 1], of any size; 224 is what the network was trained at.

        Returns:
            float `[N, 24, H/4, W/4]`, `[N, 40, H/8, W/8]`, `[N, 112, H/16, W/16]`, `[N, 320, H/32, W/32]` (rounded up).
        """
        # The Lite models' own input is (x - 127) / 128 for x in 0..255.
        x = self.stem(images * (127.5 / 128) + 0.5 / 128)
        maps = []
        for i, block in enumerate(self.blocks, start=1):
            x = block(x)
            if i in self.map_ends:
                maps.append(x)
        return maps[0], maps[1], maps[2], maps[3]

    def forward(self, images: Tensor) -> Tensor:
        """Computes the pooled features.

        Args:
            images: float `[N, 3, H, W]` in [-1, 1].

        Returns:
            float `[N, 1280]`, not negative.
        """
        return self.head(self.feature_maps(images)[-1]).mean((2, 3))


def load_efficientnet(path: str | Path | None = None) -> EfficientNetLite0:
    """Returns the network with its published weights; where they are looked for: `find_weights("efficientnet")`.

    Raises:
        UserError: If the weights are not to be had.
    """
    state = torch.load(find_weights("efficientnet", path), map_location="cpu", weights_only=True)
    network = EfficientNetLite0()
    network.load_state_dict(convert(state))
    return network


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns our state of the published one (`_blocks.0._depthwise_conv.weight`, ...), batch norms folded."""

    def fold(target: str, conv: str, norm: str) -> dict[str, Tensor]:
        weight, bias = fold_batch_norm(
            state[f"{conv}.weight"],
            mean=state[f"{norm}.running_mean"],
            variance=state[f"{norm}.running_var"],
            gain=state[f"{norm}.weight"],
            bias=state[f"{norm}.bias"],
            eps=NORM_EPS,
        )
        return {f"{target}.conv.weight": weight, f"{target}.conv.bias": bias}

    ours = fold("stem", "_conv_stem", "_bn0") | fold("head", "_conv_head", "_bn1")
    for i in range(sum(stage[0] for stage in STAGES)):
        source = f"_blocks.{i}"
        if f"{source}._expand_conv.weight" in state:
            ours |= fold(f"blocks.{i}.expand", f"{source}._expand_conv", f"{source}._bn0")
        ours |= fold(f"blocks.{i}.depthwise", f"{source}._depthwise_conv", f"{source}._bn1")
        ours |= fold(f"blocks.{i}.project", f"{source}._project_conv", f"{source}._bn2")
    return ours


class Conv(nn.Module):
    """A convolution with TensorFlow's SAME padding and, unless it is `linear`, ReLU6."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
    ):
        super().__init__()
        self.kernel, self.stride, self.linear = kernel, stride, linear
        self.conv = nn.Conv2d(
            channels,
            out,
            kernel,
            stride,
            kernel // 2 if stride == 1 else 0,
            groups=groups,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to `[N, out, ceil(H / stride), ceil(W / stride)]`."""
        if self.stride > 1:
            top, bottom = _same(x.shape[2], self.kernel, self.stride)
            left, right = _same(x.shape[3], self.kernel, self.stride)
            x = F.pad(x, (left, right, top, bottom))
        x = self.conv(x)
        return x if self.linear else F.relu6(x)


class InvertedResidual(nn.Module):
    """MBConv: 1x1 to more channels, a convolution of each channel, 1x1 back without nonlinearity."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = channels * expansion
        self.expand = Conv(channels, wide, kernel=1) if expansion > 1 else nn.Identity()
        self.depthwise = Conv(wide, wide, kernel, stride, groups=wide)
        self.project = Conv(wide, out, kernel=1, linear=True)
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to `[N, out, ceil(H / stride), ceil(W / stride)]`."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
