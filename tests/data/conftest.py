"""Pictures to make data sets of."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache folder for each test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SAKUGA_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def paint():
    """Paints different smooth pictures, uint8 `[count, size, size, 3]`."""

    def pictures(count: int, size: int = 16, seed: int = 0) -> np.ndarray:
        random = np.random.RandomState(seed)
        small = random.randint(0, 256, (count, 3, 3, 3)).astype(np.uint8)
        return np.stack([np.asarray(Image.fromarray(p).resize((size, size), Image.Resampling.BICUBIC)) for p in small])

    return pictures


@pytest.fixture(scope="session")
def encode():
    """Encodes one picture, an array or a Pillow image, in a format of Pillow."""

    def encoded(image: np.ndarray | Image.Image, format: str = "PNG", **options) -> bytes:
        buffer = io.BytesIO()
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, format, **options)
        return buffer.getvalue()

    return encoded


@pytest.fixture
def make(tmp_path):
    """Writes files, name -> bytes, into a folder, or into a zip if its name ends so; returns the path."""

    def written(name: str, files: dict[str, bytes]) -> Path:
        path = tmp_path / name
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w") as archive:
                for file, data in files.items():
                    archive.writestr(file, data)
            return path
        for file, data in files.items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).write_bytes(data)
        return path

    return written


@pytest.fixture
def pngs(paint, encode):
    """Twenty PNG files by name, `00.png` to `19.png`, 16x16."""
    return {f"{i:02d}.png": encode(image) for i, image in enumerate(paint(20))}
