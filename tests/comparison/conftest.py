"""Tiny comparisons that train for real; only the frozen network that measures is a toy."""

from typing import Any

import pytest
import torch

from sakuga.comparison import folder
from sakuga.configs.comparison import ComparisonConfig
from sakuga.evaluation import start
from sakuga.features.extractor import Extractor
from sakuga.features.frozen import Frozen

TINY = (
    ("data.resolution", 32),
    ("generator.channels", 4),
    ("generator.z_dim", 8),
    ("discriminator.channels", 4),
    ("batch_size", 8),
    ("precision", "float32"),
    ("outputs.sheet_size", 4),
    ("outputs.log", "every 2 steps"),
    ("outputs.checkpoints", "every 3 steps"),
)


class Blocks(Frozen):
    """The mean colors of 2x2 blocks."""

    num_features, size = 12, 16

    def __init__(self) -> None:
        super().__init__()
        self.freeze()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture(autouse=True)
def _toy_ruler(monkeypatch) -> None:
    toy = Extractor("efficientnet", "mean colors of blocks", "b" * 64, Blocks(), torch.device("cpu"))
    monkeypatch.setattr(start, "load_extractor", lambda *_: toy)
    monkeypatch.setattr(folder, "find_weights", lambda name, **_: name)
    monkeypatch.setattr(folder, "is_here", lambda name: True)


def variant(label: str, *changes: tuple[str, Any]) -> dict[str, Any]:
    return {"label": label, "recipe": "tiny64", "changes": [*TINY, *changes]}


@pytest.fixture(name="variant")
def _variant():
    """Returns tiny variants: a label, and the options that differ."""
    return variant


@pytest.fixture
def tiny():
    """Returns comparisons of tiny nets on drawn faces."""

    def make(*variants: dict[str, Any], **fields: Any) -> ComparisonConfig:
        tree: dict[str, Any] = {
            "variants": list(variants) or [variant("plain"), variant("hinge", ("loss.kind", "hinge"))],
            "data": [{"label": "drawn", "path": "synthetic:40"}],
            "budget": "80 images",
            "measure": {"extractor": "efficientnet", "num_images": 16, "real_every": 2, "points": 0, "faces": False},
        }
        return ComparisonConfig.model_validate(tree | fields)

    return make


@pytest.fixture
def broken() -> dict[str, Any]:
    """A variant whose training breaks down."""
    return variant("too fast", ("optimizer.g.lr", 1e30), ("optimizer.d.lr", 1e30))
