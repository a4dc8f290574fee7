import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sakuga.evaluation.neighbors import distance_blocks, nearest


def vectors(count, seed):
    return np.random.RandomState(seed).randn(count, 6).astype(np.float32)


def test_blocks_join_to_all_distances():
    x, y = vectors(23, 0), vectors(11, 1)
    found = np.empty((23, 11))
    for rows, block in distance_blocks(x, y, block=7):
        found[rows] = block
    np.testing.assert_allclose(found, cdist(x, y), atol=1e-6)


def test_nearest_are_in_order_and_skip_themselves():
    x = vectors(700, 0)  # more than one block
    everything = cdist(x, x)
    np.fill_diagonal(everything, np.inf)
    distances, indices = nearest(x, x, k=3, skip=np.arange(700))
    np.testing.assert_array_equal(indices, np.argsort(everything, 1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(everything, 1)[:, :3], atol=1e-6)


def test_a_copy_is_at_distance_zero_and_k_is_limited():
    x = vectors(4, 0)
    distances, indices = nearest(x[2:3], x, k=10)
    assert indices.shape == (1, 4)
    assert indices[0, 0] == 2
    assert distances[0, 0] == pytest.approx(0, abs=1e-6)
