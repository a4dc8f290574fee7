import pytest

from sakuga.comparison.cells import cells_of, checked_config
from sakuga.comparison.presets import PRESETS, preset
from sakuga.training import resolve

every_preset = pytest.mark.parametrize("name", PRESETS)


@every_preset
def test_every_variant_fits_its_recipe(name):
    for variant in preset(name).variants:
        resolve.check(checked_config(variant))


@every_preset
def test_a_preset_says_what_it_asks_and_names_its_files(name):
    config = preset(name)
    assert config.name == name
    assert "?" in config.question
    assert {data.path for data in config.data} <= {"getchu64.zip", "moe64_hair_eyes.zip", "faces96_hair_eyes.zip"}
    cells = cells_of(config)
    assert len({cell.name for cell in cells}) == len(cells) == len(config.variants) * len(config.data)


def test_no_two_variants_of_a_preset_are_the_same():
    for name in PRESETS:
        configs = [checked_config(variant).model_dump_json() for variant in preset(name).variants]
        assert len(set(configs)) == len(configs)


def test_lambda_is_the_weight_of_realness():
    variants = [v for v in preset("seed000-lambda").variants if v.group.startswith("(c) sep")]
    assert [checked_config(v).conditioning.adversarial_weight for v in variants] == [1.0, 2.5, 5.0]
