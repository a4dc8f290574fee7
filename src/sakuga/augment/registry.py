"""From a config to an augmentation."""

from sakuga.augment.ada import Ada
from sakuga.augment.base import Augment, NoAugment
from sakuga.augment.diffaugment import DiffAugment
from sakuga.configs.augment import AdaConfig, AugmentConfig, DiffAugmentConfig, NoAugmentConfig


def augmentation(config: AugmentConfig) -> Augment:
    """Returns the augmentation that the config describes; for none, one that changes nothing."""
    match config:
        case AdaConfig():
            return Ada(config)
        case DiffAugmentConfig():
            return DiffAugment(config)
        case NoAugmentConfig():
            return NoAugment()
