import pytest
from pydantic import ValidationError

from sakuga.configs.augment import DiffAugmentConfig
from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.configs.training import AdamConfig, OptimizersConfig, TrainConfig


def test_configs_are_values():
    config = TrainConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        config.optimizer.g.lr = 3.0  # type: ignore[misc]
    assert hash(config) == hash(TrainConfig())


def test_unknown_names_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs"):
        TrainConfig.model_validate({"batchsize": 3})


def test_a_config_survives_being_written():
    config = TrainConfig(
        augment=DiffAugmentConfig(cutout=0.25), optimizer=OptimizersConfig(g=AdamConfig(lr=1e-3)), batch_size=7
    )
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("config", [DcganGeneratorConfig, DcganDiscriminatorConfig])
def test_sizes_that_a_dcgan_cannot_make_are_refused_by_name(config):
    with pytest.raises(ValidationError, match="32, 64, 96, 128 pixels, not 48: choose one of these"):
        config(resolution=48)


def test_the_last_layer_of_96_pixels_has_one_form():
    with pytest.raises(ValidationError, match=r"choose --generator\.tail transposed"):
        DcganGeneratorConfig(resolution=96, tail="shuffle")
