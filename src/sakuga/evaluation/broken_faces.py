"""In what share of pictures no face is found, by OpenCV's cascade for anime faces (nagadomi, 2011)."""

import hashlib
import importlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from sakuga.core import files
from sakuga.core.errors import UserError
from sakuga.core.progress import tracked
from sakuga.data.dataset import Dataset
from sakuga.evaluation.measured import tell_once
from sakuga.evaluation.pictures import Subset
from sakuga.evaluation.result import FaceReport
from sakuga.features.extractor import Pictures

SIDE, PADDING = 64, 16
SCALE, NEIGHBORS, SMALLEST = 1.1, 5, 38
CASCADE = Path(__file__).parents[1] / "data" / "detect" / "lbpcascade_animeface.xml"

_BATCH = 64


class FaceFinder:
    """Looks for a face in each picture.

    Pictures are cropped to the face, while the cascade learned from faces with some surroundings. Each is made gray,
    brought to 64x64, and its border repeated for 16 pixels on all sides; a face has to fill 0.6 of the side. Of the
    settings at which real pictures score best, this one sees most of what is wrong with samples (docs/evaluate.md).

    Raises:
        UserError: If OpenCV is absent or a version without cascades.
    """

    def __init__(self) -> None:
        try:
            self._cv2: Any = importlib.import_module("cv2")
        except ImportError as error:
            raise UserError(
                f'Finding faces needs OpenCV, which is not installed ({error}): run pip install "sakuga[faces]".'
            ) from error
        if not hasattr(self._cv2, "CascadeClassifier"):
            raise UserError(
                f"OpenCV {self._cv2.__version__} has no cascades, version 4 has: run "
                'pip install "opencv-python-headless<5".'
            )
        data = CASCADE.read_bytes()
        self._sha256 = hashlib.sha256(data).hexdigest()
        self._cascade = self._cv2.CascadeClassifier(str(CASCADE))
        if self._cascade.empty():
            raise UserError(f"OpenCV {self._cv2.__version__} cannot read {CASCADE}: install sakuga again.")

    @property
    def described(self) -> str:
        """The cascade and its settings, in words."""
        return (
            f"lbpcascade_animeface (sha256 {self._sha256[:8]}), OpenCV {self._cv2.__version__}, gray, "
            f"{SIDE}x{SIDE}, border repeated for {PADDING} pixels, scale factor {SCALE}, {NEIGHBORS} "
            f"neighbors, faces from {SMALLEST} pixels"
        )

    def found(self, images: Pictures, progress: str = "") -> np.ndarray:
        """Tells in which pictures there is at least one face.

        Args:
            images: uint8 `[N, H, W, 3]`, or anything that gives such arrays by slices.
            progress: What the progress bar on stderr says; no bar if empty.

        Returns:
            bool `[N]`.
        """
        found = np.zeros(len(images), bool)
        for start in tracked(range(0, len(images), _BATCH), progress):
            stop = min(start + _BATCH, len(images))
            found[start:stop] = [self._finds(image) for image in images[start:stop]]
        return found

    def _finds(self, image: np.ndarray) -> bool:
        cv2 = self._cv2
        gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
        large = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA if len(gray) > SIDE else cv2.INTER_CUBIC)
        padded = cv2.copyMakeBorder(large, *(PADDING,) * 4, cv2.BORDER_REPLICATE)
        faces = self._cascade.detectMultiScale(
            padded, scaleFactor=SCALE, minNeighbors=NEIGHBORS, minSize=(SMALLEST, SMALLEST)
        )
        return len(faces) > 0


def measure_faces(
    images: Pictures, finder: FaceFinder | None, dataset: Dataset, indices: np.ndarray, progress: bool = False
) -> FaceReport | None:
    """Measures the share of pictures without a face, beside that of the real side, which is kept in the cache.

    Args:
        images: uint8 `[N, H, W, 3]`.
        finder: Finds faces; None gives None.
        dataset: The real pictures.
        indices: int64 `[M]`, which of them.
        progress: Whether to draw progress bars on stderr.
    """
    if finder is None:
        return None
    title = f"Finding faces in {len(images):,} samples" if progress else ""
    found = finder.found(images, title)
    real = _found_in_real(finder, dataset, indices, progress)
    return FaceReport(
        broken=float(1 - found.mean()), real=float(1 - real.mean()), num_real=len(real), detector=finder.described
    )


def _found_in_real(finder: FaceFinder, dataset: Dataset, indices: np.ndarray, progress: bool) -> np.ndarray:
    content = dataset.fingerprint or hashlib.blake2b(dataset.images[indices].tobytes(), digest_size=16).hexdigest()
    which = f"{content}\0{dataset.images.shape}\0{finder.described}\0".encode() + indices.astype(np.int64).tobytes()
    digest = hashlib.blake2b(which, digest_size=16).hexdigest()
    place = files.cache_folder() / "features" / f"faces-{digest}.npz"
    try:
        with np.load(place) as kept:
            return kept["found"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    tell_once("Finding faces in", indices, dataset)
    title = f"Finding faces in {len(indices):,} real pictures" if progress else ""
    found = finder.found(Subset(dataset.images, indices), title)
    with files.writing(place) as temporary, open(temporary, "wb") as file:
        np.savez(file, found=found)
    return found
