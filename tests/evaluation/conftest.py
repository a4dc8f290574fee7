"""A frozen network that needs no weights, and pictures to measure with it."""

import numpy as np
import pytest
import torch

from sakuga.data.dataset import Dataset
from sakuga.features.extractor import Extractor
from sakuga.features.frozen import Frozen


class Blocks(Frozen):
    """The mean colors of 2x2 blocks: 12 features; counts the pictures that it has seen."""

    num_features, size = 12, 16

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.freeze()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns float `[N, 12]`."""
        self.seen += len(images)
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture
def extractor(tmp_path, monkeypatch) -> Extractor:
    """The toy extractor, and a cache folder of its own."""
    monkeypatch.setenv("SAKUGA_CACHE", str(tmp_path / "cache"))
    return Extractor("blocks", "mean colors of blocks", "b" * 64, Blocks(), torch.device("cpu"))


@pytest.fixture
def draw():
    """Draws pictures: four blocks of random colors with a little noise, uint8 `[N, 16, 16, 3]`."""

    def pictures(count: int, seed: int, low: int = 0, high: int = 200) -> np.ndarray:
        random = np.random.RandomState(seed)
        blocks = random.randint(low, high, (count, 2, 2, 3)).repeat(8, 1).repeat(8, 2)
        return (blocks + random.randint(0, 50, (count, 16, 16, 3))).astype(np.uint8)

    return pictures


@pytest.fixture
def dataset(draw) -> Dataset:
    """400 such pictures."""
    return Dataset(draw(400, seed=1), name="drawn blocks", fingerprint="f1")
