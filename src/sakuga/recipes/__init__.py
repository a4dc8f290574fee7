"""The named recipes: functions that return a config. Imports no torch."""

from collections.abc import Callable

from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError, nearest
from sakuga.recipes.dcgan import dcgan64, dcgan96, quick64, tiny64

RECIPES: dict[str, Callable[[], TrainConfig]] = {f.__name__: f for f in (dcgan64, dcgan96, quick64, tiny64)}


def recipe(name: str) -> TrainConfig:
    """Returns the recipe of that name.

    Raises:
        UserError: If there is none.
    """
    if name not in RECIPES:
        raise UserError(f"No recipe {name!r}: {nearest(name, RECIPES)}")
    return RECIPES[name]()
