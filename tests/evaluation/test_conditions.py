import numpy as np
import pytest

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.data.dataset import Dataset
from sakuga.evaluation.conditions import labels_like_data
from sakuga.training.fake_labels import FakeLabels

DATA = LabelSchema(
    attributes=(
        Attribute(name="eyes", values=("red", "blue")),
        Attribute(name="hair", values=("black", "pink", "gray")),
    )
)
MODEL = LabelSchema(attributes=(Attribute(name="hair", values=("pink", "black")),))


def dataset(labels):
    return Dataset(np.zeros((len(labels), 8, 8, 3), np.uint8), np.array(labels, np.int64), DATA)


def test_frequencies_are_the_datas_and_names_decide():
    # Hair: 30 pink, 10 black, 5 gray (unknown to the model), 5 unknown.
    data = dataset([[0, 1]] * 30 + [[1, 0]] * 10 + [[0, 2]] * 5 + [[0, -1]] * 5)
    labels, chosen = labels_like_data(data, MODEL, 4000)
    assert labels.shape == (4000, 1)
    assert np.bincount(labels[:, 0]) / 4000 == pytest.approx([0.75, 0.25], abs=0.03)
    assert chosen == "the data's own frequencies"
    np.testing.assert_array_equal(labels_like_data(data, MODEL, 4000)[0], labels)
    np.testing.assert_array_equal(labels_like_data(data, MODEL, 100)[0], labels[:100])
    assert (labels_like_data(data, MODEL, 4000, seed=1)[0] != labels).any()


def test_attributes_stay_together():
    data = dataset([[0, 0]] * 5 + [[1, 2]] * 5 + [[-1, 1]] * 5)
    labels, _ = labels_like_data(data, DATA, 200)
    assert {tuple(row) for row in labels.tolist()} == {(0, 0), (1, 2)}


def test_data_without_labels_gives_every_value():
    labels, chosen = labels_like_data(Dataset(np.zeros((20, 8, 8, 3), np.uint8)), DATA, 600)
    assert np.bincount(labels[:, 1]) / 600 == pytest.approx([1 / 3] * 3, abs=0.07)
    assert "every value equally likely" in chosen
    assert labels_like_data(dataset([[0, 0]]), LabelSchema(), 5)[0].shape == (5, 0)


def test_labels_that_no_picture_has_all_of_are_as_frequent_as_in_training_and_drawing():
    rows = np.array([[0, -1]] * 19 + [[1, -1]] + [[-1, 1]] * 18 + [[-1, 0]] * 2)
    labels, chosen = labels_like_data(dataset(rows), DATA, 4000)
    expected = [19 / 20, 1 / 20], [0.1, 0.9, 0]
    in_training = FakeLabels(rows, DATA, "data", 0)(np.arange(4000))
    for found in (labels, in_training):
        for column, shares in enumerate(expected):
            assert np.bincount(found[:, column], minlength=len(shares)) / 4000 == pytest.approx(shares, abs=0.02)
    assert chosen == "the data's own frequencies"


def test_an_attribute_that_the_data_does_not_tell_is_named():
    labels, chosen = labels_like_data(dataset([[-1, 2]] * 3), DATA, 4000)
    assert set(labels[:, 1]) == {2}
    assert labels[:, 0].mean() == pytest.approx(0.5, abs=0.03)
    assert chosen == "the data's own frequencies; every value of eyes equally likely (the data does not tell)"
