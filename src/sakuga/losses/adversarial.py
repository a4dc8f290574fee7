"""The games between D and G: per-sample losses of logits."""

from collections.abc import Callable
from typing import NamedTuple, NoReturn

from torch import Tensor
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


class Adversarial(NamedTuple):
    """One game. Each function maps logits, float `[N, P]`, to losses of the same shape.

    Attributes:
        real: D's loss on real pictures.
        fake: D's loss on fake pictures.
        generator: G's loss on fake pictures.
        paired: In a game about differences the loss of a margin, None in the others. D minimizes
            `paired(real - fake)` and G `paired(fake - real)`, and the three functions above must not be called.
        zero: D's decision level: a logit above it says "real". None where a single logit says nothing.
    """

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    paired: Callable[[Tensor], Tensor] | None = None
    zero: float | None = 0.0


def adversarial(config: LossConfig) -> Adversarial:
    """Returns the game that the config describes."""
    return _GAMES[type(config)](config)


def bce(config: BceLossConfig) -> Adversarial:
    """Binary cross-entropy on D = sigmoid(logit) (Goodfellow et al. 2014, equation 1).

    -log D is softplus(-logit) and -log(1 - D) is softplus(logit), which do not overflow. G minimizes -log D(G(z)), or
    in the saturating form log(1 - D(G(z))).
    """
    game, target = logistic(), config.real_target
    if target < 1:

        def real(logits: Tensor) -> Tensor:
            return target * F.softplus(-logits) + (1 - target) * F.softplus(logits)

        game = game._replace(real=real)
    return game._replace(generator=lambda logits: -F.softplus(logits)) if config.saturating else game


def logistic(config: LogisticLossConfig | None = None) -> Adversarial:
    """Non-saturating logistic loss, which is `bce` without its options: softplus(-real) + softplus(fake) for D,
    softplus(-fake) for G."""
    return Adversarial(lambda logits: F.softplus(-logits), F.softplus, lambda logits: F.softplus(-logits))


def hinge(config: HingeLossConfig) -> Adversarial:
    """Hinge loss: max(0, 1 - real) + max(0, 1 + fake) for D, -fake for G (Miyato et al. 2018, equations 16 and 17)."""
    return Adversarial(lambda logits: F.relu(1 - logits), lambda logits: F.relu(1 + logits), lambda logits: -logits)


def lsgan(config: LsganLossConfig) -> Adversarial:
    """Least squares: (real - 1)^2 / 2 + fake^2 / 2 for D, (fake - 1)^2 / 2 for G (Mao et al. 2017, equation 9)."""

    def towards(target: float) -> Callable[[Tensor], Tensor]:
        return lambda logits: 0.5 * (logits - target).square()

    return Adversarial(towards(1), towards(0), towards(1), zero=0.5)


def wasserstein(config: WassersteinLossConfig) -> Adversarial:
    """Wasserstein: -real + fake for D, -fake for G (Arjovsky, Chintala and Bottou 2017, equations 2 and 3).

    Minus D's loss estimates the distance up to a factor, D's Lipschitz constant. The step clips the weights.
    """
    return Adversarial(lambda logits: -logits, lambda logits: logits, lambda logits: -logits, zero=None)


def relativistic(config: RelativisticLossConfig) -> Adversarial:
    """Relativistic paired: softplus(-(real - fake)) for D, softplus(-(fake - real)) for G (Jolicoeur-Martineau, "The
    relativistic discriminator: a key element missing from standard GAN", 2018, RSGAN)."""

    def alone(logits: Tensor) -> NoReturn:
        raise TypeError("The relativistic loss is a function of real minus fake logits: use `paired`.")

    return Adversarial(alone, alone, alone, paired=lambda margin: F.softplus(-margin), zero=None)


_GAMES: dict[type, Callable[..., Adversarial]] = {
    BceLossConfig: bce,
    LogisticLossConfig: logistic,
    HingeLossConfig: hinge,
    LsganLossConfig: lsgan,
    WassersteinLossConfig: wasserstein,
    RelativisticLossConfig: relativistic,
}
