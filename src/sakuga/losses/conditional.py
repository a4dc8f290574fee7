"""Class losses: what attribute logits say against labels."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.labels import UNKNOWN

Side = Literal["d", "g"]
ClassLoss = Callable[[Sequence[Tensor], Tensor, Side], Tensor]


def class_loss(kind: Literal["balanced", "summed_in_d"]) -> ClassLoss:
    """Returns the loss of that name, a function of attribute logits, labels, and whether D or G is to learn from it."""
    return {"balanced": balanced, "summed_in_d": summed_in_d}[kind]


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


def balanced(logits: Sequence[Tensor], labels: Tensor, side: Side = "d") -> Tensor:
    """Cross-entropy, summed over attributes (Odena, Olah and Shlens 2017, equation 3); the same in D and G.

    Args:
        logits: For each attribute, float `[N, K]`.
        labels: int64 `[N, num_attributes]`; samples with -1 do not count.
        side: Of no effect.

    Returns:
        A scalar: for each attribute the mean over the samples whose label is known, 0 where none is.
    """
    return cross_entropy(logits, labels)


def summed_in_d(logits: Sequence[Tensor], labels: Tensor, side: Side) -> Tensor:
    """Binary cross-entropy of every value of every attribute, summed over values in D and averaged over them in G.

    With 23 values G's class term is 23 times weaker than D's. So did github.com/Unispac/Animation-Avatar-Generation.

    Args:
        logits: For each attribute, float `[N, K]`.
        labels: int64 `[N, num_attributes]`; samples with -1 do not count.
        side: Who learns from it.

    Returns:
        A scalar.
    """
    terms = []
    for column, of_attribute in enumerate(logits):
        label = labels[:, column]
        known = label != UNKNOWN
        target = F.one_hot(label.clamp(min=0), of_attribute.shape[1]).to(of_attribute)
        losses = F.binary_cross_entropy_with_logits(of_attribute, target, reduction="none").sum(1)
        terms.append((losses * known).sum() / _known(label))
    total = torch.stack(terms).sum()
    return total if side == "d" else total / sum(of_attribute.shape[1] for of_attribute in logits)


def discriminative_d(logits: Sequence[Tensor], labels: Tensor, is_real: bool) -> Tensor:
    """ADC-GAN's classifier (Hou et al. 2022, equation 6): each value twice, of real and of fake pictures.

    Args:
        logits: For each attribute, float `[N, 2K]`, the values of real pictures first.
        labels: int64 `[N, num_attributes]`; samples with -1 do not count.
        is_real: Whether the pictures are real.

    Returns:
        A scalar, as `balanced`.
    """
    return balanced(logits, _of_half(logits, labels, not is_real))


def discriminative_g(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """ADC-GAN's loss for G (Hou et al. 2022, equation 7): to be taken for real of its class, and not for fake of it.

    Args:
        logits: As in `discriminative_d`, of fakes.
        labels: int64 `[N, num_attributes]`, what the fakes were made from.

    Returns:
        A scalar.
    """
    return balanced(logits, _of_half(logits, labels, False)) - balanced(logits, _of_half(logits, labels, True))


def _of_half(logits: Sequence[Tensor], labels: Tensor, second: bool) -> Tensor:
    if not second:
        return labels
    halves = torch.tensor([of_attribute.shape[1] // 2 for of_attribute in logits], device=labels.device)
    return torch.where(labels == UNKNOWN, labels, labels + halves)


def _known(label: Tensor) -> Tensor:
    return (label != UNKNOWN).sum().clamp(min=1)
