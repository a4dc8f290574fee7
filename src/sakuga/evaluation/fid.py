"""The Frechet distance between two sets of features, seen as Gaussians.

Paper: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017, eq. 6.
It is the FID only on the features of the 2015 Inception.
"""

from typing import NamedTuple

import numpy as np


class Gaussian(NamedTuple):
    """Mean `[F]` and covariance `[F, F]` of features, float64."""

    mean: np.ndarray
    covariance: np.ndarray


def gaussian_of(features: np.ndarray) -> Gaussian:
    """Returns the mean and the unbiased covariance of float `[N, F]`, N at least 2."""
    if len(features) < 2:
        raise ValueError(f"a covariance needs at least 2 feature vectors, not {len(features)}")
    features = features.astype(np.float64)
    mean = features.mean(0)
    centered = features - mean
    return Gaussian(mean, centered.T @ centered / (len(features) - 1))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Computes `|m_a - m_b|^2 + tr(C_a + C_b - 2 sqrt(C_a C_b))`.

    The trace of the root is the sum of the square roots of the eigenvalues of the symmetric `sqrt(C_a) C_b sqrt(C_a)`,
    which are real and not negative also where covariances are singular (fewer pictures than features).
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = vectors * np.sqrt(values.clip(min=0))
    product = root.T @ b.covariance @ root
    trace_of_root = np.sqrt(np.linalg.eigvalsh(product).clip(min=0)).sum()
    difference = a.mean - b.mean
    return float(difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * trace_of_root)
