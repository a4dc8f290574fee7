"""Class losses: what attribute logits say against labels."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.conditioning import ConditioningConfig
from sakuga.configs.labels import UNKNOWN

Loss = Callable[[Sequence[Tensor], Tensor], Tensor]


class ClassLosses(NamedTuple):
    """What a classifier learns, and G from it. Each function maps attribute logits and labels to a scalar.

    Attributes:
        real: The classifier's loss on real pictures.
        fake: D's loss on fakes, with the labels that they were made from; None where they do not count.
        generator: G's loss on fakes, likewise.
    """

    real: Loss
    fake: Loss | None
    generator: Loss


def class_losses(config: ConditioningConfig, discriminative: bool) -> ClassLosses:
    """Returns the losses that the config describes, or ADC-GAN's for a `discriminative` classifier."""
    if discriminative:
        return ClassLosses(discriminative_real, discriminative_fake, discriminative_g)
    of_classifier = balanced if config.class_loss == "balanced" else summed
    of_generator = averaged if config.class_loss == "summed_in_d" else of_classifier
    return ClassLosses(of_classifier, of_classifier if config.classify_fakes else None, of_generator)


def cross_entropy(
    logits: Sequence[Tensor], labels: Tensor, weights: Sequence[Tensor] | None = None, smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy over the samples whose label is known, summed over attributes.

    Args:
        logits: For each attribute, float `[N, K]`.
        labels: int64 `[N, num_attributes]`, -1 where unknown.
        weights: For each attribute, what a sample of each value counts, float `[K]`; None for 1.
        smoothing: The part of the target that all values share (Szegedy et al. 2016, section 7).

    Returns:
        A scalar; an attribute that is unknown in the whole batch adds 0.
    """
    terms = []
    for column, of_attribute in enumerate(logits):
        label = labels[:, column]
        losses = F.cross_entropy(of_attribute, label, ignore_index=UNKNOWN, reduction="none", label_smoothing=smoothing)
        if weights is not None:
            losses = losses * weights[column][label.clamp(min=0)]
        terms.append(losses.sum() / _known(label))
    return torch.stack(terms).sum()


def balanced(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy, summed over attributes (Odena, Olah and Shlens 2017, equation 3); the same in D and G.

    Args:
        logits: For each attribute, float `[N, K]`.
        labels: int64 `[N, num_attributes]`; samples with -1 do not count.

    Returns:
        A scalar: for each attribute the mean over the samples whose label is known, 0 where none is.
    """
    return cross_entropy(logits, labels)


def summed(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Binary cross-entropy of every value of every attribute, summed over values.

    Args:
        logits: For each attribute, float `[N, K]`.
        labels: int64 `[N, num_attributes]`; samples with -1 do not count.

    Returns:
        A scalar: for each attribute the mean over the samples whose label is known, 0 where none is.
    """
    terms = []
    for column, of_attribute in enumerate(logits):
        label = labels[:, column]
        known = label != UNKNOWN
        target = F.one_hot(label.clamp(min=0), of_attribute.shape[1]).to(of_attribute)
        losses = F.binary_cross_entropy_with_logits(of_attribute, target, reduction="none").sum(1)
        terms.append((losses * known).sum() / _known(label))
    return torch.stack(terms).sum()


def averaged(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """As `summed`, divided by the number of values of all attributes.

    github.com/Unispac/Animation-Avatar-Generation has the sum in D and this mean in G, over 23 values.
    """
    return summed(logits, labels) / sum(of_attribute.shape[1] for of_attribute in logits)


def discriminative_real(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """ADC-GAN's classifier on real pictures (Hou et al. 2022, equation 6).

    Args:
        logits: For each attribute, float `[N, 2K]`: each value twice, of real pictures first, then of fakes.
        labels: int64 `[N, num_attributes]`; samples with -1 do not count.

    Returns:
        A scalar, as `balanced`.
    """
    return balanced(logits, labels)


def discriminative_fake(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """As `discriminative_real`, on fakes."""
    return balanced(logits, _of_fakes(logits, labels))


def discriminative_g(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """ADC-GAN's loss for G (Hou et al. 2022, equation 7): to be taken for real of its class, and not for fake of it.

    Args:
        logits: As in `discriminative_real`, of fakes.
        labels: int64 `[N, num_attributes]`, what the fakes were made from.

    Returns:
        A scalar.
    """
    return discriminative_real(logits, labels) - discriminative_fake(logits, labels)


def _of_fakes(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Returns the same values among those of fakes."""
    halves = torch.tensor([of_attribute.shape[1] // 2 for of_attribute in logits], device=labels.device)
    return torch.where(labels == UNKNOWN, labels, labels + halves)


def _known(label: Tensor) -> Tensor:
    return (label != UNKNOWN).sum().clamp(min=1)
