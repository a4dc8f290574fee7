"""What is done to pictures before D sees them."""

from typing import Annotated, Literal

from pydantic import Field

from sakuga.configs.base import Config


class NoAugmentConfig(Config):
    """D sees the pictures as they are."""

    kind: Literal["none"] = "none"


class DiffAugmentConfig(Config):
    """DiffAugment (Zhao et al. 2020): the same kinds of random change on real and fake pictures before D."""

    kind: Literal["diffaugment"] = "diffaugment"
    color: bool = True
    translation: float = Field(default=0.125, ge=0, le=0.5, description="largest shift, in parts of the side")
    cutout: float = Field(default=0.0, ge=0, le=1, description="side of the square cut out, in parts of the side")


AugmentConfig = Annotated[NoAugmentConfig | DiffAugmentConfig, Field(discriminator="kind")]
