import numpy as np
import pytest

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.data.dataset import Dataset
from sakuga.data.report import channel_statistics, label_counts, size_on_disk


def test_statistics_are_those_of_all_pixels():
    images = np.random.RandomState(0).randint(0, 256, (1500, 8, 8, 3)).astype(np.uint8)
    mean, deviation = channel_statistics(images)
    np.testing.assert_allclose(mean, images.mean((0, 1, 2)))
    np.testing.assert_allclose(deviation, images.std((0, 1, 2)))


def test_label_counts_show_the_unknown():
    schema = LabelSchema(attributes=(Attribute(name="hair", values=("blue", "red", "white")),))
    dataset = Dataset(np.zeros((4, 8, 8, 3), np.uint8), np.array([[1], [1], [-1], [0]]), schema)
    assert label_counts(dataset) == {"hair": {"blue": 1, "red": 2, "white": 0, "(unknown)": 1}}


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_size_on_disk(make, name):
    path = make(name, {"a/b.png": bytes(100), "c.png": bytes(50)})
    assert size_on_disk(str(path)) == (150 if name == "set" else path.stat().st_size)
    assert size_on_disk("synthetic") == 0
