import numpy as np
import pytest

from sakuga.evaluation.measured import measure
from sakuga.evaluation.memorization import closeness, neighbor_sheet, pixel_closeness, rows_to_show


def test_new_vectors_score_like_real_ones_and_copies_are_caught():
    random = np.random.RandomState(0)
    real, new = random.randn(2000, 5), random.randn(1000, 5)
    fresh, copied, far = (closeness(x, real) for x in (new, real[:1000] + 1e-3, new + 10))
    assert fresh.ratio == pytest.approx(1, abs=0.1)
    assert fresh.near_copies == pytest.approx(0.01, abs=0.015)
    assert copied.ratio < 0.05
    assert copied.near_copies > 0.95
    np.testing.assert_array_equal(copied.indices[:, 0], np.arange(1000))
    assert far.ratio > 5
    assert far.near_copies == 0


def test_pixels_find_copies_and_mirrored_copies(dataset, draw):
    copies, mirrored = dataset.images[[7, 30]], dataset.images[[9]][:, :, ::-1]
    found = pixel_closeness(np.concatenate([copies, mirrored, draw(2, seed=9)]), dataset)
    assert found.indices[:3, 0].tolist() == [7, 30, 9]
    np.testing.assert_allclose(found.distances[:3, 0], 0, atol=1e-6)
    assert found.near_copies == pytest.approx(0.6)


def test_pixel_distance_is_the_root_mean_square(dataset):
    brighter = dataset.images[:1] + np.uint8(2)
    assert pixel_closeness(brighter, dataset).distances[0, 0] == pytest.approx(2 / 255, rel=1e-3)


def test_rows_are_the_closest_then_the_first():
    assert rows_to_show(np.array([5.0, 1, 4, 0, 3]), 4).tolist() == [3, 1, 0, 2]
    assert rows_to_show(np.array([2.0, 1]), 16).tolist() == [1, 0]


def test_sheet_shows_samples_beside_their_neighbors(extractor, dataset, draw):
    indices = dataset.indices_every(4)
    samples = np.concatenate([draw(5, seed=9), dataset.images[[40]]])
    by_features = closeness(measure(samples, extractor).features, measure(dataset.images[indices], extractor).features)
    assert indices[by_features.indices[5, 0]] == 40
    sheet = neighbor_sheet(samples, dataset, by_features, indices, pixel_closeness(samples, dataset), rows=4)
    # 4 rows of 1 sample, 5 neighbors by features and 3 by pixels with a gap before each kind, at 4 times their size.
    assert sheet.shape[0] > 4 * 66
    assert sheet.shape[1] > 11 * 66
    copy = dataset.images[40].repeat(4, 0).repeat(4, 1)
    windows = np.lib.stride_tricks.sliding_window_view(sheet[:200, ..., 0], (64, 64))[:60]
    places = np.argwhere((windows == copy[..., 0]).all((2, 3)))
    top, left = places[0]
    # The copied sample is nearest of all: the first row, with the picture itself as first neighbor of both kinds.
    assert places.tolist() == [[top, left], [top, left + 2 * 66], [top, left + 8 * 66]]
