"""`sakuga import`: another program's StyleGAN2 becomes a model file; nothing in its file is executed."""

from pathlib import Path


def import_(
    file: Path,
    /,
    *,
    out: Path,
    name: str | None = None,
    licence: str = "",
    labels: str | None = None,
    half: bool = False,
    overwrite: bool = False,
) -> None:
    """Reads a StyleGAN2 that another program has trained and writes it as a model file of sakuga.

    Known are the .pkl files of stylegan2-ada-pytorch, of the stylegan3 repository and of the TensorFlow repositories
    stylegan2 and stylegan2-ada, and the .pt files of rosinality/stylegan2-pytorch.

    Args:
        file: The file. No code in it is run.
        out: The .safetensors file to write.
        name: What the model is called; as its file if not given.
        licence: What its makers allow; it stays with the model and is written into each picture.
        labels: The classes of a conditional model, in their order, for example cat,dog,fox. 0,1,2,... if not given.
        half: Round the weights to half precision: half the size, and pictures that differ by a level of 255 at most.
        overwrite: Replace `out` if it exists.
    """
    from sakuga.commands.options import check_suffix, refuse_existing
    from sakuga.core.errors import UserError

    check_suffix(out, "--out", ".safetensors")
    if file.suffix.lower() == ".safetensors":
        raise UserError(f"{file} is a safetensors file, which import does not read: give a .pkl or a .pt file.")
    refuse_existing([out], overwrite)
    classes = [value.strip() for value in labels.split(",")] if labels is not None else []

    from sakuga.models.adapters.convert import import_model

    _, imported = import_model(file, out, name=name, licence=licence, labels=classes, half=half, overwrite=overwrite)
    config = imported.generator[0]
    parts = "generator and discriminator" if imported.discriminator else "generator"
    told = f", {len(imported.labels.attributes[0].values)} classes" if imported.labels.attributes else ""
    size = out.stat().st_size / 1e6
    print(f"{out}: {parts} of {imported.layout}, {config.resolution}x{config.resolution}{told}, {size:.1f} MB")
    for note in imported.notes:
        print(f"  {note}")
    if not licence:
        print("  the file says nothing of its licence: see what its makers allow, and give it by --licence")
