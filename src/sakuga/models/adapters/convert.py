"""From a foreign file to a model file of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, Roles
from sakuga.configs.models import Stylegan2DiscriminatorConfig, Stylegan2GeneratorConfig
from sakuga.core.errors import UserError
from sakuga.core.files import sha256_of
from sakuga.core.unpickle import BrokenError, Budget, Inert, first_inert, read_pickle
from sakuga.models.adapters import persistent, rosinality, tensorflow
from sakuga.models.adapters.foreign import UnfitError, entries_of, first_names
from sakuga.models.adapters.stylegan2 import build_discriminator, build_generator, num_classes
from sakuga.models.file import save_model

ADAPTERS = (tensorflow, persistent, rosinality)
_WHAT = "file of weights (.pkl or .pt)"
_KNOWN = "stylegan2-ada-pytorch and stylegan3 (.pkl), TensorFlow StyleGAN2 (.pkl), rosinality/stylegan2-pytorch (.pt)"


@dataclass(frozen=True)
class Imported:
    """What a foreign file became.

    Attributes:
        layout: The program that wrote it.
        labels: The classes of a conditional model.
        generator: Its config, and the network in eval mode.
        discriminator: The same, None where there is none.
        notes: What was left out, and why.
    """

    layout: str
    labels: LabelSchema
    generator: tuple[Stylegan2GeneratorConfig, nn.Module]
    discriminator: tuple[Stylegan2DiscriminatorConfig, nn.Module] | None
    notes: tuple[str, ...]


class ImportedFile(NamedTuple):
    """What an import wrote.

    Attributes:
        path: The model file.
        networks: What it holds.
    """

    path: Path
    networks: Imported


def import_model(
    file: str | Path,
    out: str | Path,
    *,
    name: str | None = None,
    licence: str = "",
    labels: Sequence[str] = (),
    half: bool = False,
    overwrite: bool = False,
) -> ImportedFile:
    """Reads a StyleGAN2 that another program has trained and writes it as a model file; no code in the file is run.

    Args:
        file: A `.pkl` or `.pt` file, as `import_networks` knows them.
        out: The `.safetensors` file to write.
        name: What the model is called; as its file if None.
        licence: What its makers allow; it is written into each picture.
        labels: The classes of a conditional model, in their order; 0, 1, 2, ... if none are given.
        half: Whether weights are rounded to half precision.
        overwrite: Whether `out` may be replaced.

    Raises:
        UserError: If the file cannot be read as a StyleGAN2, or as `files.writing`.
    """
    file, out = Path(file), Path(out)
    imported = import_networks(file, labels)
    config, network = imported.generator
    networks, roles = {"generator": network}, Roles(generator=GeneratorRole(architecture=config))
    if imported.discriminator is not None:
        architecture, networks["discriminator"] = imported.discriminator
        roles = Roles(generator=roles.generator, discriminator=DiscriminatorRole(architecture=architecture))
    source = {"file": file.name, "sha256": sha256_of(file)}
    header = Header(
        name=name or out.stem,
        roles=roles,
        labels=imported.labels,
        licence=licence,
        provenance={"imported": {**source, "layout": imported.layout, "notes": list(imported.notes)}},
    )
    return ImportedFile(save_model(out, header, networks, half=half, overwrite=overwrite), imported)


def import_networks(path: Path, classes: Sequence[str] = ()) -> Imported:
    """Returns the networks of a foreign file as ours; nothing in it is executed.

    Args:
        path: The file.
        classes: The names of the classes of a conditional model; 0, 1, ... if none are given.

    Raises:
        UserError: If it is damaged, of an unknown layout, or holds another network than a StyleGAN2, or if there are
            more or fewer names than classes, or two of one name.
    """
    if len(set(classes)) < len(classes) or not all(classes):
        raise UserError("--labels gives two classes the same name, or one none: give each its own.")
    value = read_pickle(path, _WHAT)
    adapter = next((adapter for adapter in ADAPTERS if adapter.matches(value)), None)
    if adapter is None:
        raise UserError(f"{path} has a layout that sakuga does not know: {_told(value)} Known are {_KNOWN}.")
    try:
        # What is one tensor in the file, under many names, is many in ours.
        foreign = adapter.read(value, Budget(path.stat().st_size))
        schema = _schema(path, num_classes(foreign.generator), tuple(classes))
        generator = build_generator(foreign.generator, schema)
    except (UnfitError, BrokenError) as error:
        raise UserError(f"{path} cannot be imported: {error}.") from error
    discriminator, notes = None, ()
    if foreign.discriminator is not None:
        try:
            discriminator = build_discriminator(foreign.discriminator(), schema)
        except (UnfitError, BrokenError) as error:
            notes = (f"without the discriminator, since {error}",)
    return Imported(foreign.layout, schema, generator, discriminator, notes)


def _told(value: Any) -> str:
    """Returns what a pickle of an unknown layout holds, and what it wanted to call."""
    wanted = first_inert(value)
    called = "" if wanted is None or wanted.args is None else f" It wants to call {wanted.path}, which was not done."
    kind = value.path if isinstance(value, Inert) else type(value).__name__
    return f"it begins with {first_names(value)}.{called}" if entries_of(value) else f"it holds a {kind}.{called}"


def _schema(path: Path, count: int, classes: tuple[str, ...]) -> LabelSchema:
    if classes and len(classes) != count:
        told = f"is told {count} classes" if count else "is told no classes"
        raise UserError(f"--labels names {len(classes)} classes, but the generator of {path} {told}.")
    values = classes or tuple(str(number) for number in range(count))
    return LabelSchema(attributes=(Attribute(name="class", values=values),)) if count else LabelSchema()
