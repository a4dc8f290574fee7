"""The games between D and G, and the penalties on D."""

from typing import Annotated, Literal

from pydantic import Field

from sakuga.configs.base import Config
from sakuga.configs.models import Auto


class BceLossConfig(Config):
    """Binary cross-entropy of Goodfellow et al. (2014); G maximizes log D(G(z)), or in the original form minimizes
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


class LsganLossConfig(Config):
    """Least squares, real towards 1 and fake towards 0 (Mao et al. 2017)."""

    kind: Literal["lsgan"] = "lsgan"


class WassersteinLossConfig(Config):
    """The difference of D's means (Arjovsky, Chintala and Bottou 2017); needs clipped weights, the penalty of
    WGAN-GP or spectral norm."""

    kind: Literal["wasserstein"] = "wasserstein"
    clip: float | None = Field(
        default=None, gt=0, description="after each update of D its weights are clipped to +- this; the paper's is 0.01"
    )


class RelativisticLossConfig(Config):
    """Relativistic paired logistic loss (Jolicoeur-Martineau 2018): is this real picture more real than this fake?"""

    kind: Literal["relativistic"] = "relativistic"


LossConfig = Annotated[
    BceLossConfig
    | LogisticLossConfig
    | HingeLossConfig
    | LsganLossConfig
    | WassersteinLossConfig
    | RelativisticLossConfig,
    Field(discriminator="kind"),
]


class NoPenaltyConfig(Config):
    """D is not penalized."""

    kind: Literal["none"] = "none"


class R1PenaltyConfig(Config):
    """R1 of Mescheder, Geiger and Nowozin (2018): weight / 2 * E |grad D(real)|^2, every so many rounds (lazily)."""

    kind: Literal["r1"] = "r1"
    weight: Annotated[float, Field(ge=0)] | Auto = Field(
        default=1.0, description="auto: 0.0002 side^2 / batch size (Karras et al. 2020, ADA, appendix C)"
    )
    every: int = Field(default=16, ge=1)


class R2PenaltyConfig(Config):
    """R2 of Mescheder, Geiger and Nowozin (2018): weight / 2 * E |grad D(fake)|^2."""

    kind: Literal["r2"] = "r2"
    weight: float = Field(default=1.0, ge=0)
    every: int = Field(default=16, ge=1)


class R1R2PenaltyConfig(Config):
    """The sum of R1 and R2, as with the relativistic loss in R3GAN (Huang et al. 2024)."""

    kind: Literal["r1r2"] = "r1r2"
    weight: float = Field(default=1.0, ge=0)
    every: int = Field(default=16, ge=1)


class WganGpPenaltyConfig(Config):
    """Gradient penalty of Gulrajani et al. (2017): weight * E (|grad D| - target)^2 between real and fake pictures."""

    kind: Literal["wgan_gp"] = "wgan_gp"
    weight: float = Field(default=10.0, ge=0)
    target: float = Field(default=1.0, ge=0, description="the slope that D shall have")
    one_sided: bool = Field(default=False, description="whether only slopes above the target are punished")
    every: int = Field(default=1, ge=1)


class DraganPenaltyConfig(Config):
    """DRAGAN (Kodali et al. 2017): weight * E (|grad D| - target)^2 near real pictures."""

    kind: Literal["dragan"] = "dragan"
    weight: float = Field(default=10.0, ge=0)
    target: float = Field(default=1.0, ge=0, description="the slope that D shall have")
    scale: float = Field(default=0.5, ge=0, description="largest shift, in standard deviations of the real batch")
    every: int = Field(default=1, ge=1)


PenaltyConfig = Annotated[
    NoPenaltyConfig | R1PenaltyConfig | R2PenaltyConfig | R1R2PenaltyConfig | WganGpPenaltyConfig | DraganPenaltyConfig,
    Field(discriminator="kind"),
]


class PathLengthConfig(Config):
    """Path length regularization of G (Karras et al. 2020, section 3.2), every so many updates (lazily)."""

    weight: float = Field(default=0.0, ge=0, description="0: none; StyleGAN2 has 2")
    every: int = Field(default=4, ge=1)
    decay: float = Field(default=0.01, gt=0, le=1, description="of the running mean of the lengths")
    shrink: int = Field(default=2, ge=1, description="the batch is divided by this")
