"""What a person sees while a run goes on: a bar on a terminal, lines elsewhere."""

import sys
import time
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from sakuga.training.estimate import duration_text

_LINE_EVERY = 30.0  # seconds, where there is no terminal


class Progress:
    """Shows images seen, speed, time left, D(real) and D(fake), on stderr.

    Args:
        total: Images at the end.
        images: Images seen already.
        visible: Whether this process shows anything.
        rate: Expected images per second, for the time left before the first measurement.
    """

    def __init__(self, total: int, images: int, visible: bool, rate: float | None):
        self.total, self.visible, self.rate = total, visible, rate
        self._console = Console(stderr=True, highlight=False)
        self._bar = Bar(
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} images"),
            BarColumn(None),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._bar.add_task("train", total=total, completed=images, text="")
        self._on_terminal = visible and sys.stderr.isatty()
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        if self._on_terminal:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._on_terminal:
            self._bar.stop()

    def update(self, images: int, values: dict[str, Any]) -> None:
        """Shows a log line."""
        speed = values["images_per_second"]
        self.rate = speed if self.rate is None else 0.8 * self.rate + 0.2 * speed
        left = max(self.total - images, 0)  # the last batch may go beyond the goal
        text = f"{speed:,.0f} images/s, {duration_text(left / max(self.rate, 1e-9))} left"
        if "d_real" in values:
            text += f", D(real) {values['d_real']:.2f}, D(fake) {values['d_fake']:.2f}"
        self._bar.update(self._task, completed=images, text=text)
        if self.visible and not self._on_terminal and time.monotonic() - self._last_line > _LINE_EVERY:
            self._last_line = time.monotonic()
            self._console.print(f"{images:,} of {self.total:,} images, {text}", soft_wrap=True)

    def say(self, text: str) -> None:
        """Prints a message that stays."""
        if self.visible:
            self._console.print(f"Health: {text}", soft_wrap=True)
