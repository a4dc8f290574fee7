"""Frames as a GIF, a WebP or an MP4."""

import functools
import importlib.util
import io
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from sakuga.core.errors import UserError
from sakuga.core.files import write_together

MAX_FPS = {".gif": 50, ".webp": 90, ".mp4": 240}  # browsers show shorter frames of the first two ten times slower
MAX_SIDE = {".gif": 65_535, ".webp": 16_383, ".mp4": 16_384}
_KINDS = {".gif": "A GIF", ".webp": "A WebP", ".mp4": "An MP4"}

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
        UserError: If `fps` is out of range or there are no frames.
    """
    check_fps(fps)
    _check_some(frames, ".gif")
    first, *others = [_with_own_palette(np.asarray(frame), scale) for frame in frames]
    buffer = io.BytesIO()
    repeat = {"loop": 0} if loop else {}
    durations = _durations(len(frames), fps, 10)
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=durations, optimize=False, **repeat)
    return buffer.getvalue()


def webp_bytes(frames: Frames, fps: float = 20, *, loop: bool = True, scale: int = 1, quality: int = 90) -> bytes:
    """Encodes frames as an animated WebP, lossy: of fading faces of 64 pixels a third of a GIF's size, at 35 dB.

    Args:
        frames: uint8 `[N, H, W, 3]`, or PIL images of one size.
        fps: Frames a second. A WebP counts milliseconds: frames differ by one where `fps` does not divide 1000.
        loop: Whether it starts over for ever, or stops at the last frame.
        scale: Each pixel becomes a square of so many.
        quality: 0 to 100.

    Raises:
        UserError: If `fps` is out of range or there are no frames.
    """
    check_fps(fps, ".webp")
    _check_some(frames, ".webp")
    first, *others = [Image.fromarray(_enlarged(frame, scale)) for frame in frames]
    buffer = io.BytesIO()
    options = {"duration": _durations(len(frames), fps, 1), "loop": 0 if loop else 1}
    first.save(buffer, "WEBP", save_all=True, append_images=others, quality=quality, method=4, **options)
    return buffer.getvalue()


def animation_content(
    path: Path, frames: Frames, fps: float = 20, *, loop: bool = True, scale: int = 1
) -> bytes | Callable[[Path], None]:
    """Encodes frames in the format of the path's suffix, as `files.write_together` takes it.

    Raises:
        UserError: As `gif_bytes`, `webp_bytes` or `write_mp4`, or if the suffix is none of these.
    """
    suffix = path.suffix.lower()
    if suffix == ".mp4":
        return functools.partial(write_mp4, frames=frames, fps=fps, scale=scale)
    if suffix not in MAX_FPS:
        raise UserError(f"{path} is no animation: give a name that ends in {', '.join(MAX_FPS)}.")
    encode = webp_bytes if suffix == ".webp" else gif_bytes
    return encode(frames, fps, loop=loop, scale=scale)


def save_animation(
    path: str | Path, frames: Frames, fps: float = 20, *, loop: bool = True, scale: int = 1, overwrite: bool = True
) -> Path:
    """Writes frames in the format of the suffix, `.gif`, `.webp` or `.mp4`; as `animation_content`."""
    path = Path(path)
    write_together({path: animation_content(path, frames, fps, loop=loop, scale=scale)}, overwrite=overwrite)
    return path


def write_mp4(path: Path, frames: Frames, fps: float = 20, scale: int = 1) -> None:
    """Writes frames as an MP4 that every browser plays: H.264 where PyAV has an encoder, else MPEG-4; yuv420p.

    Such a picture has even sides: the last row or column is repeated where they are odd.

    Args:
        path: A temporary file.
        frames: uint8 `[N, H, W, 3]`, or PIL images of one size.
        fps: Frames a second.
        scale: Each pixel becomes a square of so many.

    Raises:
        UserError: If `fps` is out of range, there are no frames or PyAV is not installed.
    """
    check_fps(fps, ".mp4")
    _check_some(frames, ".mp4")
    check_video()
    import av

    codec, options = ("libx264", {"crf": "16"}) if "libx264" in av.codecs_available else ("mpeg4", {"qscale": "3"})
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream(codec, Fraction(fps).limit_denominator(1000), options=options)
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = _large(frames[0], scale).shape[:2]
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(_large(frame, scale), "rgb24")))
        container.mux(stream.encode())


def check_fps(fps: float, suffix: str = ".gif") -> None:
    """Refuses what a file of that kind cannot show.

    Raises:
        UserError: If `fps` is not within 0.01 and 50 for a GIF, 90 for a WebP, 240 for an MP4.
    """
    limit = MAX_FPS[suffix]
    if not (math.isfinite(fps) and 0.01 <= fps <= limit):
        raise UserError(f"{_KINDS[suffix]} cannot show {fps:g} frames a second: choose 0.01 to {limit}.")


def check_animation(path: Path, fps: float) -> None:
    """Refuses to begin what could not be written as what `path` ends in; anything but an animation passes.

    Raises:
        UserError: As `check_fps` and, for an MP4, `check_video`.
    """
    suffix = path.suffix.lower()
    if suffix in MAX_FPS:
        check_fps(fps, suffix)
    if suffix == ".mp4":
        check_video()


def check_sides(path: Path, height: int, width: int) -> None:
    """Refuses pictures that are larger than what `path` ends in can hold; anything but an animation passes.

    Raises:
        UserError: If so.
    """
    limit = MAX_SIDE.get(path.suffix.lower())
    if limit is not None and max(height, width) > limit:
        kind = _KINDS[path.suffix.lower()]
        raise UserError(f"{kind} of {width}x{height} pixels cannot be: choose a smaller scale, {limit:,} at most.")


def check_video() -> None:
    """Refuses to begin what ends in a video if none can be written.

    Raises:
        UserError: If PyAV is not installed.
    """
    if importlib.util.find_spec("av") is None:
        raise UserError("An MP4 needs PyAV, which is not installed: pip install 'sakuga[video]', or write a .gif.")


def _check_some(frames: Frames, suffix: str) -> None:
    if not len(frames):
        raise UserError(f"{_KINDS[suffix]} of zero frames shows nothing: give at least one.")


def _durations(count: int, fps: float, unit: int) -> list[int]:
    """Returns how long each frame is shown, in milliseconds, a multiple of `unit`; together they take count / fps."""
    ends = [round(1000 / unit * (i + 1) / fps) for i in range(count)]
    return [unit * (end - start) for start, end in zip([0, *ends], ends, strict=False)]


def _enlarged(frame: np.ndarray | Image.Image, scale: int) -> np.ndarray:
    return np.asarray(frame).repeat(scale, axis=0).repeat(scale, axis=1)


def _large(frame: np.ndarray | Image.Image, scale: int) -> np.ndarray:
    pixels = _enlarged(frame, scale)
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge")


def _with_own_palette(frame: np.ndarray, scale: int) -> Image.Image:
    paletted = Image.fromarray(frame).quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
    height, width = frame.shape[:2]
    return paletted.resize((width * scale, height * scale), Image.Resampling.NEAREST)
