"""What a trained cell is found to be: the evaluation, and what its run folder tells."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sakuga.comparison.cells import Cell
from sakuga.comparison.folder import Settled
from sakuga.configs.comparison import MeasureConfig
from sakuga.configs.patch import validate
from sakuga.configs.training import TrainConfig
from sakuga.core.images import grid, save_png
from sakuga.core.words import counted
from sakuga.evaluation.start import evaluate
from sakuga.generation.model import LoadedModel, load
from sakuga.models.file import load_network
from sakuga.models.registry import build
from sakuga.training import checkpoint
from sakuga.training.metrics_log import read_metrics

_SHEET_WIDTH = 256


def measure(
    cell: Cell, run_dir: Path, data: str, against: MeasureConfig, settled: Settled, device: str
) -> dict[str, Any]:
    """Measures a trained cell and draws its samples.

    Args:
        cell: The cell.
        run_dir: Its run folder; `samples.png` is written there.
        data: The real pictures to measure against.
        against: How.
        settled: How, on this machine.
        device: auto, cpu, cuda or mps.

    Returns:
        JSON: what was found, the same whenever and however often the cell was interrupted, but for `timing`.

    Raises:
        UserError: As `evaluation.start.evaluate`.
    """
    model = load(run_dir, device)
    save_png(run_dir / "samples.png", sheet_of(model))
    faces = " and finding faces in them" if settled.faces else ""
    print(f"Measuring {counted(against.num_images, 'sample')} of {cell.name}{faces}.", file=sys.stderr)
    result = evaluate(
        run_dir,
        data,
        extractor=settled.extractor,
        num_images=against.num_images,
        real_every=against.real_every,
        judge=against.judge or None if model.schema.attributes else None,
        faces=settled.faces,
        device=device,
    )
    last = _last(run_dir)
    seconds = last.get("seconds", 0.0)
    return {
        "images": model.header.images_seen,
        "parameters": _parameters(run_dir, model),
        "health": _messages(run_dir),
        "evaluation": result.model_dump(mode="json"),
        "timing": {"seconds": seconds, "images_per_second": last["images"] / seconds if seconds else 0.0},
    }


def sheet_of(model: LoadedModel) -> np.ndarray:
    """Draws the first seeds of a model as a sheet, uint8 `[H, W, 3]`, about as wide whatever the pictures' size is."""
    columns = max(2, _SHEET_WIDTH // model.resolution)
    seeds = range(columns * (columns + 1))
    return grid(model.sample_images(model.z_of_seeds(seeds), model.labels_of(seeds)), columns)


def _parameters(run_dir: Path, model: LoadedModel) -> dict[str, int]:
    networks: dict[str, nn.Module] = {"generator": model.generator}
    if model.header.roles.discriminator is not None:
        networks["discriminator"] = load_network(model.path, "discriminator", model.header)
    record = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
    classifier = validate(TrainConfig, record["config"], "entry in run.json,").classifier
    if classifier.kind != "none":  # trained beside D, and not in the model's file
        with torch.device("meta"):
            networks["classifier"] = build(classifier, model.schema)
    return {role: sum(p.numel() for p in network.parameters()) for role, network in networks.items()}


def _messages(run_dir: Path) -> list[str]:
    return list(checkpoint.newest_state(run_dir).get("messages", []))


def _last(run_dir: Path) -> dict[str, Any]:
    """Returns the last line of the log that has a time; the line of an evaluation has none."""
    return next((line for line in reversed(list(read_metrics(run_dir))) if "seconds" in line), {"images": 0})
