"""Starting and resuming runs: what `sakuga train` and `sakuga.train` do."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sakuga.configs.choices import choices
from sakuga.configs.labels import LabelSchema
from sakuga.configs.models import FirstStageConfig
from sakuga.configs.patch import patch, validate
from sakuga.configs.training import TrainConfig
from sakuga.core import device as devices
from sakuga.core import distributed
from sakuga.core.errors import UserError
from sakuga.core.random import generators_kept
from sakuga.core.tensorfile import first_misfit
from sakuga.data.dataset import Dataset, open_dataset
from sakuga.generation.model import find_model
from sakuga.models.file import load_network, read_header
from sakuga.recipes import recipe
from sakuga.training import checkpoint, resolve
from sakuga.training.estimate import faster_threads
from sakuga.training.loop import Loop
from sakuga.training.run import Run, record_of, write_record

# What may differ from the run's own config when it goes on: nothing that the weights depend on, but for the rounding of
# another number of threads.
CHANGEABLE = ("duration", "outputs.", "threads", "name", "licence")


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
        command: What the report shows as the command.

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
    if not (record and checkpoint.existing(run_dir)):  # a checkpoint holds what was taken from other models
        _check_sources(config)
    if not record:
        config = _with_first_stage(config)
    if config.threads != "auto":
        torch.set_num_threads(config.threads)
    if record and data is None:
        data, labels = record["data"]["path"], labels or record["data"].get("labels")
    if data is None:
        raise UserError("--data is missing: give a folder, a zip, or 'synthetic'.")
    size = config.data.resolution
    dataset = open_dataset(data, None if size == "auto" else size, labels=labels)
    resolve.check_labels(config, dataset)
    if record:
        _check_same_data(record, dataset, data, run_dir)
    with devices.deterministic(), generators_kept(place):
        if not record:
            config = _complete(config, dataset, place)
            record = record_of(dataset, data, labels, config, place, command)
        run = Run(config, dataset, run_dir, place, record | {"config": config.model_dump(mode="json")})
        if resume:
            run.resume()
        if run.loop.images == 0:
            _initialize(run, config)
        write_record(run_dir, run.record)
        return run.train()


def _complete(config: TrainConfig, dataset: Dataset, place: torch.device) -> TrainConfig:
    is_free = config.threads == "auto" and distributed.world_size() == 1
    config = resolve.resolve(config, dataset.resolution, place)
    if is_free:
        config = patch(config, {"threads": faster_threads(Loop(config, dataset, place))})
    return config


def _existing(run_dir: Path, resume: bool) -> dict[str, Any] | None:
    path = run_dir / "run.json"
    if not resume:
        if run_dir.exists() and not run_dir.is_dir():
            raise UserError(f"--run-dir {run_dir} is a file: name a new folder.")
        if run_dir.exists() and any(run_dir.iterdir()):
            what = "holds a run" if path.exists() else "is not empty"
            raise UserError(f"--run-dir {run_dir} {what}: add --resume to go on with a run, or name a new folder.")
        return None
    if not path.exists():
        raise UserError(
            f"--run-dir {run_dir} holds no run to resume (no run.json): name another, or leave out --resume."
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not (record["config"] and record["data"]["path"] and record["data"]["fingerprint"]):
            raise ValueError("an entry is empty")
        return record
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: take an intact copy, or start anew in another folder.") from error


def _fresh(recipe_name: str | None, changes: Mapping[str, Any]) -> TrainConfig:
    if recipe_name is None:
        raise UserError("No recipe is named: write, for example, sakuga train quick64 --data ... --run-dir ...")
    return patch(recipe(recipe_name), changes)


def _changed(record: dict[str, Any], recipe_name: str | None, changes: Mapping[str, Any]) -> TrainConfig:
    config = validate(TrainConfig, record["config"], "entry in run.json,")
    if recipe_name is not None and recipe_name != config.recipe:
        raise UserError(f"The run is one of recipe {config.recipe}, not {recipe_name}: resume it as {config.recipe}.")
    for name, value in changes.items():
        if not name.startswith(CHANGEABLE) and patch(config, {name: value}) != config:
            raise UserError(
                f"--{name} cannot change when a run is resumed, only --duration, --threads, --outputs, --name and "
                "--licence can: start a new run, or resume without it."
            )
    return patch(config, changes)


def _check_before_loading(config: TrainConfig) -> None:
    resolve.check(config)
    if not config.duration.amount:
        raise UserError(f"--duration {config.duration} trains nothing: give more than 0, for example '300k images'.")
    if config.batch_size % distributed.world_size() or config.batch_size < 2 * distributed.world_size():
        raise UserError(
            f"--batch_size {config.batch_size} cannot be shared by {distributed.world_size()} processes: "
            "choose a multiple of their number, at least two pictures each."
        )


def _check_sources(config: TrainConfig) -> None:
    for role, path in config.init.model_dump().items():
        part = _role(role)
        if path is not None and getattr(read_header(find_model(path)).roles, part) is None:
            raise UserError(f"--init.{role} {path}: the file holds no {part}: choose a model that was saved with one.")


def _role(init: str) -> str:
    """Returns the role in a model file that one of `InitConfig` reads."""
    return "generator" if init == "base" else init


def _with_first_stage(config: TrainConfig) -> TrainConfig:
    """Returns the config of a stacked generator with the architecture and the z of its finished first stage."""
    if config.init.base is None:
        return config
    header = read_header(find_model(config.init.base))
    role = header.roles.generator
    assert role is not None
    kind, possible = role.architecture.kind, choices(FirstStageConfig)
    if kind not in possible:
        *others, last = possible
        raise UserError(
            f"--init.base {config.init.base} is of kind {kind}, and a first stage is of kind {', '.join(others)} or "
            f"{last}: name such a model."
        )
    doubled = 2 * int(role.architecture.resolution)
    if config.data.resolution not in ("auto", doubled):
        raise UserError(
            f"--init.base {config.init.base} draws {doubled // 2} pixels, and a second stage doubles them: give "
            f"--data.resolution {doubled}."
        )
    base, latent = (part.model_dump(mode="json") for part in (role.architecture, header.latent))
    sizes = {"data.resolution": doubled, "generator.resolution": doubled}
    return patch(config, sizes | {"generator.base": base, "latent": latent})


def _check_same_data(record: dict[str, Any], dataset: Dataset, data: str, run_dir: Path) -> None:
    if record["data"]["fingerprint"] != dataset.fingerprint:
        raise UserError(f"{data} is not the data set that the run in {run_dir} began with: give that one with --data.")


def _check_same_labels(option: str, theirs: LabelSchema, ours: LabelSchema) -> None:
    """Refuses weights for which a label's number means another value."""
    if theirs != ours:
        raise UserError(
            f"{option} knows {_told(theirs)}, and this run {_told(ours)}: give --conditioning.attributes, and data, "
            "that fit the model."
        )


def _told(schema: LabelSchema) -> str:
    return " and ".join(f"{a.name} ({', '.join(a.values)})" for a in schema.attributes) or "no attributes"


def _initialize(run: Run, config: TrainConfig) -> None:
    for role, path in config.init.model_dump().items():
        if path is None:
            continue
        header = read_header(find_model(path))
        if _role(role) == "generator" or config.discriminator.head.kind != "none":
            _check_same_labels(f"--init.{role} {path}", header.labels, run.loop.step.schema)
        source = load_network(find_model(path), _role(role), header)
        network, averaged = run.loop.step.networks[_role(role)], run.loop.ema.network
        if role == "base":
            network, averaged = network.get_submodule("base"), averaged.get_submodule("base")
        theirs = source.state_dict()
        if wrong := first_misfit(network.state_dict(), theirs):
            raise UserError(
                f"--init.{role} {path} has another architecture, first at {wrong}: change --{role} to fit it."
            )
        network.load_state_dict(theirs)
        if _role(role) == "generator":
            averaged.load_state_dict(theirs)
