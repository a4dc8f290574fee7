"""Recipes with residual networks."""

from sakuga.configs.conditioning import ConditioningConfig
from sakuga.configs.duration import Duration
from sakuga.configs.losses import (
    BceLossConfig,
    DraganPenaltyConfig,
    HingeLossConfig,
    LogisticLossConfig,
    R1PenaltyConfig,
)
from sakuga.configs.models import (
    AuxiliaryHeadConfig,
    DcganDiscriminatorConfig,
    SnganDiscriminatorConfig,
    SnganGeneratorConfig,
    SrresnetDiscriminatorConfig,
    SrresnetGeneratorConfig,
    StackedGeneratorConfig,
)
from sakuga.configs.training import (
    DataConfig,
    OptimizersConfig,
    RatioConfig,
    TrainConfig,
)


def sngan64() -> TrainConfig:
    """The residual SNGAN of Miyato et al. (2018): spectral norm, hinge loss, Adam 2e-4 (0, 0.9), five updates of D for
    one of G."""
    return TrainConfig(
        recipe="sngan64",
        data=DataConfig(resolution=64, flip=True),
        generator=SnganGeneratorConfig(),
        discriminator=SnganDiscriminatorConfig(),
        loss=HingeLossConfig(),
        optimizer=OptimizersConfig.alike(2e-4, 0.0, 0.9),
        ratio=RatioConfig(d_every=1, g_every=5),
        duration=Duration(amount=400_000),
    )


def srresnet64() -> TrainConfig:
    """MakeGirlsMoe's networks and game without its attributes (Jin et al. 2017): SRResNet, DRAGAN with weight 0.5, Adam
    2e-4 (constant; theirs falls after 50,000 updates)."""
    return TrainConfig(
        recipe="srresnet64",
        data=DataConfig(resolution=64, flip=True),
        generator=SrresnetGeneratorConfig(),
        discriminator=SrresnetDiscriminatorConfig(),
        loss=BceLossConfig(),
        penalty=DraganPenaltyConfig(weight=0.5),
        optimizer=OptimizersConfig.alike(2e-4, 0.5, 0.999),
        duration=Duration(amount=400_000),
    )


def acgan64() -> TrainConfig:
    """After the final ACGAN of github.com/Unispac/Animation-Avatar-Generation: MakeGirlsMoe's networks with spectral
    norm in D, verdict and classes in towers of their own, lambda 5, D twice for each time G learns, z of length 64.

    Its `source/ACGAN.py` differs: z has sigma e^(-1/pi); the class loss is summed in D and averaged in G
    (`conditioning.class_loss` summed_in_d); D has six strided convolutions down to 1x1x1024 and 18 residual blocks (2
    after the first, 4 after each of the next four) where ours has five down to 2x2x512 and 8; its towers are 512 and
    256 wide where ours are 256 twice, and no spectral norm is on them nor on the first convolution; both updates of D
    see the same pictures.
    """
    return TrainConfig(
        recipe="acgan64",
        data=DataConfig(resolution=64, flip=True, rotate=15.0),
        generator=SrresnetGeneratorConfig(z_dim=64),
        discriminator=SrresnetDiscriminatorConfig(norm="spectral", head=AuxiliaryHeadConfig(layers=3)),
        conditioning=ConditioningConfig(attributes="all", adversarial_weight=5.0),
        loss=BceLossConfig(),
        optimizer=OptimizersConfig.alike(1e-4, 0.5, 0.9),
        ratio=RatioConfig(d_every=1, g_every=2),
        duration=Duration(amount=250, unit="epochs"),
    )


def stacked128() -> TrainConfig:
    """A second stage in the manner of StackGAN (Zhang et al. 2017): redraws the 64x64 pictures of `--init.base MODEL`
    at 128x128."""
    return TrainConfig(
        recipe="stacked128",
        data=DataConfig(resolution=128, flip=True),
        generator=StackedGeneratorConfig(channels=64),
        discriminator=DcganDiscriminatorConfig(channels=32),
        loss=LogisticLossConfig(),
        penalty=R1PenaltyConfig(weight=1.0, every=16),
        optimizer=OptimizersConfig.alike(2e-4, 0.5, 0.99),
        batch_size=16,
        duration=Duration(amount=200_000),
    )
