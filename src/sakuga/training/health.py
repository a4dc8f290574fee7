"""Watches a run and says in plain words what is wrong and what helps."""

from collections import deque
from typing import Any

import numpy as np

from sakuga.configs.models import DcganDiscriminatorConfig
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError

_WINDOW = 20  # log lines
_STRONG, _WEAK = 0.95, 0.02
_COLLAPSED = 0.35
_YOUNG = 20_000  # images until which every G makes nearly one picture


class NotFinite(UserError):
    """Training broke down: a number became infinite or NaN.

    Args:
        found: What happened, as a sentence without its end.
        images: Images seen.
        config: Of the run: only what can be changed in it is advised.
    """

    def __init__(self, found: str, images: int, config: TrainConfig):
        precision = "" if config.precision == "float32" else ", or use --precision float32"
        super().__init__(
            f"Training stopped at {images:,} images: {found}. In a new run lower --optimizer.g.lr and "
            f"--optimizer.d.lr{precision}."
        )


class Health:
    """Turns measurements into messages, each said once until the trouble has passed.

    Args:
        real: uint8 `[N, H, W, 3]`, real pictures: the yardstick of diversity.
        config: Of the run: only what can be changed in it is advised.
    """

    def __init__(self, real: np.ndarray, config: TrainConfig):
        self.config, self.real_diversity = config, diversity(real)
        self._advantages: deque[float] = deque(maxlen=_WINDOW)
        self._active: set[str] = set()

    def see_metrics(self, values: dict[str, Any]) -> list[str]:
        """Takes a log line and returns new messages."""
        if "d_advantage" not in values:
            return []
        self._advantages.append(values["d_advantage"])
        if len(self._advantages) < _WINDOW:
            return []
        mean = sum(self._advantages) / _WINDOW
        return self._report(
            {
                "d_strong": mean > _STRONG
                and f"D tells nearly every fake (advantage {mean:.2f}) and G learns little from it: try "
                "--controller.enabled true, a lower --optimizer.d.lr, or --penalty.kind r1 with a larger "
                "--penalty.weight.",
                "d_weak": mean < _WEAK
                and f"D cannot tell real from fake (advantage {mean:.2f}): try a higher --optimizer.d.lr, a larger "
                "--discriminator.channels, or a higher --ratio.g_every.",
            }
        )

    def see_sheet(self, images: np.ndarray, images_seen: int) -> list[str]:
        """Takes the fixed-z sheet, uint8 `[N, H, W, 3]`, and the images seen, and returns new messages."""
        if images_seen < _YOUNG:
            return []
        # Others have it built in, or not at all.
        d = self.config.discriminator
        means = ["a lower --optimizer.g.lr", "a stronger penalty"]
        if isinstance(d, DcganDiscriminatorConfig) and not d.minibatch_std:
            means.append("--discriminator.minibatch_std true")
        part = diversity(images) / max(self.real_diversity, 1e-9)
        return self._report(
            {
                "collapsed": part < _COLLAPSED
                and f"G makes nearly the same picture from every z ({part:.0%} of the real pictures' diversity): go "
                f"back to an earlier snapshot with --init.generator, and try {', '.join(means[:-1])} or {means[-1]}.",
            }
        )

    def state(self) -> dict[str, Any]:
        """Returns what it remembers, as JSON."""
        return {"advantages": list(self._advantages), "active": sorted(self._active)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned; nothing of a run that did not save it."""
        self._advantages.extend(state.get("advantages", []))
        self._active.update(state.get("active", []))

    def _report(self, findings: dict[str, str | bool]) -> list[str]:
        fresh = [text for name, text in findings.items() if text and name not in self._active and isinstance(text, str)]
        for name, text in findings.items():
            (self._active.add if text else self._active.discard)(name)
        return fresh


def diversity(images: np.ndarray) -> float:
    """Returns the mean absolute difference of pictures from their neighbors in the stack.

    Args:
        images: uint8 `[N, H, W, 3]`.

    Returns:
        In 0..255; 0 for fewer than two pictures.
    """
    if len(images) < 2:
        return 0.0
    small = images.astype(np.float32)
    return float(np.abs(small - np.roll(small, 1, axis=0)).mean())
