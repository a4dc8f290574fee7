"""Starting from finished models: what `init` names gives its architecture and its weights."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from sakuga import zoo
from sakuga.configs.choices import choices
from sakuga.configs.labels import LabelSchema
from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, read_header
from sakuga.configs.models import FirstStageConfig
from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import first_misfit, read_tensors
from sakuga.models.file import load_network
from sakuga.training.run import Run
from sakuga.training.transfer import transferred

_ROLES: dict[str, Literal["generator", "discriminator"]] = {
    "generator": "generator",
    "discriminator": "discriminator",
    "base": "generator",
}
"""Name in `InitConfig` -> role in a model file."""

_GROUPS = {"generator": "generator", "discriminator": "discriminator", "base": "generator.base"}
"""Name in `InitConfig` -> the group of options that it gives."""


def check(config: TrainConfig) -> None:
    """Refuses models that are not there, or hold no network of their role.

    Raises:
        UserError: With the option and the file.
    """
    for _ in _sources(config):
        pass


def adopted(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """Returns a recipe with the user's changes, its networks those of the models that `init` names.

    From the model come the architecture and, with G or the first stage of a stacked one, the distribution of z, and
    with G noise at once if it has learned with any. Options of the user come after it. The size follows the data, and
    D's head what G is told.

    Args:
        config: The recipe.
        changes: Dotted name to value.

    Raises:
        UserError: As `check`, `check_fit` and `patch`, or if a model can be no first stage.
    """
    first = {name: value for name, value in changes.items() if name.startswith("init.") or name == "generator.kind"}
    config = patch(config, first)
    for init, path, header, role in _sources(config):
        tree = role.architecture.model_dump(mode="json") | {"resolution": "auto"}
        if init == "discriminator":
            config = patch(config, {init: tree | {"head": config.discriminator.head.model_dump(mode="json")}})
            continue
        if init == "base" and tree["kind"] not in (possible := choices(FirstStageConfig)):
            *others, last = possible
            raise UserError(
                f"--init.base {path} is of kind {tree['kind']}, and a first stage is of kind {', '.join(others)} or "
                f"{last}: name such a model."
            )
        config = patch(config, {_GROUPS[init]: tree, "latent": header.latent.model_dump(mode="json")})
        if init == "generator" and config.noise_start == "auto" and _has_learned_noise(path):
            config = patch(config, {"noise_start": 0})
    config = patch(config, changes)
    if config.data.resolution != "auto":
        check_fit(config, config.data.resolution)
    return config


def check_fit(config: TrainConfig, resolution: int) -> None:
    """Refuses models whose pictures have another size than those of the run, and a first stage drawn from another z.

    Raises:
        UserError: With both sizes, or both distributions.
    """
    for init, path, header, role in _sources(config):
        size, factor = role.architecture.resolution, 2 if init == "base" else 1
        if factor * size != resolution:
            doubled = ", which a second stage doubles" if init == "base" else ""
            raise UserError(
                f"--init.{init} {path} is for pictures of {size} pixels{doubled}, and this run has {resolution}: give "
                f"--data.resolution {factor * size}, or a model of {resolution // factor}."
            )
        if init == "base" and header.latent != config.latent:
            theirs, ours = (f"mean {z.mean:g} and sigma {z.sigma:g}" for z in (header.latent, config.latent))
            raise UserError(
                f"--init.base {path} draws from z with {theirs}, and this run from z with {ours}: leave out --latent."
            )


def located(config: TrainConfig) -> TrainConfig:
    """Returns the config with the absolute path of each file that `init` names, so that a run can begin anywhere."""
    files = {name: path for name, path in config.init if path is not None and path not in zoo.names()}
    return patch(config, {f"init.{name}": str(Path(path).absolute()) for name, path in files.items()})


def initialize(run: Run, config: TrainConfig) -> None:
    """Gives the networks of a run the weights of the models that `init` names.

    Raises:
        UserError: As `check`, or if a model knows other labels, or its weights do not fit.
    """
    for init, path, header, role in _sources(config):
        name, option = _ROLES[init], f"--init.{init} {path}"
        schema = run.loop.step.schema
        # A second stage is told what its first is, and no projection judges labels without weights of its own.
        is_learnable = init != "base" and config.discriminator.head.kind != "projection"
        gains_labels = is_learnable and bool(schema.attributes) and not header.labels.attributes
        if not gains_labels and (name == "generator" or config.discriminator.head.kind != "none"):
            _check_same_labels(option, header.labels, schema)
        network, averaged = run.loop.step.networks[name], run.loop.ema.network
        if init == "base":
            network, averaged = network.get_submodule("base"), averaged.get_submodule("base")
        theirs = transferred(load_network(zoo.find_model(path), name, header), network, gains_labels=gains_labels)
        if wrong := first_misfit(network.state_dict(), theirs):
            heads = [getattr(part, "head", None) for part in (role.architecture, getattr(config, name))]
            group = f"--{_GROUPS[init]}.head" if heads[0] != heads[1] else f"--{_GROUPS[init]}"
            raise UserError(
                f"{option} has another architecture than {group} asks for, first at {wrong}: leave out what you gave "
                f"of {group}, or change it to fit the model."
            )
        network.load_state_dict(theirs)
        if name == "generator":
            averaged.load_state_dict(theirs)


def _sources(config: TrainConfig) -> Iterator[tuple[str, str, Header, GeneratorRole | DiscriminatorRole]]:
    """Yields each model that `init` names: the name there, the path as given, the header, and what it says of the role.

    Raises:
        UserError: If the model is not there, or holds no network of that role.
    """
    for init, path in config.init.model_dump().items():
        if path is None or (init == "base" and config.generator.kind != "stacked"):  # which `resolve.check` refuses
            continue
        header = read_header(zoo.find_model(path))
        role = getattr(header.roles, _ROLES[init])
        if role is None:
            raise UserError(
                f"--init.{init} {path}: the file holds no {_ROLES[init]}: choose a model that was saved with one."
            )
        yield init, path, header, role


def _has_learned_noise(path: str) -> bool:
    tensors = read_tensors(zoo.find_model(path), "model", "generator.")
    return any(bool(strength.any()) for name, strength in tensors.items() if name.endswith(".noise_strength"))


def _check_same_labels(option: str, theirs: LabelSchema, ours: LabelSchema) -> None:
    """Refuses weights for which a label's number means another value."""
    if theirs != ours:
        raise UserError(
            f"{option} knows {_told(theirs)}, and this run {_told(ours)}: give --conditioning.attributes, and data, "
            "that fit the model."
        )


def _told(schema: LabelSchema) -> str:
    return " and ".join(f"{a.name} ({', '.join(a.values)})" for a in schema.attributes) or "no attributes"
