"""Pictures to make data sets of."""

import zipfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache folder for each test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SAKUGA_CACHE", str(folder))
    return folder


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
