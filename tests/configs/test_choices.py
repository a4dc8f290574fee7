from typing import Literal

import pytest

from sakuga.configs.choices import choices
from sakuga.configs.losses import PenaltyConfig
from sakuga.configs.models import AuxiliaryHeadConfig, DcganDiscriminatorConfig, FirstStageConfig
from sakuga.configs.training import TrainConfig


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        (PenaltyConfig, ("none", "r1", "r2", "r1r2", "wgan_gp", "dragan")),
        (FirstStageConfig, ("dcgan", "sngan", "srresnet")),
        (DcganDiscriminatorConfig.model_fields["norm"].annotation, ("batch", "spectral", "layer", "none")),
        (DcganDiscriminatorConfig.model_fields["minibatch_std"].annotation, ("true", "false")),
        (AuxiliaryHeadConfig.model_fields["layers"].annotation, ("1", "3")),
        (TrainConfig.model_fields["classifier"].annotation, ("none", "dcgan", "sngan", "srresnet", "stylegan2")),
        (TrainConfig.model_fields["channels_last"].annotation, ("true", "false", "auto")),
        (int, ()),
        (Literal["one"] | None, ("one", "null")),
        (Literal["auto"] | int, ()),
    ],
)
def test_what_an_annotation_lists(annotation, found):
    assert choices(annotation) == found
