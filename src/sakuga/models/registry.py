"""From a small architecture config to the network it describes."""

from collections.abc import Callable
from typing import Any

from torch import nn

from sakuga.configs.classifier import ClassifierConfig
from sakuga.configs.labels import LabelSchema
from sakuga.configs.models import (
    DcganDiscriminatorConfig,
    DcganGeneratorConfig,
    SnganDiscriminatorConfig,
    SnganGeneratorConfig,
    SrresnetDiscriminatorConfig,
    SrresnetGeneratorConfig,
    StackedGeneratorConfig,
    Stylegan2DiscriminatorConfig,
    Stylegan2GeneratorConfig,
)
from sakuga.models.base import Discriminator, Generator
from sakuga.models.classifier import Classifier
from sakuga.models.dcgan import DcganDiscriminator, DcganGenerator
from sakuga.models.sngan import SnganDiscriminator, SnganGenerator
from sakuga.models.srresnet import SrresnetDiscriminator, SrresnetGenerator
from sakuga.models.stacked import StackedGenerator
from sakuga.models.stylegan2 import Stylegan2Discriminator, Stylegan2Generator

BUILDERS: dict[type, Callable[..., nn.Module]] = {
    DcganGeneratorConfig: lambda config, schema: DcganGenerator(config, schema.sizes),
    DcganDiscriminatorConfig: lambda config, schema: DcganDiscriminator(config, schema.sizes),
    SnganGeneratorConfig: lambda config, schema: SnganGenerator(config, schema.sizes),
    SnganDiscriminatorConfig: lambda config, schema: SnganDiscriminator(config, schema.sizes),
    SrresnetGeneratorConfig: lambda config, schema: SrresnetGenerator(config, schema.sizes),
    SrresnetDiscriminatorConfig: lambda config, schema: SrresnetDiscriminator(config, schema.sizes),
    StackedGeneratorConfig: lambda config, schema: StackedGenerator(config, build_generator(config.base, schema)),
    Stylegan2GeneratorConfig: lambda config, schema: Stylegan2Generator(config, schema.sizes),
    Stylegan2DiscriminatorConfig: lambda config, schema: Stylegan2Discriminator(config, schema.sizes),
    ClassifierConfig: lambda config, schema: Classifier(config, schema.sizes),
}


def build(config: Any, schema: LabelSchema) -> nn.Module:
    """Builds the network of a config, randomly initialized from torch's global generator, in train mode.

    Args:
        config: One of the classes of `configs.models`, complete (no `auto`).
        schema: The attributes that the network is told; empty for an unconditional one.
    """
    return BUILDERS[type(config)](config, schema)


def build_generator(config: Any, schema: LabelSchema) -> Generator:
    """As `build`, for a config that describes a generator."""
    network = build(config, schema)
    assert isinstance(network, Generator)
    return network


def build_discriminator(config: Any, schema: LabelSchema) -> Discriminator:
    """As `build`, for a config that describes a discriminator."""
    network = build(config, schema)
    assert isinstance(network, Discriminator)
    return network
