import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.core.errors import UserError
from sakuga.core.images import to_tensor
from sakuga.data.dataset import Dataset, open_dataset, rotated


@pytest.fixture(scope="module")
def dataset(paint) -> Dataset:
    schema = LabelSchema(attributes=(Attribute(name="number", values=tuple(map(str, range(20)))),))
    return Dataset(paint(20), np.arange(20)[:, None], schema)


def test_each_epoch_is_a_permutation_of_its_own(dataset):
    epochs = dataset.index(np.arange(60), seed=1).reshape(3, 20)
    assert (np.sort(epochs, axis=1) == np.arange(20)).all()
    assert (epochs[0] != epochs[1]).any()
    assert (epochs[0] != dataset.index(np.arange(20), seed=2)).any()


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=9), st.integers(0, 2**31))
def test_the_order_is_a_pure_function_of_seed_and_number(dataset, numbers, seed):
    together = dataset.index(np.array(numbers), seed)
    alone = [int(dataset.index(np.array([n]), seed)[0]) for n in reversed(numbers)]
    assert together.tolist() == alone[::-1]
    assert together.dtype == np.int64


def test_a_batch_is_the_pictures_at_its_indices(dataset):
    batch = dataset.batch(np.arange(30), 0)
    assert batch.images.dtype == torch.float32
    assert torch.equal(batch.images, to_tensor(dataset.images[batch.indices]))
    assert batch.labels.dtype == torch.int64
    np.testing.assert_array_equal(batch.labels[:, 0], batch.indices)


def test_flips_mirror_about_half_and_nothing_else(dataset):
    numbers = np.arange(2000)
    plain, flipped = (dataset.batch(numbers, 0, flip=flip).images for flip in (False, True))
    same = (plain == flipped).flatten(1).all(1)
    mirrored = (plain.flip(3) == flipped).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 900 < int(mirrored.sum()) < 1100


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_augmentation_is_a_pure_function_of_seed_and_number(dataset, numbers):
    together = dataset.batch(np.array(numbers), 5, flip=True, rotate=15)
    for image, number in zip(together.images, numbers, strict=True):
        alone = dataset.batch(np.array([number]), 5, flip=True, rotate=15)
        torch.testing.assert_close(alone.images[0], image)


def test_the_pictures_of_the_set_are_never_changed(paint):
    images = paint(20)
    dataset = Dataset(images.copy())
    dataset.batch(np.arange(40), 0, flip=True, rotate=15)
    np.testing.assert_array_equal(dataset.images, images)


def test_rotation_turns_counterclockwise_about_the_center():
    image = torch.rand(1, 3, 9, 9)
    torch.testing.assert_close(rotated(image, np.array([90.0])), torch.rot90(image, 1, (2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(rotated(image, np.array([0.0])), image, atol=1e-5, rtol=0)


def test_corners_are_filled_from_the_picture_and_not_with_black():
    light = torch.full((8, 3, 32, 32), 0.75)
    turned = rotated(light, np.linspace(-15, 15, 8))
    torch.testing.assert_close(turned, light, atol=1e-5, rtol=0)


def test_angles_are_uniform_within_the_limit(dataset):
    # The brightest half of a disk tells the angle: a picture that is a ramp to the right.
    ramp = np.broadcast_to(np.linspace(0, 255, 32).astype(np.uint8)[None, None, :, None], (20, 32, 32, 3))
    turned = Dataset(ramp.copy()).batch(np.arange(400), 0, rotate=15).images[:, 0, 12:20, 12:20]
    down = (turned[:, -1] - turned[:, 0]).mean(1)
    across = (turned[:, :, -1] - turned[:, :, 0]).mean(1)
    degrees = torch.rad2deg(torch.atan2(down, across)).numpy()
    assert 14 < np.abs(degrees).max() < 16
    assert abs(degrees.mean()) < 1.5
    assert abs(np.abs(degrees).mean() - 7.5) < 1


def test_every_fourth(dataset):
    assert dataset.indices_every(4).tolist() == [0, 4, 8, 12, 16]
    assert dataset.indices_every(4, offset=3).tolist() == [3, 7, 11, 15, 19]


def test_opening_a_folder_a_zip_and_its_pack_gives_the_same_set(make, pngs):
    pngs["labels.csv"] = b"file,hair\n00.png,red\n01.png,blue\n"
    folder, archive = (open_dataset(make(name, pngs)) for name in ("set", "set.zip"))
    assert folder.fingerprint == archive.fingerprint
    assert (folder.name, archive.name) == ("set", "set.zip")
    assert len(folder) == 20
    assert folder.resolution == 16
    assert folder.schema.attributes[0].values == ("blue", "red")
    assert folder.labels[:3].tolist() == [[1], [0], [-1]]


def test_labels_belong_to_the_fingerprint(make, pngs):
    plain = open_dataset(make("a", pngs)).fingerprint
    assert open_dataset(make("b", pngs | {"labels.csv": b"file,hair\n00.png,red\n"})).fingerprint != plain


def test_given_labels(make, pngs, tmp_path):
    path = make("set", pngs)
    for value, expected in (("red", ("red",)), ("blue", ("blue",))):
        (tmp_path / "labels.csv").write_text(f"file,hair\n00.png,{value}\n")
        assert open_dataset(path, labels=tmp_path / "labels.csv").schema.attributes[0].values == expected


def test_problems_are_counted_on_stderr(make, pngs, capsys):
    path = make("set", pngs | {"x.png": b""})
    assert len(open_dataset(path).problems) == 1
    assert "1 problem beside 20 good pictures" in capsys.readouterr().err
    open_dataset(path, tell=False)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("resolution", "count"), [(24, 20), (20, 20), (16, 0), (12, 0), (None, 0)])
def test_enlarged_pictures_are_counted_on_stderr(make, pngs, paint, encode, capsys, resolution, count):
    path = make("set", pngs | ({"x.png": encode(paint(1, 40)[0])} if resolution else {}))
    for _ in ("decoded", "from the cache"):
        open_dataset(path, resolution)
        told = capsys.readouterr().err
        assert (f"{count} of 21 pictures smaller than {resolution} pixels" in told) == bool(count)
        assert ("enlarged" in told) == bool(count)


def test_what_cannot_be_opened_is_one_sentence(make, pngs, tmp_path):
    for path, options, sentence in (
        (tmp_path / "nowhere", {}, "There is no"),
        (make("set", pngs), {"resolution": 4}, "not within 8..2048"),
        (make("set", pngs), {"labels": tmp_path / "nowhere.csv"}, "cannot be read"),
        ("synthetic:x", {}, "count must be a number"),
        ("synthetic:3", {}, "count must be a number"),
        ("synthetic:20", {"labels": "a.csv"}, "labels of their own"),
    ):
        with pytest.raises(UserError, match=sentence):
            open_dataset(path, **options)


def test_shapes_that_do_not_fit_are_refused(paint):
    with pytest.raises(ValueError, match="20 images"):
        Dataset(paint(20), np.zeros((19, 0), np.int64))
