"""Euclidean distances between sets of vectors, in blocks of rows so that large sets fit in memory."""

from collections.abc import Iterator

import numpy as np

BLOCK = 512


def distance_blocks(x: np.ndarray, y: np.ndarray, block: int = BLOCK) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields slices of rows of `x` with their distances to all of `y`.

    Args:
        x: float `[N, F]`.
        y: float `[M, F]`.
        block: Rows of `x` at a time.

    Yields:
        A slice of n rows and float64 `[n, M]`.
    """
    y = y.astype(np.float64)
    y_squared = np.einsum("ij,ij->i", y, y)
    for start in range(0, len(x), block):
        rows = slice(start, min(start + block, len(x)))
        part = x[rows].astype(np.float64)
        squared = np.einsum("ij,ij->i", part, part)[:, None] + y_squared - 2 * part @ y.T
        yield rows, np.sqrt(squared.clip(min=0))


def nearest(x: np.ndarray, y: np.ndarray, k: int = 1, skip: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Finds the k nearest rows of `y` to each row of `x`.

    Args:
        x: float `[N, F]`.
        y: float `[M, F]`.
        k: How many; M, or M - 1 with `skip`, if that is smaller.
        skip: int `[N]`, a row of `y` that does not count for each row of `x`: itself, where `x` is part of `y`.

    Returns:
        Distances float64 `[N, k]`, growing, and indices int64 `[N, k]`.
    """
    k = min(k, len(y) - (skip is not None))
    distances, indices = np.empty((len(x), k)), np.empty((len(x), k), np.int64)
    for rows, block in distance_blocks(x, y):
        if skip is not None:
            block[np.arange(len(block)), skip[rows]] = np.inf
        best = np.argpartition(block, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(block, best, 1)
        order = np.argsort(values, axis=1, kind="stable")
        distances[rows] = np.take_along_axis(values, order, 1)
        indices[rows] = np.take_along_axis(best, order, 1)
    return distances, indices
