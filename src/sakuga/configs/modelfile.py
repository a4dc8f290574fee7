"""The header of a model file: everything needed to use it, and where it came from."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sakuga.configs.base import Config
from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.configs.models import DiscriminatorConfig, GeneratorConfig
from sakuga.configs.training import LatentConfig

FORMAT_VERSION = 3
"""3 has the purpose of a classifier, which was a judge before; 2 the role `classifier` and `label_counts`."""

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
