"""Other programs' models as ours."""

from collections.abc import Sequence
from pathlib import Path

from sakuga.features.find import sha256_of
from sakuga.models.adapters.convert import import_networks, save_imported


def import_model(
    file: str | Path,
    out: str | Path,
    *,
    name: str | None = None,
    licence: str = "",
    labels: Sequence[str] = (),
    half: bool = False,
    overwrite: bool = False,
) -> Path:
    """Reads a StyleGAN2 that another program has trained and writes it as a model file; no code in the file is run.

    Args:
        file: A `.pkl` or `.pt` file, as `models.adapters.convert.import_networks` knows them.
        out: The `.safetensors` file to write.
        name: What the model is called; as its file if None.
        licence: What its makers allow; it is written into each picture.
        labels: The classes of a conditional model, in their order; 0, 1, 2, ... if none are given.
        half: Whether weights are rounded to half precision.
        overwrite: Whether `out` may be replaced.

    Returns:
        `out`.

    Raises:
        UserError: If the file cannot be read as a StyleGAN2, or as `files.writing`.
    """
    file, out = Path(file), Path(out)
    imported = import_networks(file, labels)
    source = {"file": file.name, "sha256": sha256_of(file)}
    return save_imported(
        imported, out, name=name or out.stem, licence=licence, source=source, half=half, overwrite=overwrite
    )
