import math

import pytest

from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError
from sakuga.recipes import RECIPES, recipe

every_recipe = pytest.mark.parametrize("name", sorted(RECIPES))


@every_recipe
def test_a_recipe_is_a_value_that_knows_its_name(name):
    assert recipe(name) == recipe(name)
    assert recipe(name).recipe == name
    assert RECIPES[name].__doc__


@every_recipe
def test_a_recipe_survives_being_written_and_edited(name):
    config = recipe(name)
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
    assert patch(config, {"batch_size": "16"}).batch_size == 16
    assert patch(config, {}) == config


@every_recipe
def test_a_recipe_leaves_the_machine_open(name):
    config = recipe(name)
    assert (config.precision, config.threads) == ("auto", "auto")
    assert (config.init.generator, config.init.base) == (None, None)


def test_unknown_recipes_offer_the_nearest():
    with pytest.raises(UserError, match="No recipe 'dcgan69': did you mean 'dcgan64' or 'dcgan96'"):
        recipe("dcgan69")
    with pytest.raises(UserError, match="No recipe 'waifu': known: "):
        recipe("waifu")


def test_dcgan64_is_as_published():
    config = recipe("dcgan64")
    assert config.latent.sigma == pytest.approx(math.exp(-1 / math.pi)) == pytest.approx(0.727, abs=1e-3)
    assert (config.data.resolution, config.data.flip, config.data.rotate) == (64, True, 15.0)
    assert (config.generator.norm, config.discriminator.norm) == ("batch", "batch")
    assert str(config.outputs.sheets.at[-1]) == "50 epochs"
    assert [int(m.amount) for m in config.outputs.sheets.at] == [1, 3, 10, 30, 50]


def test_dcgan96_is_as_published():
    config = recipe("dcgan96")
    assert (config.data.resolution, config.generator.z_dim) == (96, 100)
    assert (config.generator.channels, config.discriminator.channels) == (64, 64)
    assert config.loss.kind == "bce"
    assert config.real_fake_batches == "separate"
    assert (config.ratio.d_every, config.ratio.g_every) == (1, 5)
    for adam in (config.optimizer.g, config.optimizer.d):
        assert (adam.lr, adam.beta1, adam.beta2) == (2e-4, 0.5, 0.999)
    assert config.batch_size == 256
    assert config.outputs.snapshots.model_dump() == "every 10 epochs"
    assert str(config.duration) == "200 epochs"
    assert config.penalty.kind == config.augment.kind == "none"
