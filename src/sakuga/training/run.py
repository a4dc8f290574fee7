"""One training run from start to end: run folder, resume, schedules, interruption."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from sakuga.configs.duration import Schedule
from sakuga.configs.training import TrainConfig
from sakuga.core import device as devices
from sakuga.core import distributed
from sakuga.core.errors import UserError
from sakuga.core.files import write_json
from sakuga.core.words import counted
from sakuga.data.dataset import Dataset, is_drawn
from sakuga.evaluation.evaluate import DURING_TRAINING, distance_during_training, metric_name
from sakuga.features.extractor import load_extractor
from sakuga.training import checkpoint, outputs
from sakuga.training.estimate import duration_text, estimate
from sakuga.training.health import Health, NotFinite
from sakuga.training.loop import Loop
from sakuga.training.metrics_log import MetricsLog
from sakuga.training.progress import Progress

_ESTIMATE_FROM = 100  # rounds; shorter runs are over before an estimate would help


class Run:
    """A run folder and the loop that fills it.

    Args:
        config: A complete config.
        dataset: The real pictures.
        run_dir: The run folder.
        device: Where the networks live.
        record: What `run.json` says besides the config: command, data set, machine.
    """

    def __init__(
        self, config: TrainConfig, dataset: Dataset, run_dir: Path, device: torch.device, record: dict[str, Any]
    ):
        self.config, self.dataset, self.run_dir, self.record = config, dataset, run_dir, record
        self.total = config.duration.images(len(dataset), config.batch_size)
        self.is_main = distributed.rank() == 0
        self.loop = Loop(config, dataset, device)
        self.seconds, self.scores, self.messages, self.stopped = 0.0, {}, [], False
        self.health = Health(outputs.sheet_of_real(self.loop), config)
        self.extractor = (
            load_extractor("efficientnet", device=str(device)) if config.outputs.evaluations != Schedule() else None
        )

    def resume(self) -> None:
        """Goes back to the newest checkpoint, if there is one."""
        existing = checkpoint.existing(self.run_dir)
        if existing:
            try:
                state = checkpoint.restore(existing[-1], self.loop.tensors())
            except UserError as error:
                if len(existing) == 1:
                    raise
                older, newest = (path.name for path in existing[-2:])
                raise UserError(f"{error} Or move {newest} elsewhere to go on from the one before, {older}.") from error
            self.loop.load_state(state["loop"])
            self.health.load_state(state.get("health", {}))
            self.seconds, self.scores, self.messages = state["seconds"], state["scores"], state["messages"]

    def train(self) -> bool:
        """Trains until the configured duration.

        Returns:
            False if a signal stopped it before; the state is saved then, too.

        Raises:
            NotFinite: If training broke down.
            UserError: If something cannot be written.
        """
        for _ in self.rounds():
            pass
        return not self.stopped

    def rounds(self) -> Iterator[int]:
        """Trains as `train` does and yields the images seen after every round, with what was due after it written."""
        loop, config = self.loop, self.config
        if loop.images == 0 and self.is_main:
            outputs.write_real_sheet(self.run_dir, outputs.sheet_of_real(loop))
        rate = self._announce()
        log = MetricsLog(self.run_dir, loop.images) if self.is_main else None
        with _interruptible() as interrupted, Progress(self.total, loop.images, self.is_main, rate) as progress:
            self._reset_clock()
            while loop.images < self.total and not self.stopped:
                before = loop.images
                self.scores = {}  # a score is that of the weights it was measured with
                self.stopped = self._run_round(bool(interrupted))
                last = loop.images >= self.total
                if last or self._due(config.outputs.log, before):
                    self._log(log, progress)
                self._write_due(before, log, progress, last)
                if last or self.stopped or self._due(config.outputs.checkpoints, before):
                    self._save()
                yield loop.images
        if log is not None:
            log.close()
        if self.is_main:
            outputs.write_model(self.run_dir / "model.safetensors", loop, self.scores)
            outputs.write_report(self.run_dir, loop, self.record, self.messages)
        distributed.barrier()

    def _run_round(self, stop: bool) -> bool:
        try:
            return self.loop.run_round(stop)
        except NotFinite as error:
            if checkpoint.existing(self.run_dir):
                error.args = (f"{error} The last checkpoint is intact.",)
            raise

    def _announce(self) -> float | None:
        if self.loop.images and self.is_main:
            if self.loop.images >= self.total:
                state = "is complete: give a longer --duration to go on"
            else:
                state = f"goes on, {self.total:,} are the goal"
            print(f"{self.run_dir}: {self.loop.images:,} images seen; the run {state}.", file=sys.stderr)
        start = self.config.conditioning.start
        if self.is_main and start.images(len(self.dataset), self.config.batch_size) >= self.total:
            print(
                f"G is told attributes from {start} on, and the run ends before: its model will not know them. Give a "
                "longer --duration, or in a new run an earlier --conditioning.start.",
                file=sys.stderr,
            )
        left = self.total - self.loop.images
        if left < _ESTIMATE_FROM * self.config.batch_size:
            if left > 0 and self.is_main:
                size = f"{self.dataset.resolution}x{self.dataset.resolution}"
                source = f"{self.dataset.name} ({counted(len(self.dataset), 'picture')})"
                print(f"{self.config.recipe}: {counted(left, 'image')} of {size} from {source}.", file=sys.stderr)
            return None
        found = estimate(self.loop)
        if self.is_main:
            memory = f", about {found.memory_bytes / 2**30:.1f} GiB of memory" if found.memory_bytes else ""
            time_left = duration_text(left / found.images_per_second)
            print(
                f"{self.config.recipe}: {left:,} images at about {found.images_per_second:,.0f} images/s: "
                f"about {time_left}{memory}.",
                file=sys.stderr,
            )
        return found.images_per_second

    def _due(self, schedule: Schedule, before: int) -> bool:
        return schedule.due(before, self.loop.images, len(self.dataset), self.config.batch_size)

    def _reset_clock(self) -> None:
        self._since, self._since_images = time.perf_counter(), self.loop.images
        self.loop.data_seconds = 0.0

    def _log(self, log: MetricsLog | None, progress: Progress) -> None:
        loop = self.loop
        elapsed = time.perf_counter() - self._since
        self.seconds += elapsed
        values: dict[str, Any] = loop.meters.read()
        values |= {
            "epoch": loop.images / len(self.dataset),
            "images_per_second": (loop.images - self._since_images) / max(elapsed, 1e-9),
            "data_wait": loop.data_seconds / max(elapsed, 1e-9),
            "seconds": self.seconds,
        }
        if loop.step.controller is not None:
            values |= {f"controller_{name}": value for name, value in loop.step.controller.state().items()}
        if log is not None:
            log.write(loop.images, values)
            progress.update(loop.images, values)
            self._tell(self.health.see_metrics(values), progress)
        self._reset_clock()

    def _write_due(self, before: int, log: MetricsLog | None, progress: Progress, last: bool) -> None:
        """Writes sheets, snapshots and scores that are due; their time is not the training's."""
        if log is None:
            return
        wanted, started = self.config.outputs, time.perf_counter()
        if last or self._due(wanted.sheets, before):
            self._tell(self.health.see_sheet(outputs.write_sheet(self.run_dir, self.loop), self.loop.images), progress)
            outputs.write_curves(self.run_dir)
        if self.extractor is not None and (last or self._due(wanted.evaluations, before)):
            images = outputs.sample_ema(self.loop, range(DURING_TRAINING))
            distance = distance_during_training(images, self.dataset, self.extractor)
            self.scores = {metric_name(self.extractor): distance}
            log.write(self.loop.images, dict(self.scores))
        if self._due(wanted.snapshots, before):
            path = self.run_dir / "snapshots" / f"{self.loop.images:012d}.safetensors"
            outputs.write_model(path, self.loop, self.scores)
        self._since += time.perf_counter() - started

    def _save(self) -> None:
        if self.is_main:
            seconds = self.seconds + time.perf_counter() - self._since
            state = {"loop": self.loop.state(), "health": self.health.state(), "seconds": seconds}
            state |= {"scores": self.scores, "messages": self.messages}
            checkpoint.save(self.run_dir, self.loop.images, self.loop.tensors(), state)

    def _tell(self, messages: list[str], progress: Progress) -> None:
        for message in messages:
            text = f"at {self.loop.images:,} images: {message}"
            self.messages.append(text)
            progress.say(text)


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Yields a list that holds the signal once SIGINT or SIGTERM has come; a second one, of either, kills as usual."""
    received: list[int] = []
    before = {}

    def receive(number: int, frame: Any) -> None:
        received.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, receive)
    except ValueError:  # signals are for the main thread; elsewhere the caller interrupts
        before = {}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def record_of(
    dataset: Dataset, data: str, labels: str | None, config: TrainConfig, device: torch.device, command: str
) -> dict[str, Any]:
    """Returns what `run.json` holds."""
    return {
        "command": command,
        "data": {
            **places(data, labels),
            "name": dataset.name,
            "pictures": len(dataset),
            "fingerprint": dataset.fingerprint,
        },
        "environment": devices.describe(device) | {"processes": distributed.world_size()},
        "config": config.model_dump(mode="json"),
    }


def places(data: str, labels: str | None) -> dict[str, str | None]:
    """Returns the path of the data and of the table of labels, so that a run can go on from any folder."""
    absolute = None if labels is None else str(Path(labels).absolute())
    return {"path": data if is_drawn(data) else str(Path(data).absolute()), "labels": absolute}


def write_record(run_dir: Path, record: dict[str, Any]) -> None:
    """Writes `run.json`."""
    if distributed.rank() == 0:
        try:
            write_json(run_dir / "run.json", record)
        except UserError as error:
            raise UserError(f"--run-dir: {error}") from error
