"""The header of a model file: everything needed to use it, and where it came from."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sakuga.configs.base import Config
from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.configs.models import DiscriminatorConfig, GeneratorConfig
from sakuga.configs.patch import validate
from sakuga.configs.training import LatentConfig
from sakuga.core.errors import UserError
from sakuga.core.filekinds import WEIGHTS, kind_of_file
from sakuga.core.tensorfile import read_value

FORMAT_VERSION = 3
"""3 has the purpose of a classifier, which was a judge before; 2 the role `classifier` and `label_counts`."""

# The other files of `write_tensors`, recognized by their kind or by an entry that no other has.
_OTHERS = {
    "directions": "directions, not a model: give it with --directions, beside the model that they belong to",
    "projection": "a projected picture, not a model: give it with --from-projection of `sakuga edit`",
    "loop": "a checkpoint, not a model: give its run folder, or the model.safetensors there",
}

Purpose = Literal["judge", "labeler"]
"""What a classifier may be used for: what one has labeled or searched, only another can measure."""


class GeneratorRole(Config):
    """The EMA of G."""

    architecture: GeneratorConfig


class DiscriminatorRole(Config):
    """D, for picking the best of many."""

    architecture: DiscriminatorConfig


class ClassifierRole(Config):
    """A judge, for measuring only, never for training, labeling, or finding directions; or a labeler, for these."""

    purpose: Purpose = "judge"
    architecture: Annotated[ClassifierConfig, Field(discriminator="kind")]


class Roles(Config):
    """The networks in a file; None where it has none of that role."""

    generator: GeneratorRole | None = None
    discriminator: DiscriminatorRole | None = None
    classifier: ClassifierRole | None = None


class Header(Config):
    """What a model file says of itself. `provenance` is inert: nothing is built from it.

    `label_counts` are the combinations of labels in the training data, -1 where unknown, each with its count: what
    attributes that the user leaves free are drawn from. Files from before it was there have none.
    """

    format_version: int = FORMAT_VERSION
    name: str
    roles: Roles
    labels: LabelSchema = LabelSchema()
    label_counts: tuple[tuple[tuple[int, ...], Annotated[int, Field(ge=1)]], ...] = ()
    latent: LatentConfig = LatentConfig()
    licence: str = ""
    data: str = ""
    images_seen: int = Field(default=0, ge=0)
    scores: dict[str, float] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        sizes = self.labels.sizes
        for labels, _ in self.label_counts:
            if len(labels) != len(sizes) or any(not UNKNOWN <= n < size for n, size in zip(labels, sizes, strict=True)):
                raise ValueError(f"label_counts has {labels}, but the attributes have {sizes} values")
        return self


def read_header(path: str | Path) -> Header:
    """Returns the header of a model file.

    Raises:
        UserError: If there is no such file, or it is damaged, foreign, or newer than this program.
    """
    if kind_of_file(path) == WEIGHTS:
        raise UserError(
            f"{path} holds weights of another program: make a model file of it with `sakuga import {path} --out "
            f"{Path(path).stem}.safetensors`, and give that."
        )
    tree = read_value(path, "model file")
    for entry, told in _OTHERS.items():
        if isinstance(tree, dict) and (tree.get("kind") == entry or entry in tree):
            raise UserError(f"{path} holds {told}.")
    version = tree.get("format_version") if isinstance(tree, dict) else None
    if not isinstance(version, int):
        raise UserError(f"{path} is no model file of sakuga: choose one that `sakuga train` wrote.")
    if version > FORMAT_VERSION:
        raise UserError(f"{path} has format {version}, this program reads up to {FORMAT_VERSION}: update sakuga.")
    return validate(Header, tree, f"entry in the header of {path},")
