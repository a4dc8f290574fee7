"""One pass over pictures that takes all that the metrics need; kept in the cache for the real side."""

import hashlib
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sakuga.core import files
from sakuga.core.progress import tracked
from sakuga.core.words import counted
from sakuga.data.dataset import Dataset
from sakuga.evaluation.pictures import Subset
from sakuga.evaluation.statistics import STATISTICS, statistics_of
from sakuga.features.extractor import Extractor, Pictures

VERSION = 1
"""Raised whenever the same pictures would be measured otherwise, so that older caches are not read."""

THUMBNAIL = 16


@dataclass(frozen=True)
class Measured:
    """What is known about each of N pictures.

    Attributes:
        features: float32 `[N, F]`.
        statistics: float32 `[N, 5]`, in the order of `STATISTICS`.
    """

    features: np.ndarray
    statistics: np.ndarray


def measure(images: Pictures, extractor: Extractor, batch_size: int = 16, progress: str = "") -> Measured:
    """Measures each picture.

    Args:
        images: uint8 `[N, H, W, 3]`, read once, in slices.
        extractor: Gives the features.
        batch_size: Pictures at a time.
        progress: What the progress bar on stderr says; no bar if empty.
    """
    features = np.empty((len(images), extractor.num_features), np.float32)
    statistics = np.empty((len(images), len(STATISTICS)), np.float32)
    for start in tracked(range(0, len(images), batch_size), progress):
        batch = images[start : start + batch_size]
        rows = slice(start, start + len(batch))
        features[rows], statistics[rows] = extractor.features(batch, batch_size), statistics_of(batch)
    return Measured(features, statistics)


def measure_real(
    dataset: Dataset, indices: np.ndarray, extractor: Extractor, batch_size: int = 16, progress: bool = False
) -> Measured:
    """Measures pictures of a data set, or takes what an earlier run found from the cache.

    Args:
        dataset: The real pictures.
        indices: int64 `[N]`, which of them.
        extractor: Gives the features.
        batch_size: Pictures at a time.
        progress: Whether to draw a progress bar on stderr.
    """
    place = _place(dataset, indices, extractor)
    try:
        with np.load(place) as kept:
            return Measured(kept["features"], kept["statistics"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    tell_once("Measuring", indices, dataset)
    title = f"Measuring {len(indices):,} real pictures" if progress else ""
    measured = measure(Subset(dataset.images, indices), extractor, batch_size, title)
    with files.writing(place) as temporary, open(temporary, "wb") as file:
        np.savez(file, features=measured.features, statistics=measured.statistics)
    return measured


def tell_once(what: str, indices: np.ndarray, dataset: Dataset) -> None:
    """Says on stderr, bar or not, that real pictures are gone through: it takes minutes, and is kept in the cache."""
    print(f"{what} {counted(len(indices), 'real picture')} of {dataset.name}, once.", file=sys.stderr)


def thumbnails(images: Pictures, progress: str = "", most: int | None = None) -> np.ndarray:
    """Shrinks each picture, or the first ones, to 16x16 by averaging.

    Returns:
        float32 `[N, 768]` in [0, 1].
    """
    count = len(images) if most is None else min(most, len(images))
    small = np.empty((count, THUMBNAIL, THUMBNAIL, 3), np.float32)
    for start in tracked(range(0, count, 64), progress):
        for i, image in enumerate(images[start : min(start + 64, count)], start):
            small[i] = np.asarray(Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))
    return small.reshape(count, -1) / 255


def _place(dataset: Dataset, indices: np.ndarray, extractor: Extractor) -> Path:
    content = dataset.fingerprint
    if not content:  # a set that was made in memory
        content = hashlib.blake2b(dataset.images[indices].tobytes(), digest_size=16).hexdigest()
    which = f"{VERSION}\0{content}\0{dataset.images.shape}\0{extractor.sha256}\0{extractor.resize}\0"
    digest = hashlib.blake2b(which.encode() + indices.astype(np.int64).tobytes(), digest_size=16)
    return files.cache_folder() / "features" / f"{extractor.name}-{digest.hexdigest()}.npz"
