"""Does a model repeat its training pictures? Samples beside their nearest ones, and distances with a yardstick.

A distance alone says nothing. The yardstick is how far a real picture is from the nearest other real one: samples that
lie much nearer to the training pictures than those lie to each other are copies.
"""

from typing import NamedTuple

import numpy as np

from sakuga.data.dataset import Dataset
from sakuga.evaluation.measured import THUMBNAIL, thumbnails
from sakuga.evaluation.neighbors import nearest
from sakuga.evaluation.pictures import Subset, evenly_spaced, pick
from sakuga.features.extractor import Pictures
from sakuga.reporting.sheets import labeled_sheet

MAX_QUERIES, MAX_SEARCHED = 1000, 50_000
COPY_QUANTILE = 0.01


class Closeness(NamedTuple):
    """How near samples are to training pictures.

    Attributes:
        ratio: Median distance from a sample to the nearest real picture, over the median distance from a real picture
            to the nearest other one. Far below 1: copies. Far above 1: samples unlike any real picture.
        near_copies: Share of the samples that are nearer to a real picture than 99% of the real ones are to their
            nearest other one; 0.01 is what new real pictures would score.
        distances: float64 `[N, k]` of each sample.
        indices: int64 `[N, k]`, which real pictures those are.
    """

    ratio: float
    near_copies: float
    distances: np.ndarray
    indices: np.ndarray


def closeness(fake: np.ndarray, real: np.ndarray, k: int = 5) -> Closeness:
    """Compares distances fake to real with distances real to other real.

    Args:
        fake: float `[N, F]`.
        real: float `[M, F]`, M at least 2.
        k: How many neighbors to return.
    """
    distances, indices = nearest(fake, real, k)
    yardstick = nearest(real, real, 1, skip=np.arange(len(real)))[0][:, 0]
    return _compare(distances, indices, yardstick)


def pixel_closeness(images: Pictures, dataset: Dataset, k: int = 3, progress: bool = False) -> Closeness:
    """Compares the first 1,000 samples with all training pictures, pixel by pixel at 16x16, mirrored ones too.

    Where there are more than 50,000 training pictures, that many are searched, evenly spaced.

    Args:
        images: uint8 `[N, H, W, 3]`.
        dataset: What the model was trained on.
        k: How many neighbors to return.
        progress: Whether to draw a progress bar on stderr.

    Returns:
        Distances are root mean squares over pixels in [0, 1]; indices are those of the data set.
    """
    searched = evenly_spaced(len(dataset), MAX_SEARCHED)
    title = f"Searching {len(searched):,} training pictures" if progress else ""
    real = thumbnails(Subset(dataset.images, searched), title)
    fake = thumbnails(images, most=MAX_QUERIES)
    compared = evenly_spaced(len(real), MAX_QUERIES)
    yardstick = _nearest_or_mirrored(real[compared], real, 1, skip=compared)[0][:, 0]
    distances, indices = _nearest_or_mirrored(fake, real, k)
    per_pixel = np.sqrt(real.shape[1])
    return _compare(distances / per_pixel, searched[indices], yardstick / per_pixel)


def neighbor_sheet(
    images: Pictures,
    dataset: Dataset,
    by_features: Closeness,
    real_indices: np.ndarray,
    by_pixels: Closeness,
    rows: int = 16,
) -> np.ndarray:
    """Draws samples beside the training pictures nearest to them: what is alike by features, and what by pixels.

    Args:
        images: uint8 `[N, H, W, 3]`, the samples.
        dataset: The training pictures.
        by_features: Neighbors of all samples among `real_indices`.
        real_indices: int64 `[M]`, which pictures of the data set those are.
        by_pixels: Neighbors of the first samples among all pictures.
        rows: How many samples; see `rows_to_show`.

    Returns:
        uint8 `[height, width, 3]`.
    """
    numbers = rows_to_show(by_features.distances[: len(by_pixels.indices), 0], rows)
    samples = pick(images, numbers)
    gap = np.full_like(samples[:1], 255)
    lines = []
    for sample, number in zip(samples, numbers, strict=True):
        alike = dataset.images[real_indices[by_features.indices[number]]]
        near = dataset.images[by_pixels.indices[number]]
        lines.append(np.concatenate([sample[None], gap, alike, gap, near]))
    features, pixels = by_features.indices.shape[1], by_pixels.indices.shape[1]
    captions = ["sample", "", *(f"by features {i + 1}" for i in range(features)), ""]
    return labeled_sheet(
        np.concatenate(lines),
        columns=len(lines[0]),
        row_captions=[f"{number}" for number in numbers],
        column_captions=[*captions, *(f"by pixels {i + 1}" for i in range(pixels))],
        title="Samples and the training pictures nearest to them",
        scale=max(1, 64 // dataset.resolution),
    )


def rows_to_show(distances: np.ndarray, count: int) -> np.ndarray:
    """Returns which samples to look at: first the nearest to the data, nearest first, then the first ones.

    Args:
        distances: float `[N]`, of each sample to its nearest training picture.
        count: How many at most; half of each kind.
    """
    closest = np.argsort(distances, kind="stable")[: count // 2]
    others = np.setdiff1d(np.arange(len(distances)), closest)
    return np.concatenate([closest, others[: count - len(closest)]])


def _compare(distances: np.ndarray, indices: np.ndarray, yardstick: np.ndarray) -> Closeness:
    usual = max(float(np.median(yardstick)), 1e-12)
    copies = (distances[:, 0] < np.quantile(yardstick, COPY_QUANTILE)).mean()
    return Closeness(float(np.median(distances[:, 0]) / usual), float(copies), distances, indices)


def _nearest_or_mirrored(
    x: np.ndarray, y: np.ndarray, k: int, skip: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    mirrored = x.reshape(-1, THUMBNAIL, THUMBNAIL, 3)[:, :, ::-1].reshape(x.shape)
    plain, flipped = nearest(x, y, k, skip), nearest(mirrored, y, k, skip)
    better = (flipped[0][:, 0] < plain[0][:, 0])[:, None]
    return np.where(better, flipped[0], plain[0]), np.where(better, flipped[1], plain[1])
