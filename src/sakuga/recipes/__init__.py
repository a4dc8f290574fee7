"""The named recipes: functions that return a config. Imports no torch."""

from collections.abc import Callable

from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError, choice
from sakuga.recipes.critics import dragan64, sndcgan64, wgan64, wgangp64
from sakuga.recipes.dcgan import attributes64, dcgan64, dcgan96, quick64, tiny64
from sakuga.recipes.residual import acgan64, sngan64, srresnet64, stacked128
from sakuga.recipes.stylegan2 import stylegan2_64_attributes, stylegan2_64_cpu, stylegan2_128, stylegan2_256

_ALL = (
    *(dcgan64, dcgan96, tiny64, quick64, attributes64),
    *(wgan64, wgangp64, dragan64, sndcgan64),
    *(sngan64, srresnet64, acgan64, stacked128),
    *(stylegan2_64_cpu, stylegan2_64_attributes, stylegan2_128, stylegan2_256),
)
RECIPES: dict[str, Callable[[], TrainConfig]] = {f().recipe: f for f in _ALL}


def recipe(name: str) -> TrainConfig:
    """Returns the recipe of that name.

    Raises:
        UserError: If there is none.
    """
    if name not in RECIPES:
        raise UserError(f"No recipe {name!r}: {choice(name, RECIPES)}")
    return RECIPES[name]()
