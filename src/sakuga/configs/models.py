"""Architectures of the networks: what a model file needs in order to build them again."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sakuga.configs.base import Config

Auto = Literal["auto"]
Norm = Literal["batch", "spectral", "layer", "none"]
DCGAN_SIZES = (32, 64, 96, 128)


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


GeneratorConfig = Annotated[DcganGeneratorConfig, Field(discriminator="kind")]
DiscriminatorConfig = Annotated[DcganDiscriminatorConfig, Field(discriminator="kind")]
