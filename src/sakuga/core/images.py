"""Pictures: where uint8 `[H, W, C]` becomes float32 `[N, 3, H, W]` in [-1, 1] and back, grids, and PNG files."""

import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, PngImagePlugin

from sakuga.core.errors import UserError
from sakuga.core.files import write_bytes

_KEYWORD = re.compile(r"[ -~\xa1-\xff]{1,79}")

MIN_SIDE = 32
"""A picture whose shorter side has fewer pixels shows too little to be found again."""


def to_tensor(images: np.ndarray) -> torch.Tensor:
    """Returns `images / 127.5 - 1`.

    Args:
        images: uint8 `[N, H, W, 3]`.

    Returns:
        float32 `[N, 3, H, W]` in [-1, 1], contiguous.
    """
    # Torch takes no array that is turned or must not be written.
    planes = torch.from_numpy(np.require(images, requirements=["C", "W"])).permute(0, 3, 1, 2)
    return planes.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1.0)


def to_uint8(images: torch.Tensor) -> np.ndarray:
    """Returns `round((images + 1) * 127.5)`, clipped to 0..255.

    Args:
        images: float `[N, 3, H, W]`, nominally in [-1, 1], on any device.

    Returns:
        uint8 `[N, H, W, 3]`.
    """
    scaled = images.detach().float().add(1.0).mul(127.5).round().clamp(0, 255)
    return scaled.permute(0, 2, 3, 1).to(torch.uint8).cpu().contiguous().numpy()


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2, background: int = 255) -> np.ndarray:
    """Lays pictures out row by row.

    Args:
        images: uint8 `[N, H, W, 3]`.
        columns: Pictures a row; as square as possible if None.
        gap: Pixels between and around the pictures.
        background: Gray value of the gaps, 0..255.

    Returns:
        uint8 `[rows * (H + gap) + gap, columns * (W + gap) + gap, 3]`.
    """
    count, height, width = images.shape[:3]
    columns = columns or squarest(count)
    canvas = np.full((*grid_size(count, height, width, columns, gap), 3), background, np.uint8)
    for i, image in enumerate(images):
        top, left = gap + (i // columns) * (height + gap), gap + (i % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas


def grid_size(count: int, height: int, width: int, columns: int | None = None, gap: int = 2) -> tuple[int, int]:
    """Returns the height and width of a `grid` of so many pictures of one size."""
    columns = columns or squarest(count)
    rows = max(1, -(-count // columns))
    return rows * (height + gap) + gap, columns * (width + gap) + gap


def squarest(count: int) -> int:
    """Returns the number of columns that makes a sheet of so many pictures as square as possible."""
    return max(1, math.ceil(math.sqrt(count)))


def fitted(image: np.ndarray, side: int, what: str) -> np.ndarray:
    """Returns the largest centered square of a picture, brought to a size by Pillow's Lanczos filter.

    Args:
        image: uint8 `[H, W, 3]`.
        side: Height and width of the result.
        what: The picture's name, for the error.

    Returns:
        uint8 `[side, side, 3]`.

    Raises:
        UserError: If it is smaller than 32 pixels.
    """
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise UserError(f"{what} is {width}x{height}, too small to look for: give {MIN_SIDE} pixels a side or more.")
    return np.asarray(centered(Image.fromarray(image), side))


def centered(picture: Image.Image, side: int) -> Image.Image:
    """Returns the largest centered square of a PIL image, brought to a size by Pillow's Lanczos filter."""
    if picture.size == (side, side):
        return picture
    short = min(picture.size)
    left, top = (picture.width - short) / 2, (picture.height - short) / 2
    box = (left, top, left + short, top + short)
    return picture.resize((side, side), Image.Resampling.LANCZOS, box)


def png_bytes(image: np.ndarray, metadata: Mapping[str, str] | None = None) -> bytes:
    """Encodes one uint8 `[H, W, 3]` picture as PNG, with `metadata` as text entries (shown by any PNG tool).

    An entry's name has at most 79 characters of Latin-1 (PNG specification, 11.3.4); those of others are in their text.
    """
    info = PngImagePlugin.PngInfo()
    for key, value in (metadata or {}).items():
        if _KEYWORD.fullmatch(key):
            info.add_itxt(key, value)
        else:
            info.add_itxt("Comment", f"{key}: {value}")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def save_png(
    path: str | Path,
    image: np.ndarray,
    metadata: Mapping[str, str] | None = None,
    *,
    overwrite: bool = True,
    durable: bool = True,
) -> Path:
    """Writes one uint8 `[H, W, 3]` picture; all else as in `files.writing`."""
    return write_bytes(path, png_bytes(image, metadata), overwrite=overwrite, durable=durable)


def to_pil(images: np.ndarray) -> Sequence[Image.Image]:
    """Returns uint8 `[N, H, W, 3]` as a list of PIL images."""
    return [Image.fromarray(image) for image in images]
