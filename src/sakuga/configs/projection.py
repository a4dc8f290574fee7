"""How the w of a given picture is searched for."""

from typing import Literal

from pydantic import Field

from sakuga.configs.base import Config


class ProjectionConfig(Config):
    """The search of Karras et al. 2020, appendix D, with half as many steps."""

    space: Literal["w", "w+"] = Field(default="w", description="w+: in a second stage each layer has a w of its own")
    steps: int = Field(default=500, ge=1, description="of Adam; a second stage takes half as many more")
    lr: float = Field(default=0.1, gt=0)
    lr_layers: float = Field(default=0.03, gt=0, description="the learning rate of the second stage")
    ramp_up: float = Field(default=0.05, gt=0, le=1, description="the part of the steps in which the rate rises")
    ramp_down: float = Field(default=0.25, gt=0, le=1, description="the part at the end in which it falls to zero")
    noise: float = Field(default=0.05, ge=0, description="added to w at first, over the deviation of w; falls to zero")
    noise_until: float = Field(default=0.75, gt=0, le=1, description="the part of the steps in which w gets noise")
    noise_maps: bool = Field(default=True, description="whether the noise maps of the layers are searched for too")
    noise_weight: float = Field(default=1e5, ge=0, description="of what keeps the noise maps from holding the picture")
    mean_of: int = Field(default=10_000, ge=2, description="over how many z the mean of w is taken")
    samples: int = Field(default=64, ge=1, description="pictures of the model's own in which labels and z are sought")
    seed: int = Field(default=0, ge=0, lt=2**32, description="names the noise")
