"""The bytes of one file become one uint8 RGB picture, or a reason why not."""

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sakuga.core.filekinds import picture_kind
from sakuga.core.images import centered

MAX_BYTES = 256 * 2**20
"""A file longer than this is not read."""

MIN_RESOLUTION, MAX_RESOLUTION = 8, 2048
"""Of the pictures of a data set."""

MAX_PIXELS = 64 * 10**6
"""A picture whose header announces more pixels than this is not decoded."""

# By content, never by extension. Left out on purpose: EPS and its kin, which start other programs, and formats without
# a signature, which fit anything.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "JPEG2000")

_EXIF_ORIENTATION = 0x0112


class BadFile(Exception):
    """One file that cannot be used; the message is the reason, told to the user beside the file's name."""


def decode(data: bytes, resolution: int | None = None) -> np.ndarray:
    """Decodes one picture: the first frame, upright by its EXIF tag, transparency over white, 8 bits.

    With a resolution, the picture is scaled by Pillow's Lanczos filter (antialiased) so that its shorter side is the
    resolution, and the central square is kept. A picture whose shorter side is less than half of it is too small.

    Args:
        data: The whole file.
        resolution: Height and width of the result; the picture's own size, up to `MAX_RESOLUTION`, if None.

    Returns:
        uint8 `[resolution, resolution, 3]`, or `[H, W, 3]` if `resolution` is None.

    Raises:
        BadFile: If this is not a picture, is damaged, too large or too small.
    """
    return sized(read_rgb(data, resolution), resolution)


def read_rgb(data: bytes, resolution: int | None = None) -> Image.Image:
    """Returns the picture of `decode` at its own size; arguments and errors as there."""
    if not data:
        raise BadFile("empty (0 bytes)")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _refuse_size(image.width, image.height, resolution)
            _refuse_cut_short(image.format, data)
            return to_rgb(_upright(image))
    except BadFile:
        raise
    except Image.DecompressionBombError:
        raise BadFile(f"decompression bomb: more than {MAX_PIXELS // 10**6} million pixels announced") from None
    except UnidentifiedImageError:
        raise BadFile(_unknown(data)) from None
    except MemoryError:
        raise BadFile("out of memory") from None
    except Exception as error:  # Pillow's decoders raise nearly everything on damaged data
        raise BadFile(f"damaged or truncated ({_one_line(error)})") from None


def sized(picture: Image.Image, resolution: int | None) -> np.ndarray:
    """Returns an RGB picture as `decode` does, uint8 `[H, W, 3]` or `[resolution, resolution, 3]`."""
    return np.asarray(picture if resolution is None else centered(picture, resolution))


def _refuse_size(width: int, height: int, resolution: int | None) -> None:
    if width * height > MAX_PIXELS:
        raise BadFile(
            f"decompression bomb: {width}x{height} pixels announced, at most {MAX_PIXELS // 10**6} million are decoded"
        )
    if resolution is None and max(width, height) > MAX_RESOLUTION:
        raise BadFile(f"too large: {width}x{height}, choose a size up to {MAX_RESOLUTION} with --resolution")
    if resolution is not None and 2 * min(width, height) < resolution:
        raise BadFile(f"too small: {width}x{height}, the shorter side is less than half of {resolution}")


def _refuse_cut_short(format_name: str | None, data: bytes) -> None:
    # Pillow accepts these without their last bytes, and may then show rows that never arrived.
    end = {"PNG": b"IEND\xaeB`\x82", "GIF": b"\0;"}.get(format_name or "", b"")
    if end not in data:
        raise BadFile("truncated: the end of the file is missing")


def _unknown(data: bytes) -> str:
    if name := picture_kind(data):
        return f"damaged or truncated (it begins as {name})"
    return "not a picture (none of " + ", ".join(FORMATS) + " by its content)"


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        turned = image.getexif().get(_EXIF_ORIENTATION, 1) != 1
    except Exception:  # a damaged tag block says nothing about the pixels
        return image
    return ImageOps.exif_transpose(image) if turned else image


def to_rgb(image: Image.Image) -> Image.Image:
    """Returns a PIL image of any mode as RGB of 8 bits, with transparency over white.

    Raises:
        BadFile: If its pixels have no agreed range.
    """
    if image.mode.startswith("I"):
        return _from_16_bit(image)
    if image.mode == "F":
        raise BadFile("floating-point pixels: they have no agreed range, save the picture with 8 or 16 bits")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise BadFile("32-bit pixels: they have no agreed range, save the picture with 8 or 16 bits")
    gray = np.round(pixels / 257).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        gray[pixels == transparent] = 255
    return Image.fromarray(gray).convert("RGB")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
