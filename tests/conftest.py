"""What all tests share: one thread, a cache folder of their own, painted pictures, and the way to real data."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

import sakuga

# Before torch is imported: the workers of pytest-xdist share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("sakuga", deadline=None, derandomize=True, max_examples=50, database=None)
hypothesis.settings.load_profile("sakuga")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Keeps the tests out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAKUGA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def real_data():
    """Returns the path of a file in $SAKUGA_DATA; skips the test where there is none."""

    def find(name: str) -> Path:
        folder = os.environ.get("SAKUGA_DATA")
        if not folder or not Path(folder, name).exists():
            pytest.skip(f"needs {name} in the folder that the environment variable SAKUGA_DATA names")
        return Path(folder, name)

    return find


@pytest.fixture
def said_by_two_processes(tmp_path: Path) -> Callable[[str], str]:
    """Returns what a program prints that torchrun runs in two processes."""

    def run(program: str) -> str:
        script = tmp_path / "worker.py"
        script.write_text(program)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
        environment = {**os.environ, "PYTHONPATH": str(Path(sakuga.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


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
