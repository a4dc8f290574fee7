"""`sakuga mix`: a sheet of pictures that have some layers of one seed and the others of another."""

from pathlib import Path

from sakuga.commands.options import ANY_MACHINE, UNTOLD, Machine, Told
from sakuga.configs.sampling import USUAL, Sampling


def mix(
    model: str,
    /,
    *,
    out: Path,
    rows: str | None = None,
    columns: str | None = None,
    rows_from_projection: tuple[Path, ...] = (),
    columns_from_projection: tuple[Path, ...] = (),
    layers: str = "coarse",
    scale: int = 1,
    overwrite: bool = False,
    batch_size: int = 64,
    conditioning: Told = UNTOLD,
    sampling: Sampling = USUAL,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Mixes styles: each picture of the sheet is that of its row, with some layers of that of its column.

    Args:
        model: A StyleGAN2 of the zoo, a .safetensors file, or a run folder.
        out: The PNG to write, with the sources at its left and upper edge.
        rows: The seeds at the left, which give what is not in --layers; 0-3 if not given.
        columns: The seeds above, which give --layers; 10-17 if not given.
        rows_from_projection: Files that `sakuga project` wrote: their pictures at the left, before those of --rows.
        columns_from_projection: Likewise above, before those of --columns.
        layers: coarse, middle, fine, all, or numbers such as 0-3, or 0-3,7.
        scale: Each pixel becomes a square of so many.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        conditioning: What a model with attributes is told.
        sampling: How z becomes a picture.
        machine: Where to compute.
    """
    from sakuga.commands.drawing import check_amount, check_keys, keys_of, tell_foreign
    from sakuga.commands.options import check_positive, check_suffix, refuse_existing
    from sakuga.core.errors import UserError
    from sakuga.core.words import counted

    check_positive(scale=scale, batch_size=batch_size)
    check_suffix(out, "--out", ".png")
    left = keys_of(rows, rows_from_projection, "0-3", "--rows")
    above = keys_of(columns, columns_from_projection, "10-17", "--columns")
    if len(left) * len(above) > 10_000:
        raise UserError("A sheet holds at most 10,000 pictures: give fewer --rows or --columns.")
    condition = conditioning.condition()
    refuse_existing([out], overwrite)
    machine.prepare()
    check_keys([*left, *above], condition, sampling)

    from sakuga.core.images import save_png
    from sakuga.generation.mixing import mix as mix_styles
    from sakuga.generation.mixing import sheet_of_mixed
    from sakuga.generation.model import load
    from sakuga.generation.output import parameters

    loaded = load(model, machine.device)
    check_amount((len(left) + 1) * (len(above) + 1), loaded.resolution, "--rows by --columns", scale)
    tell_foreign(loaded, [*left, *above])
    mixed = mix_styles(loaded, left, above, layers, sampling=sampling, attributes=condition, batch_size=batch_size)
    text = parameters(loaded, sampling) | condition | {"layers": layers}
    text |= {"rows": ",".join(mixed.rows), "columns": ",".join(mixed.columns)}
    save_png(out, sheet_of_mixed(mixed, scale), text, overwrite=overwrite)
    print(f"{counted(len(left), 'row')}, {counted(len(above), 'column')} by {loaded.describe()}: {out}")
