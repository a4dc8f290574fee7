import numpy as np
import pytest

from sakuga.comparison.data import chosen_pictures, prepare, white_share
from sakuga.configs.comparison import ComparedData
from sakuga.core.errors import UserError
from sakuga.data.dataset import Dataset, open_dataset


def framed(color: int, count: int = 1) -> np.ndarray:
    """Gray pictures, uint8 `[count, 64, 64, 3]`, whose frame of two pixels has another value."""
    images = np.full((count, 64, 64, 3), color, np.uint8)
    images[:, 2:-2, 2:-2] = 128
    return images


def test_white_share_looks_at_the_frame_alone():
    images = np.concatenate([framed(230), framed(229), framed(255)])
    images[2, :, :32] = 128  # half of the frame
    images[1, 10:20, 10:20] = 255  # inside, where it does not count
    np.testing.assert_allclose(white_share(images), [1.0, 0.0, 0.5], atol=0.02)


def test_one_dark_channel_is_no_white():
    image = framed(255)
    image[..., 2] = 200
    assert white_share(image)[0] == 0.0


def test_filters_choose_what_they_say():
    images = np.concatenate([framed(255, 3), framed(0, 4)])
    images[0, :, :] = 128
    images[0, 0, :13] = 255  # 13 of 496 pixels of the frame: neither white nor colored
    dataset = Dataset(images)

    def chosen(**fields):
        return chosen_pictures(dataset, ComparedData(label="x", path="x", **fields)).tolist()

    assert chosen(filter="white_background") == [1, 2]
    assert chosen(filter="colored_background") == [3, 4, 5, 6]
    assert chosen(filter="every_second") == [0, 2, 4, 6]


def test_a_limit_is_spread_evenly():
    dataset = Dataset(framed(0, 100))
    chosen = chosen_pictures(dataset, ComparedData(label="x", path="x", limit=16))
    assert len(chosen) == 16
    assert (chosen[0], chosen[-1]) == (0, 99)
    assert set(np.diff(chosen)) <= {6, 7}


def test_a_part_is_written_once_with_its_labels(tmp_path):
    half = ComparedData(label="half of it", path="synthetic:40", filter="every_second", resolution=32)
    path = prepare(half, tmp_path)
    written, whole = open_dataset(path), open_dataset("synthetic:40", 32)
    assert path == str(tmp_path / "half-of-it.zip")
    np.testing.assert_array_equal(written.images, whole.images[::2])
    np.testing.assert_array_equal(written.labels, whole.labels[::2])
    assert written.schema == whole.schema
    before = (tmp_path / "half-of-it.zip").stat().st_mtime_ns
    prepare(half, tmp_path)
    assert (tmp_path / "half-of-it.zip").stat().st_mtime_ns == before


def test_too_few_pictures_of_a_kind_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"at least 16 are needed"):
        prepare(ComparedData(label="x", path="synthetic:20", filter="every_second", resolution=32), tmp_path)
    assert list(tmp_path.iterdir()) == []
