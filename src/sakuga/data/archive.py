"""Writes a data set as one stored zip with `dataset.json`, which NVIDIA's StyleGAN tools read too."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.core import files
from sakuga.core.images import png_bytes
from sakuga.core.progress import tracked
from sakuga.data.dataset import Dataset
from sakuga.data.labels import Packed

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip: the same data set gives the same bytes


def _webp(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", lossless=True, exact=True, quality=80, method=4)
    return buffer.getvalue()


def _jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


ENCODERS: dict[str, tuple[str, Callable[[np.ndarray], bytes]]] = {
    "png": ("png", png_bytes),
    "webp": ("webp", _webp),
    "jpeg": ("jpg", _jpeg),
}
"""Format -> file extension, and the function from uint8 `[H, W, 3]` to bytes. Only JPEG loses anything."""


def write_archive(dataset: Dataset, path: str | Path, *, format: str = "png", overwrite: bool = False) -> Path:
    """Writes a data set as a zip whose pictures are stored, not compressed a second time.

    Args:
        dataset: What to write.
        path: The zip to write, whole or not at all.
        format: One of `ENCODERS`.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The path.

    Raises:
        UserError: If the path exists and may not be replaced, or cannot be written.
    """
    extension, encode = ENCODERS[format]
    names = [f"{i // 1000:05d}/img{i:08d}.{extension}" for i in range(len(dataset))]
    with (
        files.writing(path, overwrite=overwrite) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, image in zip(tracked(names, f"Writing {Path(path).name}"), dataset.images, strict=True):
            _add(archive, name, encode(np.asarray(image)))
        _add(archive, "dataset.json", _description(dataset, names))
    return Path(path)


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)


def _description(dataset: Dataset, names: list[str]) -> bytes:
    labels = nvidia_labels(dataset.labels, dataset.schema)
    packed = Packed(
        version=1,
        label_schema=dataset.schema,
        pictures=list(zip(names, dataset.names, dataset.labels.tolist(), strict=True)),
    )
    document = {
        "labels": None if labels is None else [[name, label] for name, label in zip(names, labels, strict=True)],
        "sakuga": packed.model_dump(mode="json"),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def nvidia_labels(labels: np.ndarray, schema: LabelSchema) -> list[int] | list[list[float]] | None:
    """Returns labels as NVIDIA's tools take them.

    Args:
        labels: int64 `[N, num_attributes]`, -1 where unknown.
        schema: Of the labels.

    Returns:
        A class for each picture if there is one attribute and it is always known; else the one-hot vectors of all
        attributes, one after the other, zeros where unknown; None without attributes.
    """
    if not schema.sizes:
        return None
    if len(schema.sizes) == 1 and not (labels == UNKNOWN).any():
        return labels[:, 0].tolist()
    # Row -1 of the identity with a row of zeros below it is that row of zeros.
    parts = [np.eye(size + 1, size)[labels[:, i]] for i, size in enumerate(schema.sizes)]
    return np.concatenate(parts, axis=1).tolist()
