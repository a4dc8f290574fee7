"""Recipes of StyleGAN2 (Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020) with adaptive
augmentation (Karras et al., "Training Generative Adversarial Networks with Limited Data", 2020)."""

from typing import Any

from sakuga.configs.augment import AdaConfig
from sakuga.configs.duration import Duration, Schedule
from sakuga.configs.losses import LogisticLossConfig, PathLengthConfig, R1PenaltyConfig
from sakuga.configs.models import Stylegan2DiscriminatorConfig, Stylegan2GeneratorConfig
from sakuga.configs.patch import patch
from sakuga.configs.training import DataConfig, EmaConfig, OptimizersConfig, OutputsConfig, TrainConfig


def stylegan2_64_cpu() -> TrainConfig:
    """A small StyleGAN2 for a machine without a GPU; docs/recipes.md says how it compares to `quick64`."""
    widths: dict[str, Any] = {"channels": 1024, "max_channels": 256}
    return TrainConfig(
        recipe="stylegan2-64-cpu",
        data=DataConfig(resolution=64, flip=True),
        generator=Stylegan2GeneratorConfig(z_dim=256, w_dim=256, mapping_layers=2, **widths),
        discriminator=Stylegan2DiscriminatorConfig(mapping_layers=2, **widths),
        loss=LogisticLossConfig(),
        penalty=R1PenaltyConfig(weight="auto", every=16),
        path_length=PathLengthConfig(weight=2.0, every=8),
        style_mixing=0.9,
        # With noise from the start so small a G draws hair as grain, and unlearns it slowly.
        noise_start="auto",
        optimizer=OptimizersConfig.alike(2.5e-3, 0.0, 0.99),
        ema=EmaConfig(half_life=Duration(amount=10_000), ramp_up=0.5),
        outputs=OutputsConfig(snapshots=Schedule(every=Duration(amount=50_000))),
        batch_size=16,
        duration=Duration(amount=200_000),
    )


def stylegan2_64_attributes() -> TrainConfig:
    """`stylegan2-64-cpu` that learns to draw first, and then what the attributes of the data mean: as the model
    `faces64-attributes` of the zoo was trained, in one run."""
    return patch(
        stylegan2_64_cpu(),
        {
            "recipe": "stylegan2-64-attributes",
            "conditioning.attributes": "all",
            "conditioning.start": "380k images",
            "discriminator.head.kind": "auxiliary",
            "generator.mapping_lr": 0.1,  # the labels are to be learned within 100,000 images
            "noise_start": "480k images",  # none: on varied art it was grain as late as at 150,000 images
            "duration": "480k images",
        },
    )


def stylegan2_128() -> TrainConfig:
    """128x128 with half the published width and ADA, after the `auto` settings of the second paper: for one GPU."""
    return _published(128, batch_size=32)


def stylegan2_256() -> TrainConfig:
    """256x256, likewise."""
    return _published(256, batch_size=16)


def _published(resolution: int, batch_size: int) -> TrainConfig:
    return TrainConfig(
        recipe=f"stylegan2-{resolution}",
        data=DataConfig(resolution=resolution, flip=True),
        generator=Stylegan2GeneratorConfig(channels=16384, mapping_layers=2),
        discriminator=Stylegan2DiscriminatorConfig(channels=16384),
        loss=LogisticLossConfig(),
        penalty=R1PenaltyConfig(weight="auto", every=16),
        path_length=PathLengthConfig(weight=2.0),
        style_mixing=0.9,
        augment=AdaConfig(),
        optimizer=OptimizersConfig.alike(2.5e-3, 0.0, 0.99),
        # As many batches, whatever their size.
        ema=EmaConfig(half_life=Duration(amount=batch_size * 10_000 // 32), ramp_up=0.05),
        outputs=OutputsConfig(snapshots=Schedule(every=Duration(amount=200_000))),
        batch_size=batch_size,
        duration=Duration(amount=5_000_000),
    )
