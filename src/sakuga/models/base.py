"""What a generator and a discriminator are, whatever their family."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from sakuga.core.layers import known_one_hot

# Drawn anew, the network's own fixed maps, none at all, or one map for each of `Generator.noise_shapes`, float
# `[N or 1, 1, H, W]`.
Noise = Literal["random", "const", "none"] | Sequence[Tensor]


class Generator(nn.Module):
    """A network from z to pictures.

    Attributes:
        z_dim: Length of z.
        resolution: Height and width of the pictures.
        num_ws: Number of layers that take a w.
        w_dim: Length of each w.
        noise_shapes: Height and width of the noise maps, coarse first; () for a network without noise.
        attribute_sizes: Number of values of each attribute; () for a network that is told none.
    """

    z_dim: int
    resolution: int
    num_ws: int
    w_dim: int
    noise_shapes: tuple[tuple[int, int], ...] = ()
    attribute_sizes: tuple[int, ...] = ()

    @property
    def w_avg(self) -> Tensor | None:
        """The moving average of w, float32 `[w_dim]`; None for a network that keeps none."""
        return None

    @property
    def noise_maps(self) -> Sequence[Tensor]:
        """The network's own fixed maps, float32 `[1, 1, H, W]` for each of `noise_shapes`."""
        return ()

    def mapping(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps z, float `[N, z_dim]`, and labels, int64 `[N, num_attributes]`, to ws, float `[N, num_ws, w_dim]`.

        Raises:
            ValueError: If labels are missing or unknown (-1), of which a generator can make no picture.
        """
        sizes = self.attribute_sizes
        return self.mapping_of(z, known_one_hot(labels, sizes).to(z.dtype) if sizes else None)

    def mapping_untold(self, z: Tensor) -> Tensor:
        """As `mapping`, of a network that is told labels, when nothing is said: one-hot vectors of zeros."""
        return self.mapping_of(z, z.new_zeros(len(z), sum(self.attribute_sizes)))

    def mapping_of(self, z: Tensor, one_hot: Tensor | None) -> Tensor:
        """As `mapping`, with the one-hot vectors of all attributes side by side, float `[N, sum(attribute_sizes)]`;
        None for a network that is told none."""
        raise NotImplementedError

    def synthesis(self, ws: Tensor, noise: Noise = "random") -> Tensor:
        """Maps ws, float `[N, num_ws, w_dim]`, to pictures, float32 `[N, 3, H, W]`, nominally in [-1, 1]."""
        raise NotImplementedError

    def forward(self, z: Tensor, labels: Tensor | None = None, noise: Noise = "random") -> Tensor:
        """Maps z, float `[N, z_dim]`, to pictures, float32 `[N, 3, H, W]`."""
        return self.synthesis(self.mapping(z, labels), noise)


class LabeledZGenerator(Generator):
    """A generator without a mapping network: its one w is z with the labels' one-hot vectors appended.

    Args:
        z_dim: Length of z.
        resolution: Height and width of the pictures.
        attribute_sizes: Number of values of each attribute.
    """

    def __init__(self, z_dim: int, resolution: int, attribute_sizes: tuple[int, ...]):
        super().__init__()
        self.z_dim, self.resolution, self.attribute_sizes = z_dim, resolution, attribute_sizes
        self.num_ws, self.w_dim = 1, z_dim + sum(attribute_sizes)

    def mapping_of(self, z: Tensor, one_hot: Tensor | None) -> Tensor:
        """As `Generator.mapping_of`."""
        return (z if one_hot is None else torch.cat([z, one_hot], 1))[:, None]


class Judgement(NamedTuple):
    """What D says about `N` pictures.

    Attributes:
        logits: float32 `[N, P]`, `P` verdicts a picture; larger is more real.
        attributes: For each attribute, logits of its values, float32 `[N, K]`; None without a classifier.
    """

    logits: Tensor
    attributes: tuple[Tensor, ...] | None = None


class Discriminator(nn.Module):
    """A network from pictures to a judgement."""

    resolution: int

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Judgement:
        """Judges pictures, float `[N, 3, H, W]` in [-1, 1], given labels, int64 `[N, num_attributes]`."""
        raise NotImplementedError


class ConvolutionalDiscriminator(Discriminator):
    """Layers to a map, a verdict on the map, and a head; `P` is 1."""

    layers: nn.Module
    verdict: nn.Module
    head: nn.Module

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Judgement:
        """As `Discriminator.forward`."""
        maps = self.layers(images)
        return Judgement(*self.head(self.verdict(maps).flatten(1), maps, labels))
