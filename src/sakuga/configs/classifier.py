"""A judge: the small classifier that measures whether samples show the attributes asked for, and how it is trained."""

from typing import Literal

from pydantic import Field

from sakuga.configs.base import Config


class ClassifierConfig(Config):
    """A small residual network with one head an attribute, which looks at its own places of the picture."""

    kind: Literal["classifier"] = "classifier"
    resolution: int = Field(default=64, ge=16, le=256, description="pictures of other sizes are resized to this")
    channels: int = Field(default=24, ge=1, description="channels of the first maps, at half the side")


class JudgeConfig(Config):
    """How a judge is trained: Adam with decoupled weight decay, its rate rising briefly, then falling to zero."""

    channels: int = Field(default=24, ge=1)
    epochs: int = Field(default=14, ge=1, description="how often each training picture is seen")
    batch_size: int = Field(default=64, ge=2)
    lr: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    warm_up: float = Field(default=0.1, gt=0, lt=1, description="the part of the training in which the rate rises")
    smoothing: float = Field(default=0.1, ge=0, lt=1, description="the part of the target that all values share")
    balance: float = Field(
        default=0.5, ge=0, le=1, description="0: every picture counts alike; 1: every value; between: between"
    )
    rotate: float = Field(default=8.0, ge=0, le=45, description="degrees to either side")
    shift: float = Field(default=0.06, ge=0, le=0.5, description="part of the side, in each direction")
    zoom: float = Field(default=0.08, ge=0, lt=0.5, description="part of the size, smaller or larger")
    holdout: int = Field(default=5, ge=2, description="every n-th picture by name is never trained on")
    seed: int = Field(default=0, ge=0)
