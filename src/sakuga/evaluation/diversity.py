"""Diversity: how far apart samples are, relative to real pictures.

Mean distances of pairs in the features of a network, as Zhu et al., "Toward Multimodal Image-to-Image Translation",
2017, took them with LPIPS. Unlike recall and coverage it does not ask whether the variety is that of the data: noise is
varied as well, so that it says something only beside precision.
"""

import numpy as np

from sakuga.configs.labels import UNKNOWN
from sakuga.evaluation.neighbors import distance_blocks
from sakuga.evaluation.pictures import evenly_spaced
from sakuga.evaluation.result import Diversity

MIN_PICTURES = 4
"""Pictures that a condition needs on both sides for its diversity to count."""

_COMPARED = 2000


def diversity(fake: np.ndarray, real: np.ndarray) -> float:
    """Computes the mean distance of two samples over that of two real pictures: 1 is as varied as the data.

    Args:
        fake: Features of the samples, float `[N, F]`; evenly spaced ones are taken of more than 2,000.
        real: Features of the real pictures, float `[M, F]`, likewise.
    """
    of_fake, of_real = (_mean_distance(x[evenly_spaced(len(x), _COMPARED)]) for x in (fake, real))
    return of_fake / max(of_real, 1e-12)


def diversity_within(
    fake: np.ndarray, fake_labels: np.ndarray, real: np.ndarray, real_labels: np.ndarray
) -> Diversity | None:
    """Compares the mean distance of two samples of one condition to that of two real pictures of the same condition.

    Every condition with at least `MIN_PICTURES` on both sides counts alike.

    Args:
        fake: Features of the samples, float `[N, F]`.
        fake_labels: Their labels, int64 `[N, num_attributes]`.
        real: Features of the real pictures, float `[M, F]`.
        real_labels: Their labels, of the same schema; rows with an unknown one do not count.

    Returns:
        None if no condition has enough pictures.
    """
    of_fake, of_real = _groups(fake_labels), _groups(real_labels)
    shared = sorted(of_fake.keys() & of_real.keys())
    if not shared:
        return None
    sides = (fake, of_fake), (real, of_real)
    within = [np.mean([_mean_distance(x[groups[c]]) for c in shared]) for x, groups in sides]
    return Diversity(within=float(within[0] / max(within[1], 1e-12)), conditions=len(shared))


def _groups(labels: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    rows, inverse = np.unique(labels, axis=0, return_inverse=True)
    members = {tuple(row): np.flatnonzero(inverse.ravel() == i) for i, row in enumerate(rows.tolist())}
    return {row: m for row, m in members.items() if UNKNOWN not in row and len(m) >= MIN_PICTURES}


def _mean_distance(x: np.ndarray) -> float:
    """Returns the mean Euclidean distance of two different rows."""
    total = sum(float(block.sum()) - float(np.trace(block, rows.start)) for rows, block in distance_blocks(x, x))
    return total / (len(x) * (len(x) - 1))
