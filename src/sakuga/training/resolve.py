"""Completing a config: every `auto` becomes a value, and what makes no sense is refused before anything is loaded."""

import torch

from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.device import has_fast_bf16
from sakuga.core.errors import UserError


def check(config: TrainConfig) -> None:
    """Refuses combinations that make no sense.

    Raises:
        UserError: With the names of the options and the remedy.
    """
    sizes = {
        "data": config.data.resolution,
        "generator": config.generator.resolution,
        "discriminator": config.discriminator.resolution,
    }
    known = {name: size for name, size in sizes.items() if size != "auto"}
    if len(set(known.values())) > 1:
        raise UserError(
            "The sizes differ: " + ", ".join(f"--{n}.resolution {s}" for n, s in known.items()) + ": give "
            "--data.resolution alone, the networks follow it."
        )


def resolve(config: TrainConfig, resolution: int, device: torch.device) -> TrainConfig:
    """Returns the config with every `auto` settled.

    Args:
        config: A recipe, edited or not.
        resolution: Of the opened data set.
        device: Where the networks will live. bfloat16 and the channels_last format are chosen where the processor
            multiplies bfloat16 in hardware.

    Raises:
        UserError: If the architecture cannot make pictures of that size, or another combination makes no sense.
    """
    precision = config.precision
    if precision == "auto":
        precision = "bfloat16" if has_fast_bf16(device) else "float32"
    changes = {
        "data.resolution": resolution,
        "generator.resolution": resolution,
        "discriminator.resolution": resolution,
        "precision": precision,
        "channels_last": precision == "bfloat16" if config.channels_last == "auto" else config.channels_last,
        "threads": torch.get_num_threads() if config.threads == "auto" else config.threads,
    }
    complete = patch(config, changes)
    check(complete)
    return complete
