"""`sakuga export`: a generator for other programs."""

from pathlib import Path


def export(
    model: str,
    /,
    *,
    onnx: Path | None = None,
    half: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
) -> None:
    """Writes a generator for programs without torch, checked against torch before anything is written.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        onnx: The folder for mapping.onnx (z to ws), synthesis.onnx (ws to pictures) and model.json.
        half: Store weights in half precision: half the size; pictures may differ by up to 3 levels of 255.
        overwrite: Replace files that exist.
        threads: How many threads torch may use.
    """
    from sakuga.commands.options import Machine
    from sakuga.core.errors import UserError

    if onnx is None:
        raise UserError("`sakuga export` writes nothing unless told what: give --onnx FOLDER.")
    Machine(threads=threads).prepare()

    from sakuga.exporting.onnx import export as export_onnx

    done = export_onnx(model, onnx, half=half, overwrite=overwrite)
    size = sum(path.stat().st_size for path in done[:3]) / 2**20
    print(f"{onnx}: {', '.join(path.name for path in done[:3])}, {size:.1f} MiB, within {done.difference:.1g} of torch")
