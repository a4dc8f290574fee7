"""The header of a model file: everything needed to use it, and where it came from."""

from typing import Annotated, Any

from pydantic import Field

from sakuga.configs.base import Config
from sakuga.configs.labels import LabelSchema
from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.configs.training import LatentConfig

FORMAT_VERSION = 1


class GeneratorRole(Config):
    """The EMA of G."""

    architecture: Annotated[DcganGeneratorConfig, Field(discriminator="kind")]


class DiscriminatorRole(Config):
    """D, for picking the best of many."""

    architecture: Annotated[DcganDiscriminatorConfig, Field(discriminator="kind")]


class Roles(Config):
    """The networks in a file; None where it has none of that role."""

    generator: GeneratorRole | None = None
    discriminator: DiscriminatorRole | None = None


class Header(Config):
    """What a model file says of itself. `provenance` is inert: nothing is built from it."""

    format_version: int = FORMAT_VERSION
    name: str
    roles: Roles
    labels: LabelSchema = LabelSchema()
    latent: LatentConfig = LatentConfig()
    licence: str = ""
    data: str = ""
    images_seen: int = Field(default=0, ge=0)
    scores: dict[str, float] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
