"""Projection of pictures outside a model's training data: how near their w comes, and how long that takes.

For each picture the perceptual distance of the picture of the mean w, of what the search began with, and of what it
found. Where w is z (all families but StyleGAN2) the picture of the mean w is hardly a face, and the search begins with
the nearest of 64 samples: that is the fairer comparison.

    python benchmarks/project.py [--data ZIP] [--model faces64] [--count 20] [--steps 500] [--space w] [--out PNG]

Takes moe64_hair_eyes.zip from the folder $SAKUGA_DATA, or drawn faces where that is not set; `faces64` saw neither.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from sakuga.configs.projection import ProjectionConfig
from sakuga.core.images import grid, save_png
from sakuga.data.dataset import open_dataset
from sakuga.features.perceptual import load_perceptual
from sakuga.generation.model import load
from sakuga.generation.project import project


def arguments() -> argparse.Namespace:
    folder = os.environ.get("SAKUGA_DATA")
    parser = argparse.ArgumentParser(description="Projection of pictures outside a model's training data.")
    parser.add_argument("--data", default=str(Path(folder, "moe64_hair_eyes.zip")) if folder else "synthetic:200")
    parser.add_argument("--model", default="faces64")
    parser.add_argument("--count", type=int, default=20, help="pictures, evenly spaced by name")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--space", choices=("w", "w+"), default="w")
    parser.add_argument("--distance", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write a PNG here: picture, beginning, found")
    return parser.parse_args()


def main() -> None:
    """Prints the table and the figures."""
    options = arguments()
    torch.set_num_threads(options.threads)
    model = load(options.model, "auto")
    distance = load_perceptual(options.distance, model.device)
    dataset = open_dataset(options.data, model.resolution)
    chosen = np.arange(options.count) * len(dataset) // options.count
    config = ProjectionConfig(steps=options.steps, space=options.space)
    console, table = Console(), Table("picture", "mean w", "begin", "found", "seconds", box=None, pad_edge=False)
    rows, pictures = [], []
    for index in chosen.tolist():
        found = project(model, np.asarray(dataset.images[index]), distance, config)
        rows.append((found.distance_mean, found.distance_start, found.distance, found.seconds))
        pictures += [found.target, found.start, found.found]
        table.add_row(str(index), *(f"{number:.4f}" for number in rows[-1][:3]), f"{found.seconds:.1f}")
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    table.add_row("mean", *(f"{number:.4f}" for number in means[:3]), f"{means[3]:.1f}")
    console.print(table)
    console.print(
        f"{distance.title}; {model.name}, {options.steps} steps in {options.space}, {options.count} pictures of "
        f"{dataset.name}, {options.threads} threads, {model.device}"
    )
    if options.out:
        save_png(options.out, grid(np.stack(pictures), 3))
    figures = dict(zip(("mean_w", "begin", "found"), (round(number, 4) for number in means[:3]), strict=True))
    figures |= {"seconds": round(means[3], 1), "seconds_median": round(statistics.median(r[3] for r in rows), 1)}
    figures |= {"distance": distance.name, "model": model.name, "data": dataset.name, "count": options.count}
    print(json.dumps(figures | {"steps": options.steps, "space": options.space}))


if __name__ == "__main__":
    main()
