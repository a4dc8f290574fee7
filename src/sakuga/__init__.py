"""Pictures in, anime pictures out: build a data set, train a GAN on it, measure it, draw with it.

import sakuga

faces = sakuga.load("faces64")
faces.generate(seeds=range(16))  # PIL images
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sakuga.core.errors import UserError
    from sakuga.evaluation.start import evaluate
    from sakuga.exporting.onnx import export
    from sakuga.generation.blend import blend
    from sakuga.generation.model import generate, load
    from sakuga.models.adapters.convert import import_model
    from sakuga.reporting.sheets import grid
    from sakuga.training.start import train

# Imported when first asked for, so that neither `import sakuga` nor the command line's help waits for torch.
_PUBLIC = {
    "UserError": "sakuga.core.errors",
    "blend": "sakuga.generation.blend",
    "evaluate": "sakuga.evaluation.start",
    "export": "sakuga.exporting.onnx",
    "generate": "sakuga.generation.model",
    "grid": "sakuga.reporting.sheets",
    "import_model": "sakuga.models.adapters.convert",
    "load": "sakuga.generation.model",
    "train": "sakuga.training.start",
}

__all__ = ["UserError", "blend", "evaluate", "export", "generate", "grid", "import_model", "load", "train"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("sakuga")
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
