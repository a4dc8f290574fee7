import numpy as np
import pytest

from sakuga.core.random import uniform
from sakuga.data.dataset import open_dataset
from sakuga.data.drawn_face import EYE_COLORS, SKIN_COLORS
from sakuga.data.drawn_hair import HAIR_COLORS
from sakuga.data.synthetic import ATTRIBUTES, SCHEMA, draw, face

# Of the first four faces.
MEAN_COLORS = [[158.9, 148.7, 154.6], [165.1, 148.6, 156.4], [191.3, 203.4, 183.7], [173.5, 143.6, 183.1]]


def test_a_face_is_a_pure_function_of_seed_and_number():
    for number, seed in ((0, 0), (7, 0), (10**9, 3)):
        (first, labels), (second, again) = draw(number, 32, seed), draw(number, 32, seed)
        np.testing.assert_array_equal(first, second)
        assert labels == again
    assert (draw(1, 32)[0] != draw(2, 32)[0]).any()
    assert (draw(1, 32, seed=0)[0] != draw(1, 32, seed=1)[0]).any()


def test_the_drawing_has_not_changed():
    # Others train and measure on these pictures: whoever changes them on purpose raises synthetic.DRAWING.
    means = [draw(number)[0].mean((0, 1)) for number in range(4)]
    np.testing.assert_allclose(means, MEAN_COLORS, atol=1)


@pytest.mark.parametrize("resolution", [8, 32, 64, 100])
def test_any_resolution(resolution):
    image, labels = draw(5, resolution)
    assert image.shape == (resolution, resolution, 3)
    assert image.dtype == np.uint8
    assert len(labels) == len(SCHEMA.sizes)


def test_labels_are_what_is_drawn():
    for number in range(30):
        parameters = face(number)
        assert draw(number, 16)[1] == SCHEMA.encode(parameters.labels)


def test_every_value_of_every_attribute_is_drawn():
    labels = np.array([SCHEMA.encode(face(number).labels) for number in range(600)])
    for attribute, column in zip(SCHEMA.attributes, labels.T, strict=True):
        assert set(column) == set(range(len(attribute.values))), attribute.name


def test_every_color_has_a_paint():
    assert set(ATTRIBUTES["hair"]) == set(HAIR_COLORS)
    assert set(ATTRIBUTES["eyes"]) == set(EYE_COLORS)
    assert set(ATTRIBUTES["skin"]) == set(SKIN_COLORS)


@pytest.mark.parametrize(
    ("attribute", "rows", "columns"), [("hair", slice(14, 26), slice(20, 44)), ("eyes", slice(34, 44), slice(14, 50))]
)
def test_colors_are_where_they_belong(attribute, rows, columns):
    """Hair color is seen on the crown and eye color at the height of the eyes: the label predicts the mean color."""
    images, labels = zip(*(draw(number) for number in range(300)), strict=True)
    column = np.array(labels)[:, list(ATTRIBUTES).index(attribute)]
    colors = np.stack(images)[:, rows, columns].reshape(300, -1, 3).mean(1)
    centers = np.stack([colors[column == value].mean(0) for value in range(len(ATTRIBUTES[attribute]))])
    explained = ((centers[column] - colors.mean(0)) ** 2).sum() / ((colors - colors.mean(0)) ** 2).sum()
    assert explained > (0.8 if attribute == "hair" else 0.1)


def test_the_built_in_set():
    dataset = open_dataset("synthetic:20", 32)
    assert dataset.images.shape == (20, 32, 32, 3)
    assert dataset.schema == SCHEMA
    for number in (0, 19):
        image, labels = draw(number, 32)
        np.testing.assert_array_equal(dataset.images[number], image)
        assert tuple(dataset.labels[number]) == labels
    assert open_dataset("synthetic:20", 32).fingerprint == dataset.fingerprint
    assert open_dataset("synthetic:16").resolution == 64


def test_chances_are_independent():
    numbers = np.array([face(n).chance for n in range(500)])
    assert abs(np.corrcoef(numbers.T) - np.eye(numbers.shape[1])).max() < 0.2
    assert numbers.shape[1] == len(uniform(np.arange(64), 0)) - 32
