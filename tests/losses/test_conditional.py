import math

import pytest
import torch

from sakuga.configs.conditioning import ConditioningConfig
from sakuga.losses.conditional import averaged, balanced, class_losses, summed

LOGITS = (torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]), torch.tensor([[0.0, 0.0, 1.0]] * 3))
LABELS = torch.tensor([[0, 2], [1, -1], [-1, 0]])


def test_balanced_is_the_mean_over_known_samples_summed_over_attributes():
    hair = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    total = math.log(2 + math.e)
    eyes = ((total - 1) + total) / 2
    assert balanced(LOGITS, LABELS).item() == pytest.approx(hair + eyes, rel=1e-6)
    assert class_losses(ConditioningConfig(), False) == (balanced, None, balanced)
    assert class_losses(ConditioningConfig(classify_fakes=True), False).fake is balanced


def test_nothing_known_costs_nothing_and_moves_nothing():
    logits = torch.randn(3, 4, requires_grad=True)
    for loss in (balanced, summed, averaged):
        value = loss((logits,), torch.full((3, 1), -1))
        value.backward()
        assert value.item() == 0 and logits.grad is not None and not logits.grad.any()
        logits.grad = None


@pytest.mark.parametrize(("kind", "weaker"), [("summed", 1), ("summed_in_d", 5)])
def test_summed_in_d_is_as_many_times_weaker_in_g_as_there_are_values_and_summed_is_not(kind, weaker):
    def softplus(x: float) -> float:
        return math.log1p(math.exp(x))

    hair = (softplus(-1) + softplus(0) + softplus(0) + softplus(-2)) / 2
    eyes = (2 * softplus(0) + softplus(-1) + softplus(0) + softplus(0) + softplus(1)) / 2
    losses = class_losses(ConditioningConfig(class_loss=kind), False)
    assert losses.real(LOGITS, LABELS).item() == pytest.approx(hair + eyes, rel=1e-6)
    assert losses.generator(LOGITS, LABELS).item() == pytest.approx((hair + eyes) / weaker, rel=1e-6)


def test_the_discriminative_classifier_has_each_value_twice():
    logits = (torch.tensor([[3.0, 0.0, 1.0, 0.0]]),)  # real 0, real 1, fake 0, fake 1
    label = torch.tensor([[0]])
    total = math.log(math.exp(3) + math.exp(1) + 2)
    losses = class_losses(ConditioningConfig(), True)
    assert losses.fake is not None
    assert losses.real(logits, label).item() == pytest.approx(total - 3, rel=1e-6)
    assert losses.fake(logits, label).item() == pytest.approx(total - 1, rel=1e-6)
    assert losses.generator(logits, label).item() == pytest.approx(1 - 3, rel=1e-6)
