"""Recipes of the DCGAN family."""

import math

from sakuga.configs.duration import Duration, Schedule
from sakuga.configs.losses import BceLossConfig, LogisticLossConfig, R1PenaltyConfig
from sakuga.configs.models import DcganDiscriminatorConfig, DcganGeneratorConfig
from sakuga.configs.patch import patch
from sakuga.configs.training import (
    AdamConfig,
    DataConfig,
    EmaConfig,
    LatentConfig,
    OptimizersConfig,
    OutputsConfig,
    RatioConfig,
    TrainConfig,
)


def _epochs(*moments: int) -> tuple[Duration, ...]:
    return tuple(Duration(amount=m, unit="epochs") for m in moments)


def dcgan64() -> TrainConfig:
    """The 64x64 DCGAN of github.com/Unispac/Animation-Avatar-Generation: BatchNorm in G and D, flips and slight
    rotations, z with sigma e^(-1/pi), sheets after epochs 1, 3, 10, 30 and 50."""
    return TrainConfig(
        recipe="dcgan64",
        data=DataConfig(resolution=64, flip=True, rotate=15.0),
        latent=LatentConfig(sigma=math.exp(-1 / math.pi)),
        loss=BceLossConfig(),
        outputs=OutputsConfig(sheets=Schedule(at=_epochs(1, 3, 10, 30, 50))),
        duration=Duration(amount=50, unit="epochs"),
    )


def dcgan96() -> TrainConfig:
    """The five-layer 96x96 DCGAN of the book "PyTorch: Introduction and Practice" (Chen Yun 2018): batches of 256, D in
    two BCE batches every round, G every 5 rounds, saved every 10 of 200 epochs."""
    return TrainConfig(
        recipe="dcgan96",
        data=DataConfig(resolution=96, flip=False),
        generator=DcganGeneratorConfig(z_dim=100, channels=64),
        discriminator=DcganDiscriminatorConfig(channels=64),
        loss=BceLossConfig(),
        ratio=RatioConfig(d_every=1, g_every=5),
        outputs=OutputsConfig(
            sheets=Schedule(every=Duration(amount=10, unit="epochs")),
            snapshots=Schedule(every=Duration(amount=10, unit="epochs")),
        ),
        batch_size=256,
        duration=Duration(amount=200, unit="epochs"),
    )


def tiny64() -> TrainConfig:
    """A narrow 64x64 DCGAN for a first look: faces from the built-in drawn set after two minutes on one core."""
    adam = AdamConfig(lr=5e-4, beta1=0.5, beta2=0.99)
    return TrainConfig(
        recipe="tiny64",
        data=DataConfig(resolution=64, flip=True),
        generator=DcganGeneratorConfig(z_dim=128, channels=24),
        discriminator=DcganDiscriminatorConfig(channels=24),
        loss=LogisticLossConfig(),
        penalty=R1PenaltyConfig(weight=1.0, every=16),
        optimizer=OptimizersConfig(g=adam, d=adam),
        ema=EmaConfig(half_life=Duration(amount=2_000)),
        outputs=OutputsConfig(sheets=Schedule(every=Duration(amount=5_000)), snapshots=Schedule()),
        batch_size=32,
        duration=Duration(amount=50_000),
    )


def quick64() -> TrainConfig:
    """Our best 64x64 recipe for an hour on a CPU with two cores; docs/recipes.md lists what was tried."""
    adam = AdamConfig(lr=2e-4, beta1=0.5, beta2=0.99)
    return TrainConfig(
        recipe="quick64",
        data=DataConfig(resolution=64, flip=True),
        generator=DcganGeneratorConfig(z_dim=128, channels=64),
        discriminator=DcganDiscriminatorConfig(channels=64),
        loss=LogisticLossConfig(),
        penalty=R1PenaltyConfig(weight=1.0, every=16),
        optimizer=OptimizersConfig(g=adam, d=adam),
        ema=EmaConfig(half_life=Duration(amount=20_000)),
        outputs=OutputsConfig(snapshots=Schedule(every=Duration(amount=100_000))),
        # At equal images seen, many small steps are far ahead of few large ones.
        batch_size=16,
        duration=Duration(amount=400_000),
    )


def attributes64() -> TrainConfig:
    """`quick64` with control over all attributes of the data, which a second output of D judges, and a weaker R1."""
    return patch(
        quick64(),
        {
            "recipe": "attributes64",
            "conditioning.attributes": "all",
            "discriminator.head.kind": "auxiliary",
            "penalty.weight": 0.05,
        },
    )
