"""What a run measures of itself: running means, and the line for each interval."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sakuga.core.files import Journal


class Meters:
    """Means of scalars over an interval, kept on the device so that nothing waits for it between two lines."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: Tensor) -> None:
        """Takes one float scalar."""
        value = value.detach()
        self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._counts[name] = self._counts.get(name, 0) + 1

    def read(self) -> dict[str, float]:
        """Returns the means since the last reading and starts anew."""
        if not self._sums:
            return {}
        # One transfer for all.
        sums = torch.stack([total.float() for total in self._sums.values()]).tolist()
        means = {name: total / self._counts[name] for name, total in zip(self._sums, sums, strict=True)}
        self._sums, self._counts = {}, {}
        return means

    def state(self) -> dict[str, Any]:
        """Returns sums and counts as JSON."""
        return {name: [float(total), self._counts[name]] for name, total in self._sums.items()}

    def load_state(self, state: dict[str, Any], device: torch.device) -> None:
        """Takes back what `state` returned, onto the device where the scalars to come will be."""
        self._sums = {name: torch.tensor(total, device=device) for name, (total, _) in state.items()}
        self._counts = {name: count for name, (_, count) in state.items()}


class MetricsLog:
    """`metrics.jsonl`, and TensorBoard beside it where its package is installed.

    Args:
        run_dir: The run folder.
        images: Images seen; what a killed run wrote beyond them is cut off.
    """

    def __init__(self, run_dir: Path, images: int):
        self.journal = Journal(run_dir / "metrics.jsonl", keep=lambda line: _images(line) <= images)
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            self.board = None
        else:
            self.board = SummaryWriter(str(run_dir / "tensorboard"), purge_step=images + 1)

    def write(self, images: int, values: dict[str, Any]) -> None:
        """Writes one line."""
        self.journal.append(json.dumps({"images": images} | values))
        if self.board is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self.board.add_scalar(name, value, images)

    def close(self) -> None:
        """Closes the files."""
        self.journal.close()
        if self.board is not None:
            self.board.close()


def read_metrics(run_dir: Path) -> Iterator[dict[str, Any]]:
    """Yields the lines of a run's `metrics.jsonl`, damaged ones (of a killed run) left out."""
    path = run_dir / "metrics.jsonl"
    if path.is_file():
        for line in path.read_text().splitlines():
            if _images(line) >= 0 and _images(line) != float("inf"):
                yield json.loads(line)


def _images(line: str) -> float:
    try:
        return float(json.loads(line)["images"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
