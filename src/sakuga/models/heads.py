"""What a discriminator says about attributes, beside or within its verdict.

Papers: Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", ICML 2017; Miyato and
Koyama, "cGANs with Projection Discriminator", ICLR 2018; Hou, Cao, Shen, Pan, Li and Cheng, "Conditional GANs with
Auxiliary Discriminative Classifier", ICML 2022. Written from these descriptions.

A trunk hands over its last map, float `[N, C, H, W]`; where its verdict is made from pooled features, `[N, C, 1, 1]`.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from sakuga.configs.models import AuxiliaryHeadConfig, HeadConfig, NoHeadConfig, Norm, ProjectionHeadConfig
from sakuga.core.errors import UserError
from sakuga.core.layers import weight_norm

Said = tuple[Tensor, tuple[Tensor, ...] | None]
Linear = Callable[[int, int], nn.Module]


class HasHead(Protocol):
    """What the configs of all discriminators have."""

    @property
    def head(self) -> HeadConfig:
        """What D says about attributes."""
        ...

    @property
    def norm(self) -> Norm:
        """How D's maps or weights are normalized."""
        ...


class Head(nn.Module):
    """The head without a classifier, and the base of those that have one."""

    def forward(self, verdict: Tensor, maps: Tensor, labels: Tensor | None) -> Said:
        """Returns the logits of the verdict and, for each attribute, those of its values.

        Args:
            verdict: float `[N, 1]`, before the labels are looked at.
            maps: float `[N, C, H, W]`, the last map of the trunk.
            labels: int64 `[N, num_attributes]`, -1 where unknown.

        Returns:
            float32 `[N, 1]`, and float32 `[N, K]` for each attribute or None.

        Raises:
            ValueError: If a head that judges labels is given none.
        """
        return verdict.float(), None


class Classifier(Head):
    """AC-GAN and ADC-GAN: one layer for each attribute, or one tower that they share.

    Args:
        config: How deep and how wide.
        outputs: Number of logits of each attribute.
        size: Length of the flattened map.
        norm: `spectral` normalizes all layers, as in the trunk.
        linear: Makes a fully connected layer.
    """

    def __init__(
        self, config: AuxiliaryHeadConfig, outputs: tuple[int, ...], size: int, norm: str, linear: Linear = nn.Linear
    ):
        super().__init__()
        self.outputs = outputs
        total, deep = sum(outputs), config.layers == 3
        self.classes = tower(size, config.width, total, norm, linear) if deep else flat_layer(size, total, norm, linear)

    def forward(self, verdict: Tensor, maps: Tensor, labels: Tensor | None) -> Said:
        """As `Head.forward`; the labels are not looked at."""
        return verdict.float(), self.classes(maps).float().split(self.outputs, 1)


class Projection(Head):
    """Adds <embedding of the label, sum-pooled features> for each attribute (Miyato and Koyama 2018, section 3).

    Args:
        sizes: Number of values of each attribute.
        channels: Channels of the map.
        norm: `spectral` normalizes the embeddings.
    """

    def __init__(self, sizes: tuple[int, ...], channels: int, norm: str):
        super().__init__()
        self.embeddings = nn.ModuleList([weight_norm(norm, nn.Embedding(size, channels)) for size in sizes])

    def forward(self, verdict: Tensor, maps: Tensor, labels: Tensor | None) -> Said:
        """As `Head.forward`; an unknown label adds nothing."""
        if labels is None:
            raise ValueError("this discriminator needs labels")
        pooled, logits = maps.float().sum((2, 3)), verdict.float()
        for embedding, label in zip(self.embeddings, labels.unbind(1), strict=True):
            product = (embedding(label.clamp(min=0)).float() * pooled).sum(1)
            logits = logits + torch.where(label >= 0, product, 0.0)[:, None]
        return logits, None


def build_head(config: HasHead, sizes: tuple[int, ...], channels: int, size: int, linear: Linear = nn.Linear) -> Head:
    """Returns the head of a discriminator.

    Args:
        config: Of the discriminator.
        sizes: Number of values of each attribute.
        channels: Channels of the trunk's last map.
        size: Length of that map, flattened.
        linear: Makes a fully connected layer, as the trunk has them.

    Raises:
        UserError: If the head needs attributes and there are none.
    """
    head = config.head
    if isinstance(head, NoHeadConfig):
        return Head()
    require_attributes(head, sizes)
    if isinstance(head, ProjectionHeadConfig):
        return Projection(sizes, channels, config.norm)
    # The discriminative classifier has each value twice: first those of real pictures, then those of fakes.
    times = 2 if head.kind == "discriminative" else 1
    return Classifier(head, tuple(times * n for n in sizes), size, config.norm, linear)


def require_attributes(head: HeadConfig, sizes: tuple[int, ...]) -> None:
    """Does nothing if there are attributes for the head.

    Raises:
        UserError: If there are none.
    """
    if not sizes:
        raise UserError(
            f"--discriminator.head.kind {head.kind} needs attributes and there are none: choose labeled data and "
            "name attributes, or --discriminator.head.kind none."
        )


def build_verdict(config: HasHead, plain: nn.Module, size: int, linear: Linear = nn.Linear) -> nn.Module:
    """Returns the layers from the trunk's last map to the verdict: `plain`, or a tower where the head asks for one.

    Args:
        config: Of the discriminator.
        plain: The layer that a discriminator without attributes has.
        size: Length of the map, flattened.
        linear: Makes a fully connected layer of the tower.
    """
    head = config.head
    if isinstance(head, AuxiliaryHeadConfig) and head.layers == 3:
        return tower(size, head.width, 1, config.norm, linear)
    return weight_norm(config.norm, plain)


def tower(size: int, width: int, outputs: int, norm: str, linear: Linear = nn.Linear) -> nn.Sequential:
    """Returns three fully connected layers on a flattened map, LeakyReLU 0.2 between them."""
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in ((size, width), (width, width)):
        layers += [weight_norm(norm, linear(before, after)), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, weight_norm(norm, linear(width, outputs)))


def flat_layer(size: int, outputs: int, norm: str, linear: Linear = nn.Linear) -> nn.Sequential:
    """Returns one fully connected layer on a flattened map."""
    return nn.Sequential(nn.Flatten(), weight_norm(norm, linear(size, outputs)))
