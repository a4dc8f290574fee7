import math

import pytest
import torch

from sakuga.losses.conditional import balanced, class_loss, discriminative_d, discriminative_g, summed_in_d

LOGITS = (torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]), torch.tensor([[0.0, 0.0, 1.0]] * 3))
LABELS = torch.tensor([[0, 2], [1, -1], [-1, 0]])


def test_balanced_is_the_mean_over_known_samples_summed_over_attributes():
    hair = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    total = math.log(2 + math.e)
    eyes = ((total - 1) + total) / 2
    assert balanced(LOGITS, LABELS).item() == pytest.approx(hair + eyes, rel=1e-6)
    assert class_loss("balanced")(LOGITS, LABELS, "g").item() == pytest.approx(hair + eyes, rel=1e-6)


def test_nothing_known_costs_nothing_and_moves_nothing():
    logits = torch.randn(3, 4, requires_grad=True)
    for loss in (balanced, summed_in_d):
        value = loss((logits,), torch.full((3, 1), -1), "d")
        value.backward()
        assert value.item() == 0 and logits.grad is not None and not logits.grad.any()
        logits.grad = None


def test_summed_in_d_is_as_many_times_weaker_in_g_as_there_are_values():
    def softplus(x: float) -> float:
        return math.log1p(math.exp(x))

    hair = (softplus(-1) + softplus(0) + softplus(0) + softplus(-2)) / 2
    eyes = (2 * softplus(0) + softplus(-1) + softplus(0) + softplus(0) + softplus(1)) / 2
    assert summed_in_d(LOGITS, LABELS, "d").item() == pytest.approx(hair + eyes, rel=1e-6)
    assert summed_in_d(LOGITS, LABELS, "g").item() == pytest.approx((hair + eyes) / 5, rel=1e-6)


def test_the_discriminative_classifier_has_each_value_twice():
    logits = (torch.tensor([[3.0, 0.0, 1.0, 0.0]]),)  # real 0, real 1, fake 0, fake 1
    label = torch.tensor([[0]])
    total = math.log(math.exp(3) + math.exp(1) + 2)
    assert discriminative_d(logits, label, True).item() == pytest.approx(total - 3, rel=1e-6)
    assert discriminative_d(logits, label, False).item() == pytest.approx(total - 1, rel=1e-6)
    assert discriminative_g(logits, label).item() == pytest.approx(1 - 3, rel=1e-6)
