"""What a recipe is: one frozen value that holds a whole training run."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sakuga.configs.augment import AugmentConfig, NoAugmentConfig
from sakuga.configs.base import Config
from sakuga.configs.conditioning import AttributeNames, ConditioningConfig
from sakuga.configs.duration import Duration, Schedule
from sakuga.configs.losses import BceLossConfig, LossConfig, NoPenaltyConfig, PathLengthConfig, PenaltyConfig
from sakuga.configs.models import (
    Auto,
    DcganDiscriminatorConfig,
    DcganGeneratorConfig,
    DiscriminatorConfig,
    GeneratorConfig,
)


class DataConfig(Config):
    """How real pictures are shown to D."""

    resolution: Annotated[int, Field(ge=1)] | Auto = Field(
        default="auto", description="pixels a side; auto: as the data set is"
    )
    flip: bool = Field(default=True, description="mirror each picture with probability 1/2")
    rotate: float = Field(default=0.0, ge=0, le=180, description="rotate by a uniform angle of +- so many degrees")
    balance: AttributeNames = Field(
        default=(), description="attributes whose values are shown equally often, as in hair,eyes"
    )


class LatentConfig(Config):
    """The normal distribution of z."""

    mean: float = 0.0
    sigma: float = Field(default=1.0, gt=0)


class AdamConfig(Config):
    """Adam (Kingma and Ba 2015)."""

    lr: float = Field(default=2e-4, gt=0)
    beta1: float = Field(default=0.5, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)


class OptimizersConfig(Config):
    """One optimizer for each side of the game."""

    g: AdamConfig = AdamConfig()
    d: AdamConfig = AdamConfig()
    c: AdamConfig = Field(default=AdamConfig(), description="of the classifier, if it is a network of its own")

    @classmethod
    def alike(cls, lr: float, beta1: float, beta2: float) -> Self:
        """Returns the same Adam for all sides."""
        adam = AdamConfig(lr=lr, beta1=beta1, beta2=beta2)
        return cls(g=adam, d=adam, c=adam)


class RatioConfig(Config):
    """How often each side learns, in rounds; a round is one batch of real pictures."""

    d_every: int = Field(default=1, ge=1)
    g_every: int = Field(default=1, ge=1)


class ControllerConfig(Config):
    """Moves the D:G ratio and the learning rates by D's advantage, the mean of sign(D(real)) - sign(D(fake)) over 2."""

    enabled: bool = False
    low: float = Field(default=0.2, ge=0, le=1, description="below this advantage G is slowed")
    high: float = Field(default=0.8, ge=0, le=1, description="above this advantage D is slowed")
    speed: Duration = Field(
        default=Duration(amount=20_000), description="images or steps for one halving of a learning rate"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.speed.amount == 0 or self.speed.unit == "epochs":
            raise ValueError(f"speed ({self.speed}) must be in images or steps, and more than 0")
        return self


class EmaConfig(Config):
    """The moving average of G's weights, which is what a model file holds."""

    half_life: Duration = Duration(amount=20_000)
    ramp_up: float = Field(default=0.5, gt=0, description="the half-life is at most this part of the images seen")


class OutputsConfig(Config):
    """What a run writes while it trains."""

    log: Schedule = Schedule(every=Duration(amount=20, unit="steps"))
    sheets: Schedule = Schedule(every=Duration(amount=20_000))
    snapshots: Schedule = Schedule(every=Duration(amount=100_000))
    checkpoints: Schedule = Schedule(every=Duration(amount=20_000))
    evaluations: Schedule = Field(default=Schedule(), description="EfficientNet-Lite0 distance on 2,000 pictures")
    sheet_size: int = Field(default=64, ge=1, description="pictures on a sheet, always from the same z")


class InitConfig(Config):
    """Model files whose weights the networks start from, instead of random ones."""

    generator: str | None = None
    discriminator: str | None = None
    base: str | None = Field(default=None, description="the first stage of a stacked generator")


class NoClassifierConfig(Config):
    """Attributes are judged by D or not at all."""

    kind: Literal["none"] = "none"


ClassifierNetworkConfig = Annotated[NoClassifierConfig | DiscriminatorConfig, Field(discriminator="kind")]


class TrainConfig(Config):
    """One training run. `auto` values are settled by `training.resolve` before anything is saved."""

    recipe: str = "custom"
    name: str = Field(default="", description="what the model file calls itself; empty: the recipe's name")
    licence: str = Field(default="", description="the licence that the model file states")
    data: DataConfig = DataConfig()
    generator: GeneratorConfig = DcganGeneratorConfig()
    discriminator: DiscriminatorConfig = DcganDiscriminatorConfig()
    classifier: ClassifierNetworkConfig = NoClassifierConfig()
    latent: LatentConfig = LatentConfig()
    conditioning: ConditioningConfig = ConditioningConfig()
    loss: LossConfig = BceLossConfig()
    noise_start: Duration | Auto = Field(
        default=Duration(amount=0),
        description="when noise is added to the maps of G; a small G left without it at first learns shapes, not "
        "grain; auto: after 300k images, or from the start if init.generator has learned with it",
    )
    real_fake_batches: Literal["separate", "joint"] = Field(
        default="separate", description="whether D sees real and fake pictures in two passes or in one (for BatchNorm)"
    )
    penalty: PenaltyConfig = NoPenaltyConfig()
    path_length: PathLengthConfig = PathLengthConfig()
    style_mixing: float = Field(
        default=0.0, ge=0, le=1, description="probability that a fake has another z in its later layers"
    )
    augment: AugmentConfig = NoAugmentConfig()
    optimizer: OptimizersConfig = OptimizersConfig()
    ratio: RatioConfig = RatioConfig()
    controller: ControllerConfig = ControllerConfig()
    ema: EmaConfig = EmaConfig()
    init: InitConfig = InitConfig()
    freeze_d: int = Field(
        default=0, ge=0, description="layers of D, from the picture on, that keep the weights of init.discriminator"
    )
    outputs: OutputsConfig = OutputsConfig()
    batch_size: int = Field(default=64, ge=2, description="pictures a round, over all processes")
    duration: Duration = Duration(amount=50, unit="epochs")
    seed: int = Field(default=0, ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    channels_last: bool | Auto = "auto"
    deterministic: bool = Field(
        default=False, description="on a GPU, too, the same numbers each time, which is slower; a CPU gives them always"
    )
    threads: Annotated[int, Field(ge=1)] | Auto = Field(
        default="auto",
        description="CPU threads, part of the run, as results depend on it; auto: all or one, what is faster now",
    )

    @property
    def labels_in_pairs(self) -> bool:
        """Whether the i-th fake has the labels of the i-th real picture, where these are known.

        A game or a penalty that sets the two against each other compares like with like only if both have the labels
        that the verdict depends on.
        """
        in_pairs = self.loss.kind == "relativistic" or self.penalty.kind == "wgan_gp"
        return in_pairs and self.discriminator.head.kind == "projection"
