"""The kernel distance between two sets of features.

Paper: Binkowski et al., "Demystifying MMD GANs", 2018, section 4: unbiased squared maximum mean discrepancy with the
kernel `(x.y / F + 1)^3`. It is the KID only on the features of the 2015 Inception.
"""

from typing import NamedTuple

import numpy as np

from sakuga.core.random import permutation


class KernelDistance(NamedTuple):
    """Mean and standard deviation of the squared MMD over random subsets."""

    mean: float
    std: float
    subsets: int
    subset_size: int


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, subsets: int = 20, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Computes the squared MMD of random subsets, each drawn without repetition.

    Args:
        real: float `[N, F]`, N at least 2.
        fake: float `[M, F]`, M at least 2.
        subsets: How many subsets; one, if it is all there is on both sides, and its deviation is 0.
        subset_size: Their size; N or M, if those are smaller.
        seed: Names the subsets.
    """
    size = min(subset_size, len(real), len(fake))
    if size < 2:
        raise ValueError("the kernel distance needs at least 2 feature vectors on each side")
    if size == len(real) == len(fake):
        subsets = 1
    values = [
        squared_mmd(
            real[permutation(len(real), seed, "kid real", i)[:size]],
            fake[permutation(len(fake), seed, "kid fake", i)[:size]],
        )
        for i in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), subsets, size)


def squared_mmd(real: np.ndarray, fake: np.ndarray) -> float:
    """Computes the unbiased squared MMD of float `[n, F]` and `[m, F]`; it may be slightly negative."""
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    within = 0.0
    for x in (real, fake):
        kernel = _kernel(x, x)
        within += (kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1))
    return float(within - 2 * _kernel(real, fake).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3
