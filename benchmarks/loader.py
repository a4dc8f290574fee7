"""Batches from the memory-mapped cache against decoding every picture in every epoch.

The other side is what most training scripts do: a `torch.utils.data.DataLoader` over the compressed pictures of a zip,
without workers, so that both sides have one thread. Both get the same pictures, flips and angles, and the rotation is
the same function, so that what differs is where the pixels come from.

    python benchmarks/loader.py [--batches 16] [--runs 5] [--epochs 12]

Takes getchu64.zip from the folder $SAKUGA_DATA, or draws pictures where that is not set.
"""

import argparse
import io
import json
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from sakuga.core.random import uniform
from sakuga.data.archive import write_archive
from sakuga.data.dataset import Dataset, open_dataset, rotated

BATCH, SEED, DEGREES = 64, 0, 15.0


class Decoding(torch.utils.data.Dataset):
    """Opens, decodes and flips one picture of a zip at a time."""

    def __init__(self, path: Path, numbers: np.ndarray, indices: np.ndarray) -> None:
        self._zip = zipfile.ZipFile(path)
        self._names = sorted(name for name in self._zip.namelist() if name != "dataset.json")
        self._indices = indices
        self._flip = uniform(numbers, SEED, "flip") < 0.5

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, i: int) -> torch.Tensor:
        image = Image.open(io.BytesIO(self._zip.read(self._names[self._indices[i]]))).convert("RGB")
        if self._flip[i]:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(127.5).sub(1)


def decoding(path: Path, dataset: Dataset, numbers: np.ndarray, degrees: float) -> torch.Tensor:
    """Loads all the numbers by decoding; returns the last batch."""
    loader = torch.utils.data.DataLoader(Decoding(path, numbers, dataset.index(numbers, SEED)), BATCH)
    images = torch.empty(0)
    for i, images in enumerate(loader):
        if degrees:
            angles = (2 * uniform(numbers[i * BATCH : (i + 1) * BATCH], SEED, "rotate") - 1) * degrees
            images = rotated(images, angles)
    return images


def cached(dataset: Dataset, numbers: np.ndarray, degrees: float) -> torch.Tensor:
    """Loads all the numbers from the cache; returns the last batch."""
    images = torch.empty(0)
    for batch in numbers.reshape(-1, BATCH):
        images = dataset.batch(batch, SEED, flip=True, rotate=degrees).images
    return images


def images_per_second(load: Callable[[], torch.Tensor], count: int) -> float:
    """Times one call."""
    start = time.perf_counter()
    load()
    return count / (time.perf_counter() - start)


def resident_mb() -> float:
    """Returns the memory of this process without the pages of mapped files, which the system takes back at will."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) / 1024


def measure_growth(dataset: Dataset, epochs: int) -> float | None:
    """Returns how many MB more the process holds in the second half of the epochs than in the first, by the medians.

    The allocator keeps a batch or two, or gives them back, as it likes: single moments differ by a few MB.
    """
    if not Path("/proc/self/status").exists():
        return None
    held = []
    size = len(dataset) // BATCH * BATCH
    for epoch in range(epochs):
        cached(dataset, epoch * size + np.arange(size), 0.0)
        held.append(resident_mb())
    half = epochs // 2
    return statistics.median(held[half:]) - statistics.median(held[:half])


def main() -> None:
    """Prints the table and the figures."""
    parser = argparse.ArgumentParser(description="Batches from the cache against decoding in every epoch.")
    parser.add_argument("--batches", type=int, default=16, help="a run")
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts")
    parser.add_argument("--epochs", type=int, default=12, help="over which memory is watched")
    options = parser.parse_args()
    torch.set_num_threads(1)
    numbers = np.arange(options.batches * BATCH)
    console, table = Console(), Table("augmentation", "decoding, images/s", "cache, images/s", "ratio", box=None)
    figures: dict[str, float | str | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(os.environ.get("SAKUGA_DATA", ""), "getchu64.zip")
        if not os.environ.get("SAKUGA_DATA"):
            path = write_archive(open_dataset("synthetic:1000"), Path(folder, "synthetic.zip"))
        dataset = open_dataset(path)
        for name, key, degrees in (("flips", "_flips", 0.0), ("flips, rotation", "", DEGREES)):
            theirs, ours = (
                lambda d=degrees: decoding(path, dataset, numbers, d),
                lambda d=degrees: cached(dataset, numbers, d),
            )
            torch.testing.assert_close(theirs(), ours())  # the same work, and everything warm
            speeds = [[images_per_second(side, len(numbers)) for side in (theirs, ours)] for _ in range(options.runs)]
            decoded, mapped = (statistics.median(speed[i] for speed in speeds) for i in (0, 1))
            ratio = statistics.median(fast / slow for slow, fast in speeds)
            table.add_row(name, f"{decoded:,.0f}", f"{mapped:,.0f}", f"{ratio:.1f}")
            figures |= {f"decoding{key}": round(decoded), f"cache{key}": round(mapped), f"ratio{key}": round(ratio, 2)}
        growth = measure_growth(dataset, options.epochs)
    console.print(table)
    console.print(
        f"{dataset.name}, {len(dataset):,} pictures of {dataset.resolution}x{dataset.resolution}, batch {BATCH}"
    )
    if growth is not None:
        console.print(f"memory, second half of {options.epochs} epochs against the first: {growth:+.1f} MB")
    print(json.dumps(figures | {"memory_growth_mb": growth and round(growth, 2), "data": dataset.name}))


if __name__ == "__main__":
    main()
