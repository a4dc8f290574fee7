"""Architectures of the networks: what a model file needs in order to build them again."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, model_validator

from sakuga.configs.base import Config

Auto = Literal["auto"]
Norm = Literal["batch", "spectral", "layer", "none"]
DCGAN_SIZES = (32, 64, 96, 128)
SNGAN_SIZES = (32, 64, 128)
SRRESNET_SIZES = (32, 64, 96, 128)
STACKED_SIZES = (64, 128)
STYLEGAN2_SIZES = (32, 64, 128, 256, 512, 1024)


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


class _Sized(Config):
    """A network for pictures of a few sizes."""

    sizes: ClassVar[tuple[int, ...]]
    family: ClassVar[str]

    resolution: int | Auto = "auto"

    @model_validator(mode="after")
    def _size(self) -> Self:
        if self.resolution != "auto" and self.resolution not in self.sizes:
            raise ValueError(
                f"{self.family} makes pictures of {', '.join(map(str, self.sizes))} pixels, not {self.resolution}: "
                "choose one of these with --data.resolution"
            )
        return self


class _Dcgan(_Sized):
    sizes: ClassVar = DCGAN_SIZES
    family: ClassVar = "a DCGAN"

    kind: Literal["dcgan"] = "dcgan"


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


class _Sngan(_Sized):
    sizes: ClassVar = SNGAN_SIZES
    family: ClassVar = "an SNGAN"

    kind: Literal["sngan"] = "sngan"
    channels: int = Field(default=64, ge=1, description="of the layer beside the picture, at 64 and 128 pixels")


class SnganGeneratorConfig(_Sngan):
    """The residual G of Miyato et al. (2018), appendix B.4: z, then residual blocks that double the side.

    `channels` 64 gives the published widths. At 32 pixels all blocks have 4 times as many.
    """

    z_dim: int = Field(default=128, ge=1)


class SnganDiscriminatorConfig(_Sngan):
    """The residual D of the same paper. At 32 pixels all blocks have twice as many channels as `channels`."""

    norm: Literal["spectral", "none"] = "spectral"
    head: HeadConfig = NoHeadConfig()


class _Srresnet(_Sized):
    sizes: ClassVar = SRRESNET_SIZES
    family: ClassVar = "an SRResNet"

    kind: Literal["srresnet"] = "srresnet"


class SrresnetGeneratorConfig(_Srresnet):
    """G of Jin et al. (2017), section 3.4: residual blocks at an eighth of the side, then three pixel shuffles.

    The paper makes 128 pixels from a map of 16; 64 pixels start from 8.
    """

    z_dim: int = Field(default=128, ge=1)
    channels: int = Field(default=64, ge=1, description="of all maps")
    blocks: int = Field(default=16, ge=1, description="residual blocks")


class SrresnetDiscriminatorConfig(_Srresnet):
    """D of the same paper: strided convolutions with residual blocks between them, no norm of maps.

    The paper has ten blocks, two after each of the first five of six convolutions. Smaller pictures have fewer
    convolutions, so that the last map stays 2x2.
    """

    channels: int = Field(default=32, ge=1, description="after the first convolution; each further one doubles them")
    blocks: int = Field(default=2, ge=1, description="residual blocks between two strided convolutions")
    norm: Literal["none", "spectral"] = "none"
    head: HeadConfig = NoHeadConfig()


FirstStageConfig = Annotated[
    DcganGeneratorConfig | SnganGeneratorConfig | SrresnetGeneratorConfig, Field(discriminator="kind")
]


class StackedGeneratorConfig(_Sized):
    """A second stage that redraws the pictures of a finished `base` at twice the size (StackGAN: Zhang et al. 2017).

    A `base` without a size has half of `resolution`.
    """

    sizes: ClassVar = STACKED_SIZES
    family: ClassVar = "a second stage"

    kind: Literal["stacked"] = "stacked"
    base: FirstStageConfig = DcganGeneratorConfig()
    channels: int = Field(
        default=128, ge=2, multiple_of=2, description="beside the small picture; half as many beside the large one"
    )
    blocks: int = Field(default=2, ge=1, description="residual blocks, at a quarter of the small side")

    @property
    def z_dim(self) -> int:
        """The length of z, which is that of the first stage."""
        return self.base.z_dim

    @model_validator(mode="before")
    @classmethod
    def _base_follows(cls, tree: Any) -> Any:
        if not isinstance(tree, dict) or tree.get("resolution") not in STACKED_SIZES:
            return tree
        base = tree.get("base", DcganGeneratorConfig())
        base = base.model_dump() if isinstance(base, BaseModel) else base
        if not isinstance(base, dict) or base.get("resolution", "auto") != "auto":
            return tree
        return {**tree, "base": {**base, "resolution": tree["resolution"] // 2}}

    @model_validator(mode="after")
    def _doubles(self) -> Self:
        if self.resolution != "auto" and self.base.resolution != self.resolution // 2:
            raise ValueError(
                f"a second stage of {self.resolution} pixels doubles a base of {self.resolution // 2}, not of "
                f"{self.base.resolution}: give --generator.base.resolution auto"
            )
        return self


class _Stylegan2(_Sized):
    sizes: ClassVar = STYLEGAN2_SIZES
    family: ClassVar = "a StyleGAN2"

    kind: Literal["stylegan2"] = "stylegan2"
    channels: int = Field(
        default=32768, ge=1, description="a map of side r has channels // r of them, max_channels at most"
    )
    max_channels: int = Field(default=512, ge=1)

    @model_validator(mode="after")
    def _every_map_has_channels(self) -> Self:
        if self.resolution != "auto" and self.channels < self.resolution:
            raise ValueError(
                f"channels {self.channels} leave none for a map of {self.resolution} pixels: choose at least "
                f"{self.resolution}"
            )
        return self

    def channels_at(self, side: int) -> int:
        """Returns the channels of a map of this side."""
        return min(self.channels // side, self.max_channels)


class Stylegan2GeneratorConfig(_Stylegan2):
    """G of Karras et al. (2020), "Analyzing and Improving the Image Quality of StyleGAN": mapping and synthesis.

    The forms are those of its figure 7: `skip` adds up pictures of all sizes, `residual` has a 1x1 convolution beside
    each pair of layers, `original` draws the picture from the last layer alone.
    """

    z_dim: int = Field(default=512, ge=1)
    w_dim: int = Field(default=512, ge=1)
    mapping_layers: int = Field(default=8, ge=1)
    form: Literal["skip", "residual", "original"] = "skip"
    mapping_lr: float = Field(default=0.01, gt=0, description="learning rate of the mapping network, relative")


class Stylegan2DiscriminatorConfig(_Stylegan2):
    """D of the same paper; the forms are those of its figure 7."""

    form: Literal["residual", "skip", "original"] = "residual"
    minibatch_group: int = Field(default=4, ge=1, description="pictures whose standard deviation is one more channel")
    mapping_layers: int = Field(default=8, ge=1, description="from the labels, with head projection")
    norm: Literal["none"] = "none"
    head: HeadConfig = NoHeadConfig()


GeneratorConfig = Annotated[
    DcganGeneratorConfig
    | SnganGeneratorConfig
    | SrresnetGeneratorConfig
    | StackedGeneratorConfig
    | Stylegan2GeneratorConfig,
    Field(discriminator="kind"),
]
DiscriminatorConfig = Annotated[
    DcganDiscriminatorConfig | SnganDiscriminatorConfig | SrresnetDiscriminatorConfig | Stylegan2DiscriminatorConfig,
    Field(discriminator="kind"),
]
