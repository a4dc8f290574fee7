"""Recipes that bound the slope of a DCGAN's D: Wasserstein GANs, DRAGAN, spectral norm."""

from sakuga.configs.duration import Duration
from sakuga.configs.losses import (
    DraganPenaltyConfig,
    LogisticLossConfig,
    WassersteinLossConfig,
    WganGpPenaltyConfig,
)
from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.configs.training import (
    DataConfig,
    OptimizersConfig,
    RatioConfig,
    TrainConfig,
)

_DATA = DataConfig(resolution=64, flip=True)
_GENERATOR = DcganGeneratorConfig(z_dim=128, channels=64)
_DURATION = Duration(amount=400_000)


def wgan64() -> TrainConfig:
    """WGAN of Arjovsky, Chintala and Bottou (2017): weights clipped to 0.01, D five times for each time G learns.

    Adam without momentum at the paper's 5e-5 stands for its RMSProp.
    """
    return TrainConfig(
        recipe="wgan64",
        data=_DATA,
        generator=_GENERATOR,
        loss=WassersteinLossConfig(clip=0.01),
        optimizer=OptimizersConfig.alike(5e-5, 0.0, 0.99),
        ratio=RatioConfig(d_every=1, g_every=5),
        duration=_DURATION,
    )


def wgangp64() -> TrainConfig:
    """WGAN-GP of Gulrajani et al. (2017) on DCGAN's networks, with a norm in D that looks at one picture at a time.

    The paper has D learn five times for each time G learns; at equal pictures seen once is far ahead.
    """
    return TrainConfig(
        recipe="wgangp64",
        data=_DATA,
        generator=_GENERATOR,
        discriminator=DcganDiscriminatorConfig(channels=64, norm="layer"),
        loss=WassersteinLossConfig(),
        penalty=WganGpPenaltyConfig(weight=10.0),
        optimizer=OptimizersConfig.alike(2e-4, 0.0, 0.9),
        batch_size=16,
        duration=_DURATION,
    )


def dragan64() -> TrainConfig:
    """DRAGAN of Kodali et al. (2017) as in github.com/pfnet-research/chainer-gan-lib: five updates of D for one of G,
    penalty 10, Adam 2e-4 (0, 0.9)."""
    return TrainConfig(
        recipe="dragan64",
        data=_DATA,
        generator=_GENERATOR,
        discriminator=DcganDiscriminatorConfig(channels=64, norm="none"),
        loss=LogisticLossConfig(),
        penalty=DraganPenaltyConfig(weight=10.0),
        optimizer=OptimizersConfig.alike(2e-4, 0.0, 0.9),
        ratio=RatioConfig(d_every=1, g_every=5),
        duration=_DURATION,
    )


def sndcgan64() -> TrainConfig:
    """DCGAN with spectral norm in D (Miyato et al. 2018) as in github.com/pfnet-research/chainer-gan-lib: five updates
    of D for one of G, Adam 2e-4 (0, 0.9)."""
    return TrainConfig(
        recipe="sndcgan64",
        data=_DATA,
        generator=_GENERATOR,
        discriminator=DcganDiscriminatorConfig(channels=64, norm="spectral"),
        loss=LogisticLossConfig(),
        optimizer=OptimizersConfig.alike(2e-4, 0.0, 0.9),
        ratio=RatioConfig(d_every=1, g_every=5),
        duration=_DURATION,
    )
