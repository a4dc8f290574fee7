import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.core.errors import UserError
from sakuga.core.random import permutation
from sakuga.data.dataset import Dataset
from sakuga.data.sampling import balanced_weights, columns_to_balance, count_labels, drawn_by_weight

SCHEMA = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "black", "red")),
        Attribute(name="eyes", values=("blue", "green")),
    )
)


def _labels(*cells):
    """Returns the labels of so many pictures of each cell, mixed."""
    rows = np.array([labels for *labels, count in cells for _ in range(count)])
    return rows[permutation(len(rows), "mix")]


SKEWED = _labels((0, 0, 5), (0, 1, 10), (1, 0, 400), (1, 1, 50), (2, 0, 20), (2, 1, 15))


def balanced_indices(labels, columns, numbers, seed):
    """Returns which pictures are drawn at places of the endless balanced order: what a data set does, at once."""
    epochs, places = np.divmod(numbers, len(labels))
    orders = {epoch: permutation(len(labels), seed, "order", epoch) for epoch in np.unique(epochs).tolist()}
    shuffled = np.array([orders[e][p] for e, p in zip(epochs.tolist(), places.tolist(), strict=True)], np.int64)
    return drawn_by_weight(np.cumsum(balanced_weights(labels, columns)), shuffled, numbers, seed)


def _share(labels, weights, column, size):
    """Returns the weight of unknown and of each value."""
    return np.bincount(labels[:, column] + 1, weights, size + 1)


def test_values_of_one_attribute_are_equally_likely():
    weights = balanced_weights(SKEWED, [0])
    assert weights.sum() == pytest.approx(1)
    assert _share(SKEWED, weights, 0, 3) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    # Pictures of one value weigh the same, as one attribute cannot tell them apart.
    assert np.ptp(weights[SKEWED[:, 0] == 1]) == 0


def test_two_attributes_are_balanced_together():
    weights = balanced_weights(SKEWED, [0, 1])
    assert _share(SKEWED, weights, 0, 3) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3], abs=1e-6)
    assert _share(SKEWED, weights, 1, 2) == pytest.approx([0, 1 / 2, 1 / 2], abs=1e-6)


def test_what_goes_together_in_the_data_still_does():
    weights = balanced_weights(SKEWED, [0, 1])

    def cell(hair, eyes):
        chosen = (SKEWED[:, 0] == hair) & (SKEWED[:, 1] == eyes)
        return weights[chosen].sum(), chosen.sum()

    # Fitting keeps the odds ratios of the table.
    (a, na), (b, nb), (c, nc), (d, nd) = (cell(hair, eyes) for hair in (0, 1) for eyes in (0, 1))
    assert (a * d) / (b * c) == pytest.approx((na * nd) / (nb * nc))


def test_a_balanced_set_keeps_equal_weights():
    labels = _labels((0, 0, 4), (0, 1, 4), (1, 0, 4), (1, 1, 4))
    assert balanced_weights(labels, [0, 1]) == pytest.approx(np.full(16, 1 / 16))
    assert balanced_weights(SKEWED, []) == pytest.approx(np.full(500, 1 / 500))


def test_unknown_labels_are_as_frequent_as_in_the_data():
    labels = _labels((0, 0, 10), (1, 1, 50), (0, -1, 10), (1, -1, 10), (-1, 0, 5), (-1, -1, 15))
    weights = balanced_weights(labels, [0, 1])
    assert _share(labels, weights, 0, 2) == pytest.approx([0.2, 0.4, 0.4], abs=1e-6)
    assert _share(labels, weights, 1, 2) == pytest.approx([0.35, 0.325, 0.325], abs=1e-6)


def test_combinations_that_allow_no_balance_are_drawn_all_the_same():
    # Two of three hairs have blue eyes alone: 2/3 blue at least.
    labels = _labels((0, 0, 10), (1, 0, 10), (2, 0, 10), (2, 1, 2))
    weights = balanced_weights(labels, [0, 1])
    assert weights.min() > 0 and weights.sum() == pytest.approx(1)
    before, after = np.mean(labels[:, 1] == 1), _share(labels, weights, 1, 2)[2]
    assert before < after < 0.51


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1)), min_size=1, max_size=40))
def test_any_labels_give_weights(rows):
    weights = balanced_weights(np.array(rows, np.int64), [0, 1])
    assert np.isfinite(weights).all() and (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


def test_an_epoch_draws_each_picture_its_share_give_or_take_one():
    count = len(SKEWED)
    weights = balanced_weights(SKEWED, [0, 1])
    for epoch in range(3):
        drawn = balanced_indices(SKEWED, [0, 1], np.arange(epoch * count, (epoch + 1) * count), seed=4)
        found = np.bincount(drawn, minlength=count)
        assert np.abs(found - weights * count).max() < 2
        hair = np.bincount(SKEWED[drawn, 0], minlength=3)
        assert np.abs(hair - count / 3).max() <= 20
    assert drawn.dtype == np.int64


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=9), st.integers(0, 2**31))
def test_a_draw_is_a_pure_function_of_seed_and_number(numbers, seed):
    together = balanced_indices(SKEWED, [0], np.array(numbers), seed)
    alone = [int(balanced_indices(SKEWED, [0], np.array([n]), seed)[0]) for n in reversed(numbers)]
    assert together.tolist() == alone[::-1]


def test_seeds_differ():
    numbers = np.arange(100)
    assert (balanced_indices(SKEWED, [0], numbers, 1) != balanced_indices(SKEWED, [0], numbers, 2)).any()


@pytest.fixture(scope="module")
def dataset(paint):
    return Dataset(paint(500, size=8), SKEWED, SCHEMA)


def test_a_data_set_draws_the_same(dataset):
    numbers = np.arange(900, 1100)
    batch = dataset.batch(numbers, 7, balance=("hair", "eyes"))
    np.testing.assert_array_equal(batch.indices, balanced_indices(SKEWED, [0, 1], numbers, 7))
    np.testing.assert_array_equal(batch.labels, SKEWED[batch.indices])
    assert (batch.indices != dataset.batch(numbers, 7).indices).any()


def test_a_balanced_data_set_is_read_in_its_usual_order(paint):
    labels = _labels((0, 0, 4), (1, 0, 4), (2, 0, 4), (0, 1, 4), (1, 1, 4), (2, 1, 4))
    dataset = Dataset(paint(24, size=8), labels, SCHEMA)
    numbers = np.arange(72)
    np.testing.assert_array_equal(dataset.index(numbers, 3, ("hair", "eyes")), dataset.index(numbers, 3))


def test_a_value_without_pictures_is_named():
    labels = _labels((0, 0, 5), (2, 0, 5), (-1, 1, 5))
    assert columns_to_balance(labels, SCHEMA, ["eyes"]) == (1,)
    with pytest.raises(UserError, match="hair cannot be balanced, for no picture has hair=black"):
        columns_to_balance(labels, SCHEMA, ["eyes", "hair"])
    with pytest.raises(UserError, match="hair=aqua, black, red"):
        columns_to_balance(np.full((5, 2), -1), SCHEMA, ["hair"])


def test_an_unknown_attribute_is_refused(dataset):
    with pytest.raises(UserError, match="No attribute 'hat': did you mean 'hair'"):
        dataset.batch(np.arange(4), 0, balance=("hat",))


def test_labels_are_counted():
    labels = _labels((0, 0, 5), (2, 1, 3), (-1, 1, 2), (-1, -1, 4))
    assert count_labels(labels) == (((-1, 1), 2), ((0, 0), 5), ((2, 1), 3))
    assert count_labels(np.zeros((4, 0), np.int64)) == ()
