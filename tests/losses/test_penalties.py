import pytest
import torch
from torch import Tensor, nn

from sakuga.configs.losses import (
    DraganPenaltyConfig,
    NoPenaltyConfig,
    PenaltyConfig,
    R1PenaltyConfig,
    R1R2PenaltyConfig,
    R2PenaltyConfig,
    WganGpPenaltyConfig,
)
from sakuga.core.random import random_scope
from sakuga.losses.penalties import dragan, penalty, r1, r1r2, r2, wgan_gp

# What the papers make of the norm of D's slope at each sample.
BY_HAND = [
    (R1PenaltyConfig(weight=10.0), lambda norm: 5 * norm**2),
    (R2PenaltyConfig(weight=3.0), lambda norm: 1.5 * norm**2),
    (R1R2PenaltyConfig(weight=2.0), lambda norm: norm**2),
    (WganGpPenaltyConfig(), lambda norm: 10 * (norm - 1) ** 2),
    (WganGpPenaltyConfig(weight=5.0, target=0.3), lambda norm: 5 * (norm - 0.3) ** 2),
    (WganGpPenaltyConfig(target=0.1, one_sided=True), lambda norm: 10 * (norm - 0.1).clamp(min=0) ** 2),
    (DraganPenaltyConfig(), lambda norm: 10 * (norm - 1) ** 2),
    (DraganPenaltyConfig(weight=1.0, target=0.5, scale=2.0), lambda norm: (norm - 0.5) ** 2),
]
every_penalty = pytest.mark.parametrize("config", [c for c, _ in BY_HAND], ids=repr)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Conv2d(4, 2, 2), nn.Tanh(), nn.Flatten()).double()


@pytest.fixture
def real() -> Tensor:
    torch.manual_seed(1)
    return torch.rand(3, 3, 4, 4, dtype=torch.float64) * 2 - 1


@pytest.fixture
def fake() -> Tensor:
    torch.manual_seed(2)
    return torch.rand(3, 3, 4, 4, dtype=torch.float64) * 2 - 1


def total(config, network: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Returns what a step adds to D's loss."""
    chosen = penalty(config)
    assert chosen is not None
    with random_scope("points"):
        points = chosen.points(real, fake)
    return torch.stack([chosen.value(at, network(at)).mean() for at in points]).sum()


def slopes_by_differences(network: nn.Module, at: Tensor, step: float = 1e-5) -> Tensor:
    slopes = torch.zeros(len(at), at[0].numel(), dtype=torch.float64)
    with torch.no_grad():
        for i in range(at[0].numel()):
            shift = torch.zeros(at[0].numel(), dtype=torch.float64)
            shift[i] = step
            up, down = (network(at + sign * shift.view(at[:1].shape)).sum(1) for sign in (1, -1))
            slopes[:, i] = (up - down) / (2 * step)
    return slopes


def test_every_penalty_is_tested():
    assert {type(c) for c, _ in BY_HAND} | {NoPenaltyConfig} == set(PenaltyConfig.__origin__.__args__)
    assert penalty(NoPenaltyConfig()) is None


@pytest.mark.parametrize(("config", "by_hand"), BY_HAND, ids=lambda v: repr(v) if not callable(v) else "")
def test_penalties_agree_with_finite_differences(config, by_hand, network, real, fake):
    chosen = penalty(config)
    for at in chosen.points(real, fake):
        value = chosen.value(at, network(at))
        assert value.shape == (3,)
        torch.testing.assert_close(value, by_hand(slopes_by_differences(network, at).norm(dim=1)), rtol=1e-6, atol=1e-9)


@every_penalty
def test_their_gradients_agree_with_finite_differences(config, network, real, fake):
    weight = network[0].weight
    (slope,) = torch.autograd.grad(total(config, network, real, fake), weight)
    assert slope.abs().max() > 1e-4
    step = 1e-5
    for index in [(0, 0, 0, 0), (1, 2, 1, 1), (3, 1, 2, 0)]:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[index] += sign * step
            values.append(total(config, network, real, fake).item())
            with torch.no_grad():
                weight[index] -= sign * step
        assert slope[index].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5, abs=1e-8)


@every_penalty
def test_samples_do_not_mix_and_pictures_are_left_alone(config, network, real, fake):
    chosen = penalty(config)
    before = real.clone(), fake.clone()
    real.requires_grad_(True)
    fake.requires_grad_(True)
    for at in chosen.points(real, fake):
        assert at.is_leaf and at.requires_grad and at.shape == real.shape
        together = chosen.value(at, network(at))
        alone = at[1:2].detach().requires_grad_(True)
        torch.testing.assert_close(together[1:2], chosen.value(alone, network(alone)))
        together.sum().backward()
    assert real.grad is None and fake.grad is None
    assert torch.equal(real, before[0]) and torch.equal(fake, before[1])


@every_penalty
def test_the_weight_multiplies(config, network, real, fake):
    heavier = config.model_validate(config.model_dump() | {"weight": 4 * config.weight})
    torch.testing.assert_close(total(heavier, network, real, fake), 4 * total(config, network, real, fake))


@every_penalty
def test_a_flat_d_has_a_finite_penalty_and_gradient(config, network, real, fake):
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    value = total(config, network, real, fake)
    value.backward()
    target = getattr(config, "target", 0.0) * (not getattr(config, "one_sided", False))
    assert value.item() == pytest.approx(config.weight * target**2)
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@every_penalty
def test_whoever_looks_at_fakes_says_so(config, real):
    chosen = penalty(config)
    assert chosen.needs_fake == (config.kind in ("r2", "r1r2", "wgan_gp"))
    if chosen.needs_fake:
        with pytest.raises(TypeError, match="fake"):
            chosen.points(real, None)
    else:
        assert len(chosen.points(real, None)) == 1


def test_r1_r2_and_their_sum_are_taken_at_the_pictures(real, fake):
    assert torch.equal(r1(1.0).points(real, None)[0], real)
    assert torch.equal(r2(1.0).points(real, fake)[0], fake)
    both = r1r2(1.0).points(real, fake)
    assert torch.equal(both[0], real) and torch.equal(both[1], fake)


def test_r1_of_a_quadratic_is_known():
    real = torch.randn(5, 3, 4, 4)
    (points,) = r1(2.0).points(real, None)
    logits = 3 * points.square().sum((1, 2, 3))[:, None]
    # The gradient is 6 x.
    torch.testing.assert_close(r1(2.0).value(points, logits), 36 * real.square().sum((1, 2, 3)))


def test_the_slope_of_a_linear_d_is_known():
    real, fake = torch.zeros(4, 2), torch.ones(4, 2)  # samples need not be pictures
    direction = torch.tensor([3.0, 4.0])
    for chosen, expected in [
        (wgan_gp(10.0), 10 * (5 - 1) ** 2),
        (wgan_gp(1.0, target=6.0), 1.0),
        (wgan_gp(1.0, target=6.0, one_sided=True), 0.0),
        (wgan_gp(2.0, target=4.0, one_sided=True), 2.0),
        (dragan(0.5), 0.5 * (5 - 1) ** 2),
    ]:
        (points,) = chosen.points(real, fake)
        value = chosen.value(points, points @ direction[:, None])
        torch.testing.assert_close(value, torch.full((4,), float(expected)))


def test_wgan_gp_takes_one_interpolation_weight_a_sample():
    real, fake = torch.rand(200, 3, 4, 4, dtype=torch.float64) + 1, -torch.rand(200, 3, 4, 4, dtype=torch.float64)
    (points,) = wgan_gp().points(real, fake)
    share = ((points - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(share, share[:, :1].expand_as(share))
    share = share[:, 0]
    assert share.min() >= 0 and share.max() <= 1
    assert len(share.unique()) == 200
    assert share.mean().item() == pytest.approx(0.5, abs=0.08)
    assert share.std().item() == pytest.approx(1 / 12**0.5, rel=0.15)


def test_dragan_moves_real_pictures_up_by_noise_of_a_strength_of_each_sample():
    real = torch.randn(300, 3, 8, 8) * 2
    (points,) = dragan(scale=0.5).points(real, None)
    shift = (points - real).flatten(1) / real.std(correction=0)
    assert shift.min() >= -1e-5 and shift.max() <= 0.5 + 1e-5
    # alpha * 0.5 * U(0, 1): the mean of a sample's values is alpha / 4.
    alpha = 4 * shift.mean(1)
    assert alpha.mean().item() == pytest.approx(0.5, abs=0.06)
    assert alpha.std().item() == pytest.approx(1 / 12**0.5, rel=0.15)
    within = (shift / alpha[:, None]).std(1).mean().item()
    assert within == pytest.approx(0.5 / 12**0.5, rel=0.1), "every value has its own noise"
    assert torch.equal(dragan(scale=0.0).points(real, None)[0], real)
