import numpy as np
import pytest

from sakuga.core.label_distribution import LabelDistribution

NUMBERS = np.arange(8000)


def drawn(distribution, num_attributes, **options):
    return distribution.draw(NUMBERS, [("test", i) for i in range(num_attributes)], **options)


def test_three_attributes_are_drawn_from_their_joint_distribution():
    rows, weights = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]), np.array([1.0, 2.0, 3.0, 4.0])
    distribution = LabelDistribution(rows, (2, 2, 2), weights)
    for labels in (drawn(distribution, 3), distribution.draw_rows(NUMBERS, [("test",)] * 3)):
        found, counts = np.unique(labels, axis=0, return_counts=True)
        assert found.tolist() == rows.tolist()
        assert counts / 8000 == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.02)
    assert distribution.count((-1, 1, -1)) == 6


def test_pictures_without_labels_do_not_count():
    rows = np.array([[0, 1], [1, 0], [1, 0]])
    streams = [("test", 0), ("test", 1)]
    some = LabelDistribution(np.concatenate([rows, np.full((5, 2), -1)]), (2, 2))
    expected = LabelDistribution(rows, (2, 2)).draw_rows(NUMBERS, streams, ("rows",))
    assert np.array_equal(some.draw_rows(NUMBERS, streams, ("rows",)), expected)


def test_what_is_known_of_some_pictures_alone_counts():
    # 500 of one attribute and 500 of the other, a twentieth of each positive.
    positive = np.arange(500) % 20 == 0
    rows = np.full((1000, 2), -1)
    rows[:500, 0] = rows[500:, 1] = positive
    labels = LabelDistribution(rows, (2, 2)).draw_rows(NUMBERS, [("test", 0), ("test", 1)])
    assert labels.mean(0) == pytest.approx([0.05, 0.05], abs=0.01)


def test_the_given_ones_stay_and_unknown_attributes_are_equally_likely():
    distribution = LabelDistribution(np.array([[0, -1, 1], [1, -1, 0]]), (2, 4, 2))
    labels = drawn(distribution, 3, wanted=(1, -1, -1))
    assert set(labels[:, 0]) == {1} and set(labels[:, 2]) == {0}
    assert np.bincount(labels[:, 1]) / 8000 == pytest.approx([0.25] * 4, abs=0.02)
    assert distribution.known.tolist() == [True, False, True]
    assert not LabelDistribution(np.full((5, 2), -1), (2, 2))
    assert LabelDistribution(np.zeros((5, 0), np.int64), ()).draw_rows(NUMBERS[:4], []).shape == (4, 0)
