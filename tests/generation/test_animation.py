import io
import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from sakuga.core.errors import UserError
from sakuga.generation.animation import gif_bytes, save_animation, webp_bytes


@pytest.fixture
def frames():
    t = np.linspace(0, 1, 7)[:, None, None]
    y, x = np.mgrid[0:24, 0:20] / 24
    planes = np.stack([x + 0 * t, y + t / 2, 1 - x * t], -1)
    return np.clip(255 * planes, 0, 255).astype(np.uint8)


def _read(data):
    image = Image.open(io.BytesIO(data))
    pictures, durations = [], []
    for frame in ImageSequence.Iterator(image):
        pictures.append(np.asarray(frame.convert("RGB")))
        durations.append(frame.info["duration"])
    return np.stack(pictures), durations, image.info.get("loop")


def test_a_gif_shows_the_frames(frames):
    pictures, durations, loop = _read(gif_bytes(frames, fps=20))
    assert pictures.shape == frames.shape
    assert np.abs(pictures.astype(int) - frames).mean() < 3
    assert durations == [50] * 7
    assert loop == 0


@pytest.mark.parametrize("fps", [30, 12.5, 7, 48])
def test_it_takes_as_long_as_it_should(frames, fps):
    _, durations, _ = _read(gif_bytes(frames, fps))
    assert abs(sum(durations) - 1000 * len(frames) / fps) <= 5
    assert max(durations) - min(durations) <= 10
    assert min(durations) >= 20


def test_without_loop_it_plays_once(frames):
    assert _read(gif_bytes(frames, loop=False))[2] is None


def test_scale_enlarges_without_smoothing(frames):
    small, large = (_read(gif_bytes(frames, scale=scale))[0] for scale in (1, 3))
    assert np.array_equal(large, small.repeat(3, axis=1).repeat(3, axis=2))


def test_one_frame_is_a_gif_too(frames):
    assert _read(gif_bytes(frames[:1]))[0].shape == (1, 24, 20, 3)


@pytest.mark.parametrize("fps", [0, 0.001, -5, 51, float("nan"), float("inf")])
def test_impossible_speeds_are_refused(frames, fps):
    with pytest.raises(UserError, match="frames a second"):
        gif_bytes(frames, fps)


def test_pil_images_are_frames_too(frames):
    assert gif_bytes([Image.fromarray(frame) for frame in frames]) == gif_bytes(frames)


def test_a_file_is_overwritten_only_when_told(frames, tmp_path):
    path = save_animation(tmp_path / "a.gif", frames)
    before = path.read_bytes()
    with pytest.raises(UserError, match="exists and is not overwritten"):
        save_animation(path, frames[:2], overwrite=False)
    assert path.read_bytes() == before
    save_animation(path, frames[:2])
    assert path.read_bytes() != before


def _played(path):
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        return pictures, stream.average_rate, stream.codec_context.pix_fmt, stream.codec_context.name


@pytest.mark.parametrize("fps", [20, 12.5, 60])
def test_an_mp4_shows_the_frames(frames, tmp_path, fps):
    pytest.importorskip("av")
    pictures, rate, pixels, codec = _played(save_animation(tmp_path / "a.mp4", frames, fps, scale=2))
    assert pictures.shape == (7, 48, 40, 3)
    assert np.abs(pictures.astype(int) - frames.repeat(2, axis=1).repeat(2, axis=2)).mean() < 4
    assert float(rate) == pytest.approx(fps)
    assert pixels == "yuv420p" and codec in ("h264", "mpeg4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_odd_sides_become_even(frames, tmp_path):
    pytest.importorskip("av")
    pictures, *_ = _played(save_animation(tmp_path / "a.mp4", [Image.fromarray(frame[:23, :19]) for frame in frames]))
    assert pictures.shape == (7, 24, 20, 3)


def test_without_h264_it_is_mpeg4(frames, tmp_path, monkeypatch):
    av = pytest.importorskip("av")
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    pictures, *_, codec = _played(save_animation(tmp_path / "a.mp4", frames))
    assert codec == "mpeg4" and np.abs(pictures.astype(int) - frames).mean() < 6


@pytest.mark.parametrize("fps", [0, 241, float("nan")])
def test_impossible_speeds_of_an_mp4_are_refused(frames, tmp_path, fps):
    with pytest.raises(UserError, match="An MP4 cannot show"):
        save_animation(tmp_path / "a.mp4", frames, fps)


def test_without_pyav_there_is_a_remedy(frames, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "av", raising=False)
    with pytest.raises(UserError, match=r"pip install 'sakuga\[video\]'"):
        save_animation(tmp_path / "a.mp4", frames)
    assert list(tmp_path.iterdir()) == []


def test_an_mp4_is_overwritten_only_when_told(frames, tmp_path):
    pytest.importorskip("av")
    path = save_animation(tmp_path / "a.mp4", frames)
    before = path.read_bytes()
    with pytest.raises(UserError, match="exists and is not overwritten"):
        save_animation(path, frames[:2], overwrite=False)
    assert path.read_bytes() == before


def test_a_webp_shows_the_frames(frames):
    pictures, durations, loop = _read(webp_bytes(frames, fps=30, scale=2))
    assert pictures.shape == (7, 48, 40, 3)
    assert np.abs(pictures.astype(int) - frames.repeat(2, axis=1).repeat(2, axis=2)).mean() < 5
    assert sum(durations) == round(7000 / 30) and set(durations) == {33, 34}
    assert loop == 0
    assert _read(webp_bytes(frames, loop=False))[2] == 1


@pytest.mark.parametrize("fps", [0, 91, float("nan")])
def test_impossible_speeds_of_a_webp_are_refused(frames, fps):
    with pytest.raises(UserError, match="A WebP cannot show"):
        webp_bytes(frames, fps)


def test_the_name_says_what_is_written(frames, tmp_path):
    for suffix, kind in ((".gif", "GIF"), (".webp", "WEBP")):
        with Image.open(save_animation(tmp_path / f"a{suffix}", frames)) as image:
            assert (image.format, image.n_frames) == (kind, 7)
    pytest.importorskip("av")
    assert _played(save_animation(tmp_path / "a.MP4", frames))[0].shape[0] == 7
    with pytest.raises(UserError, match=r"ends in \.gif, \.webp, \.mp4"):
        save_animation(tmp_path / "a.avi", frames)


@pytest.mark.parametrize("encode", [gif_bytes, webp_bytes])
def test_zero_frames_are_refused(frames, encode):
    with pytest.raises(UserError, match="of zero frames shows nothing"):
        encode(frames[:0])


def test_an_mp4_of_zero_frames_is_refused(frames, tmp_path):
    pytest.importorskip("av")
    with pytest.raises(UserError, match="An MP4 of zero frames"):
        save_animation(tmp_path / "a.mp4", frames[:0])
    assert list(tmp_path.iterdir()) == []
