"""Precision and recall, density and coverage: quality and variety apart.

Papers: Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019; Naeem et al.,
"Reliable Fidelity and Diversity Metrics for Generative Models", 2020. A set of pictures is seen as the union of balls
around its features, each as wide as the distance to the k-th nearest neighbor within the set.
"""

from typing import NamedTuple

import numpy as np

from sakuga.evaluation.neighbors import distance_blocks, nearest


class PRDC(NamedTuple):
    """Precision, recall, coverage in [0, 1]; density is not negative and can exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: np.ndarray, fake: np.ndarray, k: int = 3, k_density: int = 5) -> PRDC:
    """Computes the four.

    Args:
        real: float `[N, F]`.
        fake: float `[M, F]`.
        k: The neighbor that sets the radius for precision and recall (3 in the paper).
        k_density: The same for density and coverage (5 in the paper).

    Returns:
        The share of fakes inside the reals' balls; of reals inside the fakes' balls; the mean number of reals' balls
        that hold a fake, over k_density; the share of reals whose ball holds a fake.

    Raises:
        ValueError: If there are not more than k pictures on each side.
    """
    most = max(k, k_density)
    if min(len(real), len(fake)) <= most:
        raise ValueError(f"the {most}-th nearest neighbor needs more than {most} feature vectors on each side")
    within_real = nearest(real, real, most, skip=np.arange(len(real)))[0]
    real_radii, density_radii = within_real[:, k - 1], within_real[:, k_density - 1]
    fake_radii = nearest(fake, fake, k, skip=np.arange(len(fake)))[0][:, k - 1]
    recalled, covered = np.empty(len(real), bool), np.empty(len(real), bool)
    precise, balls = np.zeros(len(fake), bool), np.zeros(len(fake), np.int64)
    for rows, distances in distance_blocks(real, fake):
        recalled[rows] = (distances <= fake_radii).any(1)
        precise |= (distances <= real_radii[rows, None]).any(0)
        inside = distances <= density_radii[rows, None]
        covered[rows] = inside.any(1)
        balls += inside.sum(0)
    return PRDC(float(precise.mean()), float(recalled.mean()), float(balls.mean() / k_density), float(covered.mean()))
