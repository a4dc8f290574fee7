import pytest
import torch
from pydantic import ValidationError

from sakuga.augment.ada import Ada
from sakuga.augment.base import NoAugment
from sakuga.augment.diffaugment import DiffAugment
from sakuga.augment.registry import augmentation
from sakuga.configs.augment import AdaConfig, AugmentConfig, DiffAugmentConfig, NoAugmentConfig

KINDS = {NoAugmentConfig: NoAugment, DiffAugmentConfig: DiffAugment, AdaConfig: Ada}


def test_every_kind_has_its_augmentation():
    assert KINDS.keys() == set(AugmentConfig.__origin__.__args__)
    for config, made in KINDS.items():
        assert type(augmentation(config())) is made


def test_none_changes_nothing_and_remembers_nothing():
    images = torch.rand(2, 3, 4, 4)
    nothing = augmentation(NoAugmentConfig())
    assert nothing(images) is images
    nothing.see(torch.ones(2, 1))
    nothing.end_round(2)
    assert nothing.state() == {}
    assert nothing.strength == 0
    assert augmentation(DiffAugmentConfig()).strength == 1


@pytest.mark.parametrize("speed", ["3 epochs", "0 images", "100 steps"])
def test_adas_speed_is_a_number_of_images(speed):
    with pytest.raises(ValidationError, match="must be in images"):
        AdaConfig(speed=speed)
    assert AdaConfig(speed="100k images").speed.amount == 100_000


def test_ada_does_not_start_above_its_limit():
    with pytest.raises(ValidationError, match=r"strength \(0.9\).*limit \(0.8\)"):
        AdaConfig(strength=0.9)
    assert AdaConfig(strength=0.9, limit=1.0).strength == 0.9
