"""What a projection leaves in its folder."""

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sakuga.configs.projection import ProjectionConfig
from sakuga.configs.sampling import USUAL
from sakuga.core.images import grid, save_png
from sakuga.core.tensorfile import write_tensors
from sakuga.features.lpips import Perceptual
from sakuga.generation.animation import save_animation
from sakuga.generation.model import LoadedModel
from sakuga.generation.output import parameters
from sakuga.generation.project import Projection

KIND = "projection"
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
    """Writes all files; errors as `save_png`, `write_tensors` and `save_animation`."""
    text = parameters(model, USUAL) | found.values(model.schema) | {distance.name: f"{found.distance:.4f}"}
    save_png(paths.picture, found.found, text, overwrite=overwrite)
    scale = max(1, _SHOWN // model.resolution)
    beside = np.stack([found.target, found.start, found.found]).repeat(scale, 1).repeat(scale, 2)
    save_png(paths.beside, grid(beside, 3), text, overwrite=overwrite)
    write_projection(paths.tensors, found, model, distance, config, overwrite=overwrite)
    if paths.search is not None:
        target = np.broadcast_to(found.target, found.frames.shape)
        frames = np.concatenate([target, found.frames], 2)
        save_animation(paths.search, frames, fps, loop=False, scale=scale, overwrite=overwrite)


def write_projection(
    path: Path,
    found: Projection,
    model: LoadedModel,
    distance: Perceptual,
    config: ProjectionConfig,
    *,
    overwrite: bool = True,
) -> Path:
    """Writes `ws`, the noise maps as `noise0`, `noise1`, ..., and all numbers; errors as `write_tensors`."""
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
    return write_tensors(path, tensors, value, overwrite=overwrite)
