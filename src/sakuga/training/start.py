"""Starting and resuming runs: what `sakuga train` and `sakuga.train` do."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sakuga.configs.patch import patch, validate
from sakuga.configs.training import TrainConfig
from sakuga.core import device as devices
from sakuga.core import distributed
from sakuga.core.errors import UserError
from sakuga.core.files import is_untouched
from sakuga.core.random import random_scope
from sakuga.core.words import counted
from sakuga.data.dataset import Dataset, is_drawn, open_dataset
from sakuga.recipes import recipe
from sakuga.training import checkpoint, resolve, sources
from sakuga.training.estimate import faster_threads
from sakuga.training.loop import Loop
from sakuga.training.run import Run, record_of, write_record

# What may differ from the run's own config when it goes on: nothing that the weights depend on, but for the rounding of
# another number of threads.
CHANGEABLE = ("duration", "outputs.", "threads", "name", "licence")


@devices.threads_kept()
def train(
    recipe_name: str | None,
    data: str | None,
    run_dir: str | Path,
    *,
    changes: Mapping[str, Any] | None = None,
    resume: bool = False,
    device: str = "auto",
    labels: str | None = None,
    command: str = "",
) -> bool:
    """Trains a recipe on a data set into a run folder.

    Args:
        recipe_name: A name from `recipes`; may be None on resume.
        data: Path of the data set, or `synthetic`; on resume None for the same.
        run_dir: The run folder.
        changes: Dotted names of the recipe's values to change.
        resume: Whether to go on with the run that is in the folder, from its last checkpoint.
        device: `auto`, `cpu`, `cuda` or `mps`.
        labels: A table of labels beside the data; on resume None for the same.
        command: What the report shows as the command; of a run that is resumed what it showed before if empty.

    Returns:
        False if a signal stopped it before its end; the state is saved then.

    Raises:
        UserError: For an unknown recipe or option, data that cannot be used, a run folder that holds another run, a
            checkpoint that does not fit, no space, or training that broke down.
    """
    run_dir, changes = Path(run_dir), dict(changes or {})
    if "recipe" in changes:
        raise UserError("--recipe is no option: name the recipe itself, as in sakuga train quick64.")
    place = devices.pick_device(device)
    distributed.start(place)
    record = _existing(run_dir, resume)
    config = _changed(record, recipe_name, changes) if record else _fresh(recipe_name, changes)
    _check_before_loading(config)
    if record and not checkpoint.existing(run_dir):  # a checkpoint holds what was taken from other models
        sources.check(config)
    if config.threads != "auto":
        devices.set_threads(config.threads)
    if record and data is None:
        data, labels = record["data"]["path"], labels or record["data"].get("labels")
        gone = [p for p in (data, labels) if p is not None and not is_drawn(p) and not Path(p).exists()]
        if gone:
            options = "--data PATH and --labels FILE" if labels else "--data PATH"
            raise UserError(f"There is no {gone[0]}, with which the run in {run_dir} began: give {options}.")
    if data is None:
        raise UserError("--data is missing: give a folder, a zip, or 'synthetic'.")
    size = config.data.resolution
    dataset = open_dataset(data, None if size == "auto" else size, labels=labels)
    resolve.check_labels(config, dataset)
    if record:
        _check_same_data(record, dataset, data, run_dir)
    else:
        sources.check_fit(config, dataset.resolution)
        if config.batch_size > (most := 8 * len(dataset)):
            raise UserError(
                f"--batch_size {config.batch_size} is too large for the {len(dataset):,} pictures of {dataset.name}: "
                f"give {most} at most."
            )
    is_exact = place.type == "cpu" or config.deterministic
    with devices.deterministic(is_exact), random_scope(config.seed, "run", device=place):
        if not record or config.threads == "auto":
            config = _complete(config, dataset, place)
        record = record_of(dataset, data, labels, config, place, command or record.get("command", ""))
        run = Run(config, dataset, run_dir, place, record)
        if resume:
            run.resume()
        if run.loop.images == 0:
            sources.initialize(run, config)
        distributed.barrier()  # a process that is late must not take the folder for that of another run
        write_record(run_dir, run.record)
        return run.train()


def _complete(config: TrainConfig, dataset: Dataset, place: torch.device) -> TrainConfig:
    is_free = config.threads == "auto" and distributed.world_size() == 1
    config = resolve.resolve(config, dataset.resolution, place)
    if is_free and config.threads != 1 and place.type == "cpu":
        config = patch(config, {"threads": faster_threads(Loop(config, dataset, place))})
    return config


def _existing(run_dir: Path, resume: bool) -> dict[str, Any]:
    """Returns the record of the run to go on with, empty for a new one."""
    path = run_dir / "run.json"
    if not resume:
        if run_dir.exists() and not run_dir.is_dir():
            raise UserError(f"--run-dir {run_dir} is a file: name a new folder.")
        if not is_untouched(run_dir):
            what = "holds a run" if path.exists() else "is not empty"
            raise UserError(f"--run-dir {run_dir} {what}: add --resume to go on with a run, or name a new folder.")
        return {}
    if not path.exists():
        raise UserError(
            f"--run-dir {run_dir} holds no run to resume (no run.json): name another, or leave out --resume."
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        data = record["data"]
        if not (record["config"] and data["path"] and data["fingerprint"] and record["environment"]["processes"]):
            raise ValueError("an entry is empty")
        return record
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: take an intact copy, or start anew in another folder.") from error


def _fresh(recipe_name: str | None, changes: Mapping[str, Any]) -> TrainConfig:
    if recipe_name is None:
        raise UserError("No recipe is named: write, for example, sakuga train quick64 --data ... --run-dir ...")
    return sources.located(sources.adopted(recipe(recipe_name), changes))


def _changed(record: dict[str, Any], recipe_name: str | None, changes: Mapping[str, Any]) -> TrainConfig:
    config = validate(TrainConfig, record["config"], "entry in run.json,")
    if recipe_name is not None and recipe_name != config.recipe:
        raise UserError(f"The run is one of recipe {config.recipe}, not {recipe_name}: resume it as {config.recipe}.")
    began, now = record["environment"]["processes"], distributed.world_size()
    if began != now:
        raise UserError(
            f"A run's weights depend on the number of processes, which was {began} and is {now} now: resume it with as "
            f"many as before (on one machine torchrun --nproc-per-node {began}), or start a new run."
        )
    for name, value in changes.items():
        if not name.startswith(CHANGEABLE) and sources.located(patch(config, {name: value})) != sources.located(config):
            raise UserError(
                f"--{name} cannot change when a run is resumed, only --duration, --threads, --outputs, --name and "
                "--licence can: start a new run, or resume without it."
            )
    return patch(config, {name: value for name, value in changes.items() if name.startswith(CHANGEABLE)})


def _check_before_loading(config: TrainConfig) -> None:
    resolve.check(config)
    if not config.duration.amount:
        raise UserError(f"--duration {config.duration} trains nothing: give more than 0, for example '300k images'.")
    if config.batch_size % distributed.world_size() or config.batch_size < 2 * distributed.world_size():
        raise UserError(
            f"--batch_size {config.batch_size} cannot be shared by {distributed.world_size()} processes: "
            "choose a multiple of their number, at least two pictures each."
        )
    shrink, processes = config.path_length.shrink, distributed.world_size()
    if config.path_length.weight and (pictures := max(1, config.batch_size // shrink)) % processes:
        fitting = next(s for s in range(shrink, 0, -1) if config.batch_size // s % processes == 0)
        raise UserError(
            f"--path_length.shrink {shrink} leaves {counted(pictures, 'picture')} of {config.batch_size}, which "
            f"{processes} processes cannot share alike: choose {fitting}."
        )


def _check_same_data(record: dict[str, Any], dataset: Dataset, data: str, run_dir: Path) -> None:
    if record["data"]["fingerprint"] != dataset.fingerprint:
        raise UserError(f"{data} is not the data set that the run in {run_dir} began with: give that one with --data.")
