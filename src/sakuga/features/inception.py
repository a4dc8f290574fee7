"""The Inception v3 of 2015-12-05, whose features define the FID.

Paper: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015; its use as a ruler: Heusel et
al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017. It is TensorFlow's graph
of that day and differs from torchvision's network: average pooling leaves the padding out, and the last block pools by
the maximum. Layers keep that graph's names. Weights: Google, Apache-2.0.
"""

import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sakuga.features.find import find_weights
from sakuga.features.frozen import Frozen, fold_batch_norm

NORM_EPS = 1e-3


class Inception(Frozen):
    """The network up to its pooled features, batch norms folded into the convolutions.

    Attributes:
        num_features: 2048.
        size: 299, the only size whose features may be called FID features.
    """

    num_features = 2048
    size = 299

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, stride=2)
        self.layers = nn.Sequential(
            OrderedDict(
                conv=Conv(3, 32, 3, stride=2),
                conv_1=Conv(32, 32, 3, same=False),
                conv_2=Conv(32, 64, 3),
                pool=pool,
                conv_3=Conv(64, 80, 1),
                conv_4=Conv(80, 192, 3, same=False),
                pool_1=pool,
                mixed=mixed_35(192, 32),
                mixed_1=mixed_35(256, 64),
                mixed_2=mixed_35(288, 64),
                mixed_3=mixed_35_to_17(288),
                mixed_4=mixed_17(768, 128),
                mixed_5=mixed_17(768, 160),
                mixed_6=mixed_17(768, 160),
                mixed_7=mixed_17(768, 192),
                mixed_8=mixed_17_to_8(768),
                mixed_9=Mixed8(1280, AveragePool()),
                mixed_10=Mixed8(2048, nn.MaxPool2d(3, stride=1, padding=1)),
            )
        )
        self.freeze()

    def forward(self, images: Tensor) -> Tensor:
        """Computes the pooled features.

        Args:
            images: float `[N, 3, 299, 299]` in [-1, 1].

        Returns:
            float `[N, 2048]`, not negative.
        """
        # The graph's own input is x / 128 - 1 for x in 0..255.
        return self.layers(images * (127.5 / 128) - 0.5 / 128).mean((2, 3))


def load_inception(path: str | Path | None = None) -> Inception:
    """Returns the network with its published weights; where they are looked for: `find_weights("inception")`.

    Raises:
        UserError: If the weights are not to be had.
    """
    # TorchScript is a program: find_weights has checked that it is the known one.
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of torch.jit as a whole; this file exists in no other form
        script = torch.jit.load(find_weights("inception", path), map_location="cpu")
    network = Inception()
    network.load_state_dict(convert(script.state_dict()))
    return network


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns our state of the TorchScript's, batch norms folded.

    Args:
        state: `net.layers.conv.weight`, `.beta`, `.mean`, `.var`, and so on.
    """
    ours = {}
    for name in (key.removesuffix(".weight") for key in state if key.endswith(".weight")):
        target = name.removeprefix("net.")
        ours[f"{target}.weight"], ours[f"{target}.bias"] = fold_batch_norm(
            state[f"{name}.weight"],
            mean=state[f"{name}.mean"],
            variance=state[f"{name}.var"],
            bias=state[f"{name}.beta"],
            eps=NORM_EPS,
        )
    return ours


class Conv(nn.Conv2d):
    """A convolution and ReLU; it keeps the size, unless it has a stride or is not `same`."""

    def __init__(self, channels: int, out: int, kernel: int | tuple[int, int], stride: int = 1, same: bool = True):
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if same and stride == 1 else 0
        super().__init__(channels, out, (height, width), stride, padding)

    def forward(self, input: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to `[N, out, H', W']`."""
        return F.relu(super().forward(input))


class AveragePool(nn.AvgPool2d):
    """The mean over 3x3, of those pixels that lie inside the picture."""

    def __init__(self) -> None:
        super().__init__(3, stride=1, padding=1, count_include_pad=False)


class Mixed(nn.Module):
    """Branches that see the same input, their outputs concatenated."""

    def __init__(self, **branches: nn.Module):
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to `[N, sum of the branches' channels, H', W']`."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class Mixed8(nn.Module):
    """The blocks at 8x8, whose towers split into 1x3 and 3x1 convolutions at their end."""

    def __init__(self, channels: int, pool: nn.Module):
        super().__init__()
        self.conv = Conv(channels, 320, 1)
        self.tower_conv = Conv(channels, 384, 1)
        self.tower_mixed_conv = Conv(384, 384, (1, 3))
        self.tower_mixed_conv_1 = Conv(384, 384, (3, 1))
        self.tower_1_conv = Conv(channels, 448, 1)
        self.tower_1_conv_1 = Conv(448, 384, 3)
        self.tower_1_mixed_conv = Conv(384, 384, (1, 3))
        self.tower_1_mixed_conv_1 = Conv(384, 384, (3, 1))
        self.tower_2_pool = pool
        self.tower_2_conv = Conv(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, 8, 8]` to `[N, 2048, 8, 8]`."""
        tower, tower_1 = self.tower_conv(x), self.tower_1_conv_1(self.tower_1_conv(x))
        outputs = (
            self.conv(x),
            self.tower_mixed_conv(tower),
            self.tower_mixed_conv_1(tower),
            self.tower_1_mixed_conv(tower_1),
            self.tower_1_mixed_conv_1(tower_1),
            self.tower_2_conv(self.tower_2_pool(x)),
        )
        return torch.cat(outputs, dim=1)


def mixed_35(channels: int, pooled: int) -> Mixed:
    """Returns a block at 35x35 with `224 + pooled` channels out."""
    return Mixed(
        conv=Conv(channels, 64, 1),
        tower=_chain(conv=Conv(channels, 48, 1), conv_1=Conv(48, 64, 5)),
        tower_1=_chain(conv=Conv(channels, 64, 1), conv_1=Conv(64, 96, 3), conv_2=Conv(96, 96, 3)),
        tower_2=_chain(pool=AveragePool(), conv=Conv(channels, pooled, 1)),
    )


def mixed_35_to_17(channels: int) -> Mixed:
    """Returns the block from 35x35 to 17x17 with `480 + channels` channels out."""
    return Mixed(
        conv=Conv(channels, 384, 3, stride=2),
        tower=_chain(conv=Conv(channels, 64, 1), conv_1=Conv(64, 96, 3), conv_2=Conv(96, 96, 3, stride=2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def mixed_17(channels: int, inner: int) -> Mixed:
    """Returns a block at 17x17 with 768 channels out."""
    return Mixed(
        conv=Conv(channels, 192, 1),
        tower=_chain(
            conv=Conv(channels, inner, 1),
            conv_1=Conv(inner, inner, (1, 7)),
            conv_2=Conv(inner, 192, (7, 1)),
        ),
        tower_1=_chain(
            conv=Conv(channels, inner, 1),
            conv_1=Conv(inner, inner, (7, 1)),
            conv_2=Conv(inner, inner, (1, 7)),
            conv_3=Conv(inner, inner, (7, 1)),
            conv_4=Conv(inner, 192, (1, 7)),
        ),
        tower_2=_chain(pool=AveragePool(), conv=Conv(channels, 192, 1)),
    )


def mixed_17_to_8(channels: int) -> Mixed:
    """Returns the block from 17x17 to 8x8 with `512 + channels` channels out."""
    return Mixed(
        tower=_chain(conv=Conv(channels, 192, 1), conv_1=Conv(192, 320, 3, stride=2)),
        tower_1=_chain(
            conv=Conv(channels, 192, 1),
            conv_1=Conv(192, 192, (1, 7)),
            conv_2=Conv(192, 192, (7, 1)),
            conv_3=Conv(192, 192, 3, stride=2),
        ),
        pool=nn.MaxPool2d(3, stride=2),
    )


def _chain(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))
