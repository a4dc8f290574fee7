"""Tiny runs that train for real."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sakuga.configs.patch import patch
from sakuga.configs.training import TrainConfig
from sakuga.core.tensorfile import read_tensors
from sakuga.data.dataset import Dataset, open_dataset
from sakuga.recipes import recipe
from sakuga.training import checkpoint
from sakuga.training.loop import Loop
from sakuga.training.resolve import resolve
from sakuga.training.start import train

TINY = {
    "data.resolution": 32,
    "generator.channels": 4,
    "generator.z_dim": 8,
    "discriminator.channels": 4,
    "batch_size": 8,
    "outputs.sheet_size": 4,
    "outputs.sheets": "every 80 images",
    "outputs.log": "every 2 steps",
    "outputs.checkpoints": "every 5 steps",
    "outputs.snapshots": "never",
    "duration": "160 images",
    "precision": "float32",
}


@pytest.fixture(scope="session")
def faces() -> Dataset:
    return open_dataset("synthetic:64", 32)


@pytest.fixture
def tiny_config(faces: Dataset) -> Callable[..., TrainConfig]:
    """Returns complete configs of a tiny DCGAN."""

    def make(changes: dict[str, Any] | None = None, name: str = "quick64") -> TrainConfig:
        return resolve(patch(recipe(name), TINY | (changes or {})), 32, torch.device("cpu"))

    return make


@pytest.fixture
def tiny_loop(tiny_config: Callable[..., TrainConfig], faces: Dataset) -> Callable[..., Loop]:
    def make(changes: dict[str, Any] | None = None, name: str = "quick64") -> Loop:
        return Loop(tiny_config(changes, name), faces, torch.device("cpu"))

    return make


@pytest.fixture
def tiny_run() -> Callable[..., bool]:
    """Trains the tiny DCGAN into a folder, as `sakuga train` does."""

    def run(folder: Path, changes: dict[str, Any] | None = None, resume: bool = False, name: str = "quick64") -> bool:
        if resume:
            return train(None, None, folder, changes=changes, resume=True, device="cpu")
        return train(name, "synthetic:64", folder, changes=TINY | (changes or {}), device="cpu")

    return run


@pytest.fixture
def last_tensors() -> Callable[[Path], dict[str, torch.Tensor]]:
    return lambda folder: read_tensors(checkpoint.existing(folder)[-1], "checkpoint")
