"""One picture of the user's, at the size of a model."""

from pathlib import Path

import numpy as np

from sakuga.core.decode import MAX_BYTES, BadFile, decode
from sakuga.core.errors import UserError
from sakuga.core.images import MIN_SIDE, fitted


def read_picture(path: str | Path, resolution: int) -> np.ndarray:
    """Reads one picture of any mode: its largest centered square, brought to the size by Pillow's Lanczos filter.

    Args:
        path: The file.
        resolution: Height and width of the result.

    Returns:
        uint8 `[resolution, resolution, 3]`.

    Raises:
        UserError: If there is no such file, or it is no picture, damaged, too large, or smaller than 32 pixels.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not there or is no file: give a picture (PNG, JPEG, WebP, ...).")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES >> 20} MB: give a smaller picture.")
    data = path.read_bytes()
    try:
        image = _decoded(data, resolution)
    except BadFile as error:
        raise UserError(
            f"{path}: {error}: give a picture (PNG, JPEG, WebP, ...) of {MIN_SIDE} pixels or more."
        ) from None
    return fitted(image, resolution, str(path))


def _decoded(data: bytes, resolution: int) -> np.ndarray:
    try:
        return decode(data)
    except BadFile:
        # Larger than what is kept at its own size; if that is not it, the same error comes again.
        return decode(data, resolution)
