"""Architectures of the networks: what a model file needs in order to build them again."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sakuga.configs.base import Config

Auto = Literal["auto"]
Norm = Literal["batch", "spectral", "layer", "none"]
DCGAN_SIZES = (32, 64, 96, 128)


class NoHeadConfig(Config):
    """D says real or fake and nothing else."""

    kind: Literal["none"] = "none"


class AuxiliaryHeadConfig(Config):
    """D also names the values of the attributes (AC-GAN: Odena, Olah and Shlens 2017, section 3).

    With `layers` 1 a linear layer for each attribute stands beside the verdict. With 3 the features go into two
    separate towers of three fully connected layers, one for the verdict and one for the attributes.
    """

    kind: Literal["auxiliary"] = "auxiliary"
    layers: Literal[1, 3] = 1
    width: int = Field(default=256, ge=1, description="of the hidden layers of the towers (layers 3)")


class ProjectionHeadConfig(Config):
    """D judges a picture together with its labels (Miyato and Koyama 2018, section 3).

    The verdict gains the inner product of the label's embedding and the pooled features, for each attribute.
    """

    kind: Literal["projection"] = "projection"


class DiscriminativeHeadConfig(AuxiliaryHeadConfig):
    """As `auxiliary`, but the classifier tells real `aqua` from fake `aqua` (ADC-GAN: Hou et al. 2022)."""

    kind: Literal["discriminative"] = "discriminative"  # pyright: ignore[reportIncompatibleVariableOverride]


HeadConfig = Annotated[
    NoHeadConfig | AuxiliaryHeadConfig | ProjectionHeadConfig | DiscriminativeHeadConfig, Field(discriminator="kind")
]


class _Dcgan(Config):
    kind: Literal["dcgan"] = "dcgan"
    resolution: int | Auto = "auto"

    @model_validator(mode="after")
    def _size(self) -> Self:
        if self.resolution != "auto" and self.resolution not in DCGAN_SIZES:
            raise ValueError(
                f"a DCGAN makes pictures of {', '.join(map(str, DCGAN_SIZES))} pixels, not {self.resolution}: "
                "choose one of these with --data.resolution"
            )
        return self


class DcganGeneratorConfig(_Dcgan):
    """G of Radford, Metz and Chintala (2016): z, then strided transposed convolutions up to the picture."""

    z_dim: int = Field(default=100, ge=1)
    channels: int = Field(default=64, ge=1, description="ngf: channels of the layer before the picture")
    norm: Literal["batch", "none"] = "batch"
    upsample: Literal["transposed", "nearest"] = "transposed"
    tail: Literal["transposed", "shuffle"] = "transposed"

    @model_validator(mode="after")
    def _last_layer(self) -> Self:
        if self.tail == "shuffle" and self.resolution == 96:
            raise ValueError("the last layer triples the side to 96 pixels: choose --generator.tail transposed")
        return self


class DcganDiscriminatorConfig(_Dcgan):
    """D of the same paper, G mirrored."""

    channels: int = Field(default=64, ge=1, description="ndf: channels of the layer after the picture")
    norm: Norm = "batch"
    minibatch_std: bool = False
    head: HeadConfig = NoHeadConfig()


GeneratorConfig = Annotated[DcganGeneratorConfig, Field(discriminator="kind")]
DiscriminatorConfig = Annotated[DcganDiscriminatorConfig, Field(discriminator="kind")]
