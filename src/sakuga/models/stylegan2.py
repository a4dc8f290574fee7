"""StyleGAN2: G and D in the three forms of figure 7 of the paper.

Papers, and where the layers come from: see `models/stylegan2_layers.py`.
"""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from sakuga.configs.models import AuxiliaryHeadConfig, Stylegan2DiscriminatorConfig, Stylegan2GeneratorConfig
from sakuga.core.layers import MinibatchStd, one_hot
from sakuga.core.ops import compute_dtype, downsample, is_traced, upsample
from sakuga.models.base import Discriminator, Generator, Judgement, Noise
from sakuga.models.heads import build_head, build_verdict, require_attributes
from sakuga.models.stylegan2_layers import Convolution, FullyConnected, Mapping, StyledConvolution, ToRgb

_HALF = math.sqrt(0.5)  # keeps the variance of the sum of two branches
_CACHED = 2**21  # numbers
LABEL_LR = 0.01  # of the labels' mapping in D, relative


class SynthesisBlock(nn.Module):
    """All layers of G at one size.

    Args:
        config: The architecture, complete.
        side: Height and width.
    """

    def __init__(self, config: Stylegan2GeneratorConfig, side: int):
        super().__init__()
        self.form, self.first = config.form, side == 4
        after, w_dim = config.channels_at(side), config.w_dim
        if self.first:
            self.const = nn.Parameter(torch.randn(after, 4, 4))
        else:
            before = config.channels_at(side // 2)
            self.conv0 = StyledConvolution(before, after, w_dim, side, up=True)
        self.conv1 = StyledConvolution(after, after, w_dim, side, up=False)
        if config.form == "skip" or side == config.resolution:
            self.torgb = ToRgb(after, w_dim)
        if config.form == "residual" and not self.first:
            self.skip = Convolution(before, after, 1, activated=False, resample="up")

    @property
    def convolutions(self) -> tuple[StyledConvolution, ...]:
        """The layers that take noise, in their order."""
        return (self.conv1,) if self.first else (self.conv0, self.conv1)

    def forward(self, x: Tensor | None, image: Tensor | None, ws: Tensor, noise: Sequence[Tensor | None]):
        """Draws at twice the side.

        Args:
            x: float `[N, before, side / 2, side / 2]`; None for the first block.
            image: float32 `[N, 3, side / 2, side / 2]`; None where there is none yet.
            ws: float `[N, 1 + number of convolutions, w_dim]`, the last one for the picture.
            noise: float32 `[N or 1, 1, side, side]` or None, for each convolution.

        Returns:
            The map, float `[N, after, side, side]`, and the picture, float32 `[N, 3, side, side]`, or None.
        """
        each = ws.unbind(1)
        if x is None:
            x = self.const.to(compute_dtype(self.const)).expand(ws.shape[0], -1, -1, -1)
            x = x.contiguous(memory_format=torch.channels_last)
            x = self.conv1(x, each[0], noise[0])
        elif self.form == "residual":
            beside = self.skip(x, _HALF)
            x = beside + self.conv1(self.conv0(x, each[0], noise[0]), each[1], noise[1], _HALF)
        else:
            x = self.conv1(self.conv0(x, each[0], noise[0]), each[1], noise[1])
        image = None if image is None else upsample(image)
        if hasattr(self, "torgb"):
            drawn = self.torgb(x, each[-1])
            image = drawn if image is None else image + drawn
        return x, image


class Synthesis(nn.Module):
    """ws -> picture: blocks b4, b8, ... up to the resolution.

    Args:
        config: The architecture, complete.
    """

    def __init__(self, config: Stylegan2GeneratorConfig):
        super().__init__()
        self.names = tuple(f"b{side}" for side in _sides(config.resolution))
        for name in self.names:
            self.add_module(name, SynthesisBlock(config, int(name[1:])))

    @property
    def blocks(self) -> list[SynthesisBlock]:
        """The blocks, coarse first."""
        return [cast(SynthesisBlock, self.get_submodule(name)) for name in self.names]

    @property
    def convolutions(self) -> list[StyledConvolution]:
        """The layers that take noise, coarse first."""
        return [layer for block in self.blocks for layer in block.convolutions]

    def forward(self, ws: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Maps ws, float `[N, num_ws, w_dim]`, and noise, one for each convolution, to float32 `[N, 3, H, W]`."""
        return self._draw(0, None, None, ws, noise)

    def _draw(
        self, first: int, x: Tensor | None, image: Tensor | None, ws: Tensor, noise: Sequence[Tensor | None]
    ) -> Tensor:
        """Runs the blocks from number `first` on, with their ws and noise."""
        for number, block in enumerate(self.blocks[first:], first):
            part = _part(ws.shape[0], block)
            if part is not None:
                pieces = []
                for i in range(0, ws.shape[0], part):
                    rows = slice(i, i + part)
                    x_, image_ = (None if t is None else t[rows] for t in (x, image))
                    # A map of noise may be one for all samples.
                    noise_ = [t if t is None or t.shape[0] == 1 else t[rows] for t in noise]
                    pieces.append(self._draw(number, x_, image_, ws[rows], noise_))
                return torch.cat(pieces)
            count = len(block.convolutions)
            # The layer of the picture shares its w with the first convolution of the next block.
            x, image = block(x, image, ws[:, : count + 1], noise[:count])
            ws, noise = ws[:, count:], noise[count:]
        assert image is not None
        return image.float()


class Stylegan2Generator(Generator):
    """z, labels -> mapping network -> ws -> synthesis network -> picture.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute. Their one-hot vectors are embedded beside z.
    """

    def __init__(self, config: Stylegan2GeneratorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__()
        self.z_dim, self.w_dim, self.resolution = config.z_dim, config.w_dim, int(config.resolution)
        self.attribute_sizes = attribute_sizes
        self.mapping_network = Mapping(
            config.z_dim, sum(attribute_sizes), config.w_dim, config.mapping_layers, config.mapping_lr, averages=True
        )
        self.synthesis_network = Synthesis(config)
        layers = self.synthesis_network.convolutions
        self.noise_shapes = tuple((layer.side, layer.side) for layer in layers)
        self.num_ws = len(layers) + 1

    @property
    def w_avg(self) -> Tensor:
        """As `Generator.w_avg`, of the batches seen in train mode."""
        return self.mapping_network.w_avg

    @property
    def noise_maps(self) -> Sequence[Tensor]:
        """As `Generator.noise_maps`."""
        return [layer.noise_const[None, None] for layer in self.synthesis_network.convolutions]

    def mapping_of(self, z: Tensor, one_hot: Tensor | None) -> Tensor:
        """As `Generator.mapping_of`; all layers take the same w. In train mode `w_avg` moves."""
        return self.mapping_network(z, one_hot)[:, None].expand(-1, self.num_ws, -1)

    def synthesis(self, ws: Tensor, noise: Noise = "random") -> Tensor:
        """As `Generator.synthesis`.

        Raises:
            ValueError: If `noise` is a sequence of another length than `noise_shapes`.
        """
        return self.synthesis_network(ws, self._maps(noise, ws))

    def _maps(self, noise: Noise, ws: Tensor) -> Sequence[Tensor | None]:
        if not isinstance(noise, str):
            if len(noise) != len(self.noise_shapes):
                raise ValueError(f"{len(noise)} noise maps for a generator of {len(self.noise_shapes)}")
            return noise
        if noise == "random":
            return [torch.randn(ws.shape[0], 1, *shape, device=ws.device) for shape in self.noise_shapes]
        return self.noise_maps if noise == "const" else [None] * len(self.noise_shapes)


class DiscriminatorBlock(nn.Module):
    """All layers of D at one size, up to the halving.

    Args:
        config: The architecture, complete.
        side: Height and width.
    """

    def __init__(self, config: Stylegan2DiscriminatorConfig, side: int):
        super().__init__()
        before, after = config.channels_at(side), config.channels_at(side // 2)
        self.form = config.form
        if config.form == "skip" or side == config.resolution:
            self.fromrgb = Convolution(3, before, 1)
        self.conv0 = Convolution(before, before, 3)
        self.conv1 = Convolution(before, after, 3, resample="down")
        if config.form == "residual":
            self.skip = Convolution(before, after, 1, activated=False, resample="down")

    def forward(self, x: Tensor | None, image: Tensor) -> tuple[Tensor, Tensor]:
        """Maps the map, float `[N, before, H, W]`, and the picture, `[N, 3, H, W]`, to those of half the side.

        A picture that no later block looks at stays as it is.
        """
        if hasattr(self, "fromrgb"):
            seen = self.fromrgb(image)
            x = seen if x is None else x + seen
        assert x is not None
        if self.form == "skip":
            image = downsample(image)
        if self.form == "residual":
            return self.skip(x, _HALF) + self.conv1(self.conv0(x), _HALF), image
        return self.conv1(self.conv0(x)), image


class Epilogue(nn.Module):
    """The last layers of D: minibatch standard deviation, convolution, fully connected layers.

    Args:
        config: The architecture, complete.
    """

    def __init__(self, config: Stylegan2DiscriminatorConfig):
        super().__init__()
        channels, deep = config.channels_at(4), isinstance(config.head, AuxiliaryHeadConfig) and config.head.layers == 3
        self.form = config.form
        if config.form == "skip":
            self.fromrgb = Convolution(3, channels, 1)
        self.minibatch_std = MinibatchStd(config.minibatch_group)
        self.conv = Convolution(channels + 1, channels, 3)
        # Towers of a deep head start from the map.
        self.fc = None if deep else FullyConnected(channels * 16, channels, activated=True)
        self.num_features = channels * 16 if deep else channels
        plain = FullyConnected(channels, channels if config.head.kind == "projection" else 1)
        self.out = build_verdict(config, plain, self.num_features, FullyConnected)

    def forward(self, x: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """Maps the map, float `[N, C, 4, 4]`, and the picture, float `[N, 3, 4, 4]`.

        Returns:
            The verdict, float32 `[N, 1]`, or `[N, C]` for a projection; the features, float32 `[N, F]`.
        """
        if self.form == "skip":
            x = x + self.fromrgb(image)
        features = self.conv(self.minibatch_std(x)).flatten(1)
        features = features.float() if self.fc is None else self.fc(features)
        return self.out(features), features


class Stylegan2Discriminator(Discriminator):
    """Picture -> blocks down to 4x4 -> minibatch standard deviation -> verdict.

    With a `projection` the mapped labels weigh the outputs of the last layer, as in the published conditional networks
    of Karras et al. (2020, limited data); an unknown value adds nothing to the embedding of the labels.

    Args:
        config: The architecture, complete.
        attribute_sizes: Number of values of each attribute that the head knows.
    """

    def __init__(self, config: Stylegan2DiscriminatorConfig, attribute_sizes: tuple[int, ...] = ()):
        super().__init__()
        self.resolution = int(config.resolution)
        self.attribute_sizes = attribute_sizes
        self.names = tuple(f"b{side}" for side in reversed(_sides(config.resolution)[1:]))
        for name in self.names:
            self.add_module(name, DiscriminatorBlock(config, int(name[1:])))
        self.b4 = Epilogue(config)
        size, self.mapping = self.b4.num_features, None
        if config.head.kind == "projection":
            require_attributes(config.head, attribute_sizes)
            self.mapping = Mapping(0, sum(attribute_sizes), size, config.mapping_layers, LABEL_LR, averages=False)
        else:
            self.head = build_head(config, attribute_sizes, size, size, FullyConnected)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Judgement:
        """As `Discriminator.forward`; `P` is 1.

        Raises:
            ValueError: If the verdict depends on labels and there are none.
        """
        x, image = None, images.contiguous(memory_format=torch.channels_last)
        for name in self.names:
            x, image = self.get_submodule(name)(x, image)
        said, features = self.b4(x, image)
        if self.mapping is None:
            return Judgement(*self.head(said, features[:, :, None, None], labels))
        if labels is None:
            raise ValueError("this discriminator needs labels")
        wanted = self.mapping(None, one_hot(labels, self.attribute_sizes))
        return Judgement((said * wanted).sum(1, keepdim=True) / math.sqrt(said.shape[1]))


def _part(count: int, block: SynthesisBlock) -> int | None:
    """Returns how many of `count` samples a block should take at once, as its processor's cache holds; None for all."""
    weight = block.conv1.weight
    if torch.is_grad_enabled() or is_traced() or weight.device.type != "cpu":
        return None
    part = max(1, _CACHED // (weight.shape[0] * block.conv1.side**2))
    return part if part < count else None


def _sides(resolution: int | str) -> list[int]:
    return [2**i for i in range(2, int(resolution).bit_length())]
