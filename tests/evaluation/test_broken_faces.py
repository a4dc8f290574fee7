import sys
import types

import numpy as np
import pytest

from sakuga.core.errors import UserError
from sakuga.data.dataset import Dataset, open_dataset
from sakuga.evaluation.broken_faces import FaceFinder, measure_faces


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return open_dataset("synthetic:48", 64)


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    pytest.importorskip("cv2")
    return FaceFinder()


def test_drawn_faces_are_found_and_broken_ones_are_not(finder, faces):
    whole = finder.found(faces.images)
    # The lower half above the upper one.
    broken = finder.found(np.roll(faces.images, 32, axis=1))
    noise = np.random.RandomState(0).randint(0, 256, (16, 64, 64, 3)).astype(np.uint8)
    assert whole.mean() > broken.mean() + 0.3
    assert not finder.found(noise).any()
    assert finder.found(faces.images[5:9]).tolist() == whole[5:9].tolist()


def test_shares_of_both_sides_and_the_cache(finder, faces, tmp_path, monkeypatch):
    monkeypatch.setenv("SAKUGA_CACHE", str(tmp_path))
    indices = np.arange(0, 48, 2)
    samples = np.concatenate([faces.images[:8], np.zeros((8, 64, 64, 3), np.uint8)])
    report = measure_faces(samples, finder, faces, indices)
    assert report is not None
    assert report.broken == pytest.approx(1 - finder.found(faces.images[:8]).mean() / 2)
    assert report.real == pytest.approx(1 - finder.found(faces.images[indices]).mean())
    assert report.num_real == 24
    assert "lbpcascade_animeface" in report.detector
    assert len(list(tmp_path.rglob("faces-*.npz"))) == 1
    assert measure_faces(samples, finder, faces, indices) == report
    other = measure_faces(samples, finder, faces, np.arange(24))
    assert other is not None
    assert len(list(tmp_path.rglob("faces-*.npz"))) == 2
    assert measure_faces(samples, None, faces, indices) is None


def test_without_opencv_or_with_the_wrong_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r"pip install \"sakuga\[faces\]\""):
        FaceFinder()
    newer = types.ModuleType("cv2")
    newer.__dict__["__version__"] = "5.0.0"
    monkeypatch.setitem(sys.modules, "cv2", newer)
    with pytest.raises(UserError, match=r"OpenCV 5.0.0 has no cascades"):
        FaceFinder()
