import numpy as np
import pytest
from PIL import Image

from sakuga.core.errors import UserError
from sakuga.core.picture import read_picture


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "CMYK", "LA"])
def test_any_mode_becomes_rgb_of_the_size(mode, tmp_path):
    gray = Image.fromarray(np.linspace(0, 255, 40 * 50).reshape(40, 50).astype(np.uint8))
    image = gray.convert("I;16") if mode == "I;16" else gray.convert("RGB").convert(mode)
    path = tmp_path / ("p.tiff" if mode == "CMYK" else "p.png")
    image.save(path)
    found = read_picture(path, 64)
    assert found.shape == (64, 64, 3)
    assert found.dtype == np.uint8


def test_largest_centered_square_is_kept(tmp_path):
    wide = np.zeros((64, 192, 3), np.uint8)
    wide[:, 64:128] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "wide.png", 64), 200)
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "high.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "high.png", 64), 200)


def test_a_picture_of_the_size_stays_as_it_is(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 255, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png", 32), pixels)


def test_small_is_enlarged_large_is_reduced_tiny_is_refused(tmp_path):
    for name, size in {"small": (32, 33), "large": (2100, 40)}.items():
        Image.new("RGB", size, (10, 20, 30)).save(tmp_path / f"{name}.png")
        assert read_picture(tmp_path / f"{name}.png", 64)[0, 0].tolist() == [10, 20, 30]
    Image.new("RGB", (31, 500)).save(tmp_path / "tiny.png")
    with pytest.raises(UserError, match=r"tiny\.png is 31x500, too small"):
        read_picture(tmp_path / "tiny.png", 64)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n cut short"])
def test_what_is_no_picture_is_refused(content, tmp_path):
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(UserError, match=r"p\.png: "):
        read_picture(tmp_path / "p.png", 64)
    with pytest.raises(UserError, match="is not there"):
        read_picture(tmp_path / "none.png", 64)
