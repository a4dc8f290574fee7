import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sakuga.core.decode import MAX_PIXELS, BadFile, decode

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


@pytest.fixture(scope="module")
def picture(paint) -> np.ndarray:
    return paint(1, 24, seed=3)[0]


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_keep_every_pixel(picture, encode, format):
    np.testing.assert_array_equal(decode(encode(picture, format)), picture)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "AVIF"])
def test_lossy_formats_stay_close(picture, encode, format):
    if format.lower() not in {extension[1:] for extension in Image.registered_extensions()}:
        pytest.skip(f"this Pillow has no {format}")
    assert np.abs(decode(encode(picture, format)).astype(int) - picture).mean() < 12


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr"])
def test_odd_modes_become_the_rgb_that_pillow_shows(picture, encode, mode):
    image = Image.fromarray(picture).convert(mode)
    data = encode(image, "TIFF")
    assert np.abs(decode(data).astype(int) - np.asarray(image.convert("RGB"))).max() <= 2


def test_cmyk_jpeg_is_not_inverted(encode):
    data = encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert np.abs(decode(data).astype(int) - (254, 0, 0)).max() < 8


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_lies_over_white(encode, mode):
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 8, 16))
    if mode == "PA":  # a palette with a transparent entry
        image = image.convert("RGB").quantize(2)
        dark = image.getpixel((0, 0))
        half = np.asarray(image).copy()
        half[:, 8:] = 1 - dark
        image = Image.fromarray(half, "P")
        image.putpalette([0, 0, 0, 0, 0, 0])
        data = encode(image, "PNG", transparency=1 - dark)
    else:
        data = encode(image.convert(mode))
    pixels = decode(data)
    assert (pixels[:, :8] == 0).all()
    assert (pixels[:, 8:] == 255).all()


def test_half_transparent_is_half_white(encode):
    pixels = decode(encode(Image.new("RGBA", (8, 8), (0, 0, 0, 128))))
    assert np.abs(pixels.astype(int) - 127).max() <= 1


def test_gray_png_with_a_transparent_value_lies_over_white(encode):
    gray = np.zeros((8, 8), np.uint8)
    gray[:4] = 90
    pixels = decode(encode(Image.fromarray(gray), "PNG", transparency=0))
    assert (pixels[:4] == 90).all()
    assert (pixels[4:] == 255).all()


def test_16_bit_gray_keeps_its_brightness(encode):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    np.testing.assert_array_equal(decode(encode(Image.fromarray(ramp)))[..., 1].ravel(), np.arange(256))


def test_16_bit_rgb_png_keeps_its_brightness():
    rows = b"".join(b"\0" + struct.pack(">3H", 65535, 32896, 0) * 8 for _ in range(8))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert (decode(data) == (255, 128, 0)).all()


def test_floating_point_pixels_are_refused_by_name(encode):
    with pytest.raises(BadFile, match="floating-point"):
        decode(encode(Image.fromarray(np.zeros((8, 8), np.float32)), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(picture, encode, orientation):
    upright = picture[:, :16]
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode(encode(np.ascontiguousarray(stored), exif=exif)), upright)


def test_not_square_is_cropped_in_the_center_and_resized(encode):
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = 200  # the central square is all light
    for picture in (wide, np.ascontiguousarray(wide.transpose(1, 0, 2))):
        assert decode(encode(picture), 20).min() > 180
    wide[:, 34:66] = 0  # what is left of the light lies at the edges of the square
    assert decode(encode(wide), 20)[:, [0, -1]].min() > 180


def test_the_right_size_is_not_resampled(picture, encode):
    np.testing.assert_array_equal(decode(encode(picture), 24), picture)


def test_resizing_is_pillows_lanczos(picture, encode):
    expected = np.asarray(Image.fromarray(picture).resize((10, 10), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(decode(encode(picture), 10), expected)


def test_less_than_half_the_resolution_is_too_small(picture, encode):
    assert decode(encode(picture), 48).shape == (48, 48, 3)
    with pytest.raises(BadFile, match="too small: 24x24"):
        decode(encode(picture), 49)


def test_bombs_are_refused_by_their_header():
    side = int(MAX_PIXELS**0.5) + 1
    for width, height in ((side, side), (60_000, 60_000), (2**31 - 1, 2**31 - 1), (MAX_PIXELS + 1, 1)):
        with pytest.raises(BadFile, match="bomb"):
            decode(png_header(width, height), 64)


def test_empty_and_foreign_content_are_named():
    with pytest.raises(BadFile, match="empty"):
        decode(b"", 64)
    for data in (
        b"hello",
        b"<html></html>",
        b"PK\x03\x04",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\0" * 999,
    ):
        with pytest.raises(BadFile, match="not a picture"):
            decode(data, 64)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_a_truncated_file_is_never_accepted(picture, encode, format):
    data = encode(picture, format)
    for length in range(1, len(data), 7):
        with pytest.raises(BadFile, match=r"truncated|not a picture"):
            decode(data[:length], 24)
    with pytest.raises(BadFile, match=r"truncated|not a picture"):
        decode(data[:-1], 24)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\0"]),
)
def test_any_bytes_are_a_picture_or_named(data, start):
    try:
        assert decode(start + data, 8).shape == (8, 8, 3)
    except BadFile as error:
        assert str(error)
