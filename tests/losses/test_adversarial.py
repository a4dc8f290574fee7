import math

import pytest
import torch
from torch.nn import functional as F

from sakuga.configs.losses import (
    BceLossConfig,
    HingeLossConfig,
    LogisticLossConfig,
    LossConfig,
    LsganLossConfig,
    RelativisticLossConfig,
    WassersteinLossConfig,
)
from sakuga.configs.training import TrainConfig
from sakuga.losses.adversarial import adversarial

LOGITS = torch.tensor([[-1.5], [0.0], [2.0]])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def log(x: float) -> float:
    return math.log(x)


# From the papers' equations, on D = sigmoid(logit) where they speak of D.
BY_HAND = [
    (BceLossConfig(), lambda x: -log(sigmoid(x)), lambda x: -log(1 - sigmoid(x)), lambda x: -log(sigmoid(x))),
    (
        BceLossConfig(saturating=True),
        lambda x: -log(sigmoid(x)),
        lambda x: -log(1 - sigmoid(x)),
        lambda x: log(1 - sigmoid(x)),
    ),
    (
        BceLossConfig(real_target=0.9),
        lambda x: -0.9 * log(sigmoid(x)) - 0.1 * log(1 - sigmoid(x)),
        lambda x: -log(1 - sigmoid(x)),
        lambda x: -log(sigmoid(x)),
    ),
    (
        LogisticLossConfig(),
        lambda x: log(1 + math.exp(-x)),
        lambda x: log(1 + math.exp(x)),
        lambda x: log(1 + math.exp(-x)),
    ),
    (HingeLossConfig(), lambda x: max(0.0, 1 - x), lambda x: max(0.0, 1 + x), lambda x: -x),
    (LsganLossConfig(), lambda x: (x - 1) ** 2 / 2, lambda x: x**2 / 2, lambda x: (x - 1) ** 2 / 2),
    (WassersteinLossConfig(), lambda x: -x, lambda x: x, lambda x: -x),
]
PAIRED = {RelativisticLossConfig: lambda margin: log(1 + math.exp(-margin))}
every_game = pytest.mark.parametrize("config", [c for c, *_ in BY_HAND], ids=repr)
every_level = pytest.mark.parametrize("config", [c for c, *_ in BY_HAND if adversarial(c).zero is not None], ids=repr)


def test_every_loss_is_tested():
    union = TrainConfig.model_fields["loss"].annotation
    assert {type(c) for c, *_ in BY_HAND} | set(PAIRED) == set(union.__args__) == set(LossConfig.__origin__.__args__)


@pytest.mark.parametrize(
    ("config", "real", "fake", "generator"), BY_HAND, ids=lambda v: repr(v) if not callable(v) else ""
)
def test_losses_are_the_papers_equations(config, real, fake, generator):
    game = adversarial(config)
    for function, by_hand in [(game.real, real), (game.fake, fake), (game.generator, generator)]:
        losses = function(LOGITS)
        assert losses.shape == LOGITS.shape
        torch.testing.assert_close(losses, torch.tensor([[by_hand(x)] for x in (-1.5, 0.0, 2.0)]))


def test_the_relativistic_loss_is_one_of_margins():
    game = adversarial(RelativisticLossConfig())
    by_hand = PAIRED[RelativisticLossConfig]
    real, fake = torch.tensor([[2.0], [-1.0], [300.0]]), torch.tensor([[0.5], [1.0], [300.0]])
    expected = torch.tensor([[by_hand(1.5)], [by_hand(-2.0)], [log(2)]])
    torch.testing.assert_close(game.paired(real - fake), expected)
    torch.testing.assert_close(game.paired(fake - real), torch.tensor([[by_hand(-1.5)], [by_hand(2.0)], [log(2)]]))
    extreme = game.paired(torch.tensor([-1000.0, 1000.0]))
    assert extreme.tolist() == [1000.0, 0.0]
    for alone in (game.real, game.fake, game.generator):
        with pytest.raises(TypeError, match="paired"):
            alone(real)


def test_only_the_relativistic_game_is_paired_and_two_have_no_level():
    games = {kind: adversarial(kind()) for kind in LossConfig.__origin__.__args__}
    assert {kind for kind, game in games.items() if game.paired} == {RelativisticLossConfig}
    assert {kind for kind, game in games.items() if game.zero is None} == {
        RelativisticLossConfig,
        WassersteinLossConfig,
    }
    assert games[LsganLossConfig].zero == 0.5


def test_minus_the_wasserstein_loss_of_d_is_the_difference_of_the_means():
    game = adversarial(WassersteinLossConfig())
    real, fake = torch.tensor([[3.0], [5.0]]), torch.tensor([[1.0], [-2.0]])
    assert -(game.real(real).mean() + game.fake(fake).mean()).item() == pytest.approx(4 - (-0.5))


def test_bce_is_torchs():
    game = adversarial(BceLossConfig(real_target=0.8))
    for function, target in [(game.real, 0.8), (game.fake, 0.0), (game.generator, 1.0)]:
        expected = F.binary_cross_entropy_with_logits(LOGITS, torch.full_like(LOGITS, target), reduction="none")
        torch.testing.assert_close(function(LOGITS), expected)


@every_game
def test_extreme_logits_stay_finite(config):
    game = adversarial(config)
    logits = torch.tensor([[-1000.0], [1000.0]], requires_grad=True)
    for function in (game.real, game.fake, game.generator):
        losses = function(logits)
        (slope,) = torch.autograd.grad(losses.sum(), logits)
        assert losses.isfinite().all()
        assert slope.isfinite().all()


@every_game
def test_d_learns_to_tell_and_g_to_deceive(config):
    game = adversarial(config)

    def slope(function) -> float:
        logits = torch.full((1, 1), game.zero or 0.0, requires_grad=True)
        return torch.autograd.grad(function(logits).sum(), logits)[0].item()

    assert slope(game.real) < 0, "D raises real logits"
    assert slope(game.fake) > 0, "and lowers fake ones"
    assert slope(game.generator) < 0, "G raises fake ones"


def test_only_the_original_form_saturates():
    lost = torch.full((1, 1), -12.0, requires_grad=True)  # D is sure that it is a fake
    for config, slope in [(BceLossConfig(saturating=True), 0.0), (BceLossConfig(), -1.0), (LogisticLossConfig(), -1.0)]:
        (found,) = torch.autograd.grad(adversarial(config).generator(lost).sum(), lost)
        assert found.item() == pytest.approx(slope, abs=1e-4)


@every_level
def test_the_decision_level_is_where_real_and_fake_are_alike(config):
    game = adversarial(config)
    level = torch.full((1, 1), game.zero, requires_grad=True)
    pull = torch.autograd.grad((game.real(level) + game.fake(level)).sum(), level)[0].item()
    expected = {"bce": 1 - getattr(config, "real_target", 1.0)}.get(config.kind, 0.0)
    assert pull == pytest.approx(expected)
