"""Numbers that describe a data set."""

import os
from pathlib import Path

import numpy as np

from sakuga.configs.labels import UNKNOWN
from sakuga.data.dataset import Dataset

_CHUNK = 1024


def channel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean and the standard deviation of each channel over all pixels.

    Args:
        images: uint8 `[N, H, W, 3]`, at least one.

    Returns:
        float64 `[3]` and `[3]`, on the scale 0..255.
    """
    counts = np.zeros((3, 256), np.int64)
    for start in range(0, len(images), _CHUNK):
        pixels = np.asarray(images[start : start + _CHUNK]).reshape(-1, 3)
        for channel in range(3):
            counts[channel] += np.bincount(pixels[:, channel], minlength=256)
    values, total = np.arange(256), counts[0].sum()
    mean = counts @ values / total
    return mean, np.sqrt(counts @ values**2 / total - mean**2)


def label_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Returns how many pictures have each value, and how many an unknown one, by attribute."""
    found = {}
    for attribute, column in zip(dataset.schema.attributes, dataset.labels.T, strict=True):
        counts = np.bincount(column[column != UNKNOWN], minlength=len(attribute.values))
        found[attribute.name] = dict(zip(attribute.values, counts.tolist(), strict=True))
        if unknown := int((column == UNKNOWN).sum()):
            found[attribute.name]["(unknown)"] = unknown
    return found


def size_on_disk(source: str) -> int:
    """Returns the bytes of a zip or of all files of a folder, 0 if there is no such path."""
    path = Path(source)
    if not path.is_dir():
        return path.stat().st_size if path.exists() else 0
    return sum(os.lstat(Path(folder, name)).st_size for folder, _, names in os.walk(path) for name in names)
