"""The games between D and G, and the penalties on D."""

from typing import Annotated, Literal

from pydantic import Field

from sakuga.configs.base import Config


class BceLossConfig(Config):
    """Binary cross-entropy of Goodfellow et al. (2014); G maximises log D(G(z)), or in the original form minimises
    log(1 - D(G(z)))."""

    kind: Literal["bce"] = "bce"
    saturating: bool = False
    real_target: float = Field(default=1.0, gt=0.5, le=1.0, description="below 1: one-sided label smoothing")


class LogisticLossConfig(Config):
    """Non-saturating logistic loss, softplus of the logits."""

    kind: Literal["logistic"] = "logistic"


class HingeLossConfig(Config):
    """Hinge loss (Lim and Ye 2017; Miyato et al. 2018)."""

    kind: Literal["hinge"] = "hinge"


LossConfig = Annotated[BceLossConfig | LogisticLossConfig | HingeLossConfig, Field(discriminator="kind")]


class NoPenaltyConfig(Config):
    """D is not penalised."""

    kind: Literal["none"] = "none"


class R1PenaltyConfig(Config):
    """R1 of Mescheder, Geiger and Nowozin (2018): weight / 2 * E |grad D(real)|^2, every so many rounds (lazily)."""

    kind: Literal["r1"] = "r1"
    weight: float = Field(default=1.0, ge=0)
    every: int = Field(default=16, ge=1)


PenaltyConfig = Annotated[NoPenaltyConfig | R1PenaltyConfig, Field(discriminator="kind")]
