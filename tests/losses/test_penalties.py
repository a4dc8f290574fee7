import pytest
import torch
from torch import nn

from sakuga.configs.losses import NoPenaltyConfig, R1PenaltyConfig
from sakuga.losses.penalties import penalty, r1


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Conv2d(4, 2, 2), nn.Tanh(), nn.Flatten()).double()


def evaluate(network: nn.Module, real: torch.Tensor, weight: float) -> torch.Tensor:
    (points,) = r1(weight).points(real, None)
    return r1(weight).value(points, network(points))


def test_r1_of_a_quadratic_is_known():
    real = torch.randn(5, 3, 4, 4)
    (points,) = r1(2.0).points(real, None)
    logits = 3 * points.square().sum((1, 2, 3))[:, None]
    # The gradient is 6 x.
    torch.testing.assert_close(r1(2.0).value(points, logits), 36 * real.square().sum((1, 2, 3)))


def test_r1_agrees_with_finite_differences(network):
    real = torch.rand(2, 3, 4, 4, dtype=torch.float64) * 2 - 1
    step = 1e-5
    slopes = torch.zeros(2, 48, dtype=torch.float64)
    for i in range(48):
        shift = torch.zeros(48, dtype=torch.float64)
        shift[i] = step
        up, down = (network(real + sign * shift.view(1, 3, 4, 4)).sum(1) for sign in (1, -1))
        slopes[:, i] = ((up - down) / (2 * step)).detach()
    torch.testing.assert_close(evaluate(network, real, 10.0), 5 * slopes.square().sum(1), rtol=1e-6, atol=1e-9)


def test_the_gradient_of_r1_agrees_with_finite_differences(network):
    real = torch.rand(2, 3, 4, 4, dtype=torch.float64) * 2 - 1
    weight = network[0].weight
    (slope,) = torch.autograd.grad(evaluate(network, real, 10.0).mean(), weight)
    step = 1e-5
    for index in [(0, 0, 0, 0), (1, 2, 1, 1), (3, 1, 2, 0)]:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[index] += sign * step
            values.append(evaluate(network, real, 10.0).mean().item())
            with torch.no_grad():
                weight[index] -= sign * step
        assert slope[index].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_r1_is_one_number_a_sample_and_leaves_the_pictures_alone(network):
    real = torch.rand(3, 3, 4, 4, dtype=torch.float64)
    together = evaluate(network, real, 1.0)
    assert together.shape == (3,)
    torch.testing.assert_close(together[1:2], evaluate(network, real[1:2], 1.0))
    assert not real.requires_grad
    assert real.grad is None
    torch.testing.assert_close(evaluate(network, real, 4.0), 4 * together)


def test_the_config_decides():
    assert penalty(NoPenaltyConfig()) is None
    chosen = penalty(R1PenaltyConfig(weight=3.0))
    assert chosen is not None
    (points,) = chosen.points(torch.ones(1, 3, 2, 2), None)
    assert chosen.value(points, points.sum((1, 2, 3))[:, None]).item() == pytest.approx(0.5 * 3 * 12)
