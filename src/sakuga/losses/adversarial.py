"""The games between D and G: per-sample losses of logits."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.losses import BceLossConfig, HingeLossConfig, LogisticLossConfig, LossConfig


class Adversarial(NamedTuple):
    """One game. Each function maps logits, float `[N, P]`, to losses of the same shape.

    Attributes:
        real: D's loss on real pictures.
        fake: D's loss on fake pictures.
        generator: G's loss on fake pictures.
        zero: D's decision level: a logit above it says "real".
    """

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    zero: float | None = 0.0


def adversarial(config: LossConfig) -> Adversarial:
    """Returns the game that the config describes."""
    return _GAMES[type(config)](config)


def bce(config: BceLossConfig) -> Adversarial:
    """Binary cross-entropy on D = sigmoid(logit) (Goodfellow et al. 2014, equation 1).

    -log D is softplus(-logit) and -log(1 - D) is softplus(logit), which do not overflow. G minimises -log D(G(z)), or
    in the saturating form log(1 - D(G(z))).
    """
    target = config.real_target

    def real(logits: Tensor) -> Tensor:
        return target * F.softplus(-logits) + (1 - target) * F.softplus(logits)

    generator = (lambda logits: -F.softplus(logits)) if config.saturating else (lambda logits: F.softplus(-logits))
    return Adversarial(real, F.softplus, generator)


def logistic(config: LogisticLossConfig) -> Adversarial:
    """Non-saturating logistic loss: softplus(-real) + softplus(fake) for D, softplus(-fake) for G."""
    return Adversarial(lambda logits: F.softplus(-logits), F.softplus, lambda logits: F.softplus(-logits))


def hinge(config: HingeLossConfig) -> Adversarial:
    """Hinge loss: max(0, 1 - real) + max(0, 1 + fake) for D, -fake for G (Miyato et al. 2018, equations 16 and 17)."""
    return Adversarial(lambda logits: F.relu(1 - logits), lambda logits: F.relu(1 + logits), lambda logits: -logits)


_GAMES: dict[type, Callable[..., Adversarial]] = {
    BceLossConfig: bce,
    LogisticLossConfig: logistic,
    HingeLossConfig: hinge,
}
