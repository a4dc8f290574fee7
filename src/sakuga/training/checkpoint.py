"""Checkpoints: all that a run needs in order to go on as if nothing had happened, each in one file, no pickle."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from sakuga.core.tensorfile import copy_into, read_tensors, read_value, write_tensors

KEPT = 2
_WHAT = "checkpoint"


def save(run_dir: Path, images: int, tensors: Mapping[str, Tensor], state: dict[str, Any]) -> Path:
    """Writes a checkpoint whole, then removes all but the newest two.

    Args:
        run_dir: The run folder.
        images: Images seen.
        tensors: Live tensors by name.
        state: Everything else, as JSON.

    Raises:
        UserError: If there is no space; the older checkpoints stay.
    """
    path = write_tensors(folder(run_dir) / f"{images:012d}.safetensors", tensors, {"images": images} | state)
    for old in existing(run_dir)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def existing(run_dir: Path) -> list[Path]:
    """Returns the checkpoints of a run, oldest first."""
    return sorted(p for p in folder(run_dir).glob("*.safetensors") if re.fullmatch(r"\d{12}", p.stem))


def newest_state(run_dir: Path) -> dict[str, Any]:
    """Returns the state in a run's newest checkpoint, without its tensors; empty if there is none.

    Raises:
        UserError: If the file is damaged.
    """
    saved = existing(run_dir)
    return read_value(saved[-1], _WHAT) if saved else {}


def folder(run_dir: Path) -> Path:
    """Returns where a run keeps its checkpoints."""
    return run_dir / "checkpoints"


def restore(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Copies a checkpoint into live tensors and returns its state.

    Raises:
        UserError: If the file is damaged or belongs to other networks.
    """
    state = read_value(path, _WHAT)
    copy_into(tensors, read_tensors(path, _WHAT), str(path))
    return state
