"""Keeps D and G in balance while they train."""

import math
from typing import Any

from torch import Tensor

from sakuga.configs.training import ControllerConfig
from sakuga.core import distributed

_SMOOTHING = 0.95
_MAX_LEVEL = 4.0
_LR_HALVINGS = 2.0


class Controller:
    """Slows whichever side is ahead.

    D's advantage, smoothed over its updates, is compared with a band. Above it the level rises, below it the level
    falls, by one for each `speed` images. A positive level slows D, a negative one G: the first two levels halve its
    learning rate each, the next two halve how often it learns.

    Args:
        config: The band and the speed.
        batch_size: Images a round.
    """

    def __init__(self, config: ControllerConfig, batch_size: int):
        self.config = config
        self.rate = batch_size / config.speed.images(1, batch_size)
        self.advantage, self.level = (config.low + config.high) / 2, 0.0
        self._seen: Tensor | None = None
        self._rounds = 0  # since the level moved

    def see(self, advantage: Tensor) -> None:
        """Takes D's advantage of this process in this round, a float scalar in [-1, 1]."""
        self._seen = advantage.detach().clone()

    def update(self) -> None:
        """Moves the level after a round, by what all rounds since D was last seen make."""
        self._rounds += 1
        if self._seen is None:
            return
        rate, self._rounds = self._rounds * self.rate, 0
        distributed.average_([self._seen])
        self.advantage = _SMOOTHING * self.advantage + (1 - _SMOOTHING) * self._seen.item()
        self._seen = None
        direction = (self.advantage > self.config.high) - (self.advantage < self.config.low)
        if direction == 0 and self.level != 0:  # inside the band: drift back to even terms, slowly
            direction = -math.copysign(min(0.1, abs(self.level) / rate), self.level)
        self.level = min(max(self.level + direction * rate, -_MAX_LEVEL), _MAX_LEVEL)

    def slowness(self, optimizer: str) -> float:
        """Returns the level as it concerns one optimizer: 0 where it is not slowed, as one beside the game never is."""
        return max({"d": self.level, "g": -self.level}.get(optimizer, 0.0), 0.0)

    def lr_scale(self, optimizer: str) -> float:
        """Returns what the side's learning rate is multiplied with."""
        return 0.5 ** min(self.slowness(optimizer), _LR_HALVINGS)

    def stretch(self, optimizer: str) -> int:
        """Returns what the intervals of the side's phases are multiplied with."""
        return 2 ** math.floor(max(self.slowness(optimizer) - _LR_HALVINGS, 0.0))

    def state(self) -> dict[str, Any]:
        """Returns the smoothed advantage, the level, and the rounds since it moved."""
        return {"advantage": self.advantage, "level": self.level, "rounds": self._rounds}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        self.advantage, self.level = float(state["advantage"]), float(state["level"])
        self._rounds = int(state.get("rounds", 0))
