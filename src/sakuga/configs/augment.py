"""What is done to pictures before D sees them."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sakuga.configs.base import Config
from sakuga.configs.duration import Duration


class NoAugmentConfig(Config):
    """D sees the pictures as they are."""

    kind: Literal["none"] = "none"


class DiffAugmentConfig(Config):
    """DiffAugment (Zhao et al. 2020): the same kinds of random change on real and fake pictures before D."""

    kind: Literal["diffaugment"] = "diffaugment"
    color: bool = True
    translation: float = Field(default=0.125, ge=0, le=0.5, description="largest shift, in parts of the side")
    cutout: float = Field(default=0.0, ge=0, le=1, description="side of the square cut out, in parts of the side")


class AdaConfig(Config):
    """Adaptive discriminator augmentation (Karras et al., "Training Generative Adversarial Networks with Limited Data",
    2020): each change with a probability that follows D's overfitting."""

    kind: Literal["ada"] = "ada"
    blit: bool = Field(default=True, description="mirror, turn by 90 degrees, shift by whole pixels")
    geometry: bool = Field(default=True, description="scale, rotate, stretch, shift")
    color: bool = Field(default=True, description="brightness, contrast, inverted lightness, hue, saturation")
    strength: float = Field(default=0.0, ge=0, le=1, description="the probability to start with")
    target: float | None = Field(
        default=0.6, gt=-1, lt=1, description="mean sign of D(real) that is kept; null: the strength stays"
    )
    speed: Duration = Field(
        default=Duration(amount=500_000), description="images in which the strength could go from 0 to 1"
    )
    limit: float = Field(default=0.8, gt=0, le=1, description="largest strength; above 0.8 changes leak into pictures")

    @field_validator("speed")
    @classmethod
    def _images(cls, speed: Duration) -> Duration:
        if speed.unit != "images" or speed.amount == 0:
            raise ValueError(f"speed ({speed}) must be in images, and more than 0")
        return speed

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if self.strength > self.limit:
            raise ValueError(f"strength ({self.strength}) must not be above limit ({self.limit})")
        if self.target is None and self.strength == 0:
            raise ValueError("strength must be above 0 if no target moves it")
        if not (self.blit or self.geometry or self.color):
            raise ValueError("one of blit, geometry and color must be true")
        return self


AugmentConfig = Annotated[NoAugmentConfig | DiffAugmentConfig | AdaConfig, Field(discriminator="kind")]
