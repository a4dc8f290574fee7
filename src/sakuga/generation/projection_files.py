"""What a projection leaves in its folder."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from sakuga.configs.projection import ProjectionConfig
from sakuga.configs.sampling import USUAL
from sakuga.core.files import write_together
from sakuga.core.images import grid, png_bytes
from sakuga.core.tensorfile import tensor_bytes
from sakuga.features.lpips import Perceptual
from sakuga.generation.animation import animation_content
from sakuga.generation.model import LoadedModel
from sakuga.generation.output import parameters
from sakuga.generation.projection import KIND, Projection

_SHOWN = 256  # pixels a side of the pictures beside each other, at least if whole pixels allow


class Paths(NamedTuple):
    """The files of one projection; `search` is None where no video is asked for."""

    picture: Path
    beside: Path
    tensors: Path
    search: Path | None


def paths_of(folder: Path, video: bool) -> Paths:
    """Returns where the files go; the video is a GIF where no MP4 can be written."""
    kind = "gif" if importlib.util.find_spec("av") is None else "mp4"
    search = folder / f"search.{kind}" if video else None
    return Paths(folder / "projected.png", folder / "side-by-side.png", folder / "projection.safetensors", search)


def write_all(
    paths: Paths,
    found: Projection,
    model: LoadedModel,
    distance: Perceptual,
    config: ProjectionConfig,
    *,
    fps: float = 20,
    overwrite: bool = True,
) -> None:
    """Writes all files or none; errors as `animation_content` and `write_together`."""
    text = parameters(model, USUAL) | found.values(model.schema) | {distance.name: f"{found.distance:.4f}"}
    scale = max(1, _SHOWN // model.resolution)
    beside = np.stack([found.target, found.start, found.found]).repeat(scale, 1).repeat(scale, 2)
    files: dict[Path, bytes | Callable[[Path], None]] = {
        paths.tensors: tensor_bytes(*_content(found, model, distance, config)),
        paths.picture: png_bytes(found.found, text),
        paths.beside: png_bytes(grid(beside, 3), text),
    }
    if paths.search is not None:
        target = np.broadcast_to(found.target, found.frames.shape)
        frames = np.concatenate([target, found.frames], 2)
        files[paths.search] = animation_content(paths.search, frames, fps, loop=False, scale=scale)
    write_together(files, overwrite=overwrite)


def _content(
    found: Projection, model: LoadedModel, distance: Perceptual, config: ProjectionConfig
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns `ws`, the noise maps as `noise0`, `noise1`, ..., and all numbers."""
    value: dict[str, Any] = {
        "kind": KIND,
        "model": model.name,
        "model_sha256": model.sha256,
        "attributes": found.values(model.schema),
        "distance": {
            "name": distance.name,
            "weights_sha256": distance.sha256,
            "mean_w": found.distance_mean,
            "begin": found.distance_start,
            "found": found.distance,
            "found_without_noise_maps": found.distance_plain,
        },
        "options": config.model_dump(),
    }
    tensors = {"ws": found.ws} | {f"noise{i}": one for i, one in enumerate(found.noise)}
    return tensors, value
