"""`sakuga mix`: a sheet of pictures that have some layers of one seed and the others of another."""

from pathlib import Path
from typing import Literal


def mix(
    model: str,
    /,
    *,
    out: Path,
    rows: str = "0-3",
    columns: str = "10-17",
    layers: str = "coarse",
    sigma: float | None = None,
    psi: float | None = None,
    cutoff: int | None = None,
    truncation: Literal["interpolate", "resample"] = "interpolate",
    noise: Literal["const", "random", "none"] = "const",
    hair: str | None = None,
    eyes: str | None = None,
    attributes: str | None = None,
    scale: int = 1,
    overwrite: bool = False,
    batch_size: int = 64,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Mixes styles: each picture of the sheet is that of its row, with some layers of that of its column.

    Args:
        model: A StyleGAN2 of the zoo, a .safetensors file, or a run folder.
        out: The PNG to write, with the sources at its left and upper edge.
        rows: The seeds at the left, which give what is not in --layers.
        columns: The seeds above, which give --layers.
        layers: coarse, middle, fine, or numbers such as 0-3, or 0-3,7.
        sigma: Replaces the standard deviation that z had in training; smaller: more alike, larger: bolder.
        psi: Truncates, for example 0.7: nearer the mean face, less varied, less often broken.
        cutoff: Truncate so many layers of w, from the coarsest; all if not given.
        truncation: Pull w to its mean, or draw the components of z again that are further than psi.
        noise: The network's own fixed noise, noise of each row's seed, or none.
        hair: The hair color that a model with this attribute is told.
        eyes: The eye color, likewise.
        attributes: Any attributes by name, for example class=3,hair=aqua. What is not chosen differs by seed.
        scale: Each pixel becomes a square of so many.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
    """
    from sakuga.commands.options import attributes_of, check_positive, check_suffix, refuse_existing, set_threads
    from sakuga.configs.sampling import Sampling
    from sakuga.core.errors import UserError
    from sakuga.core.latents import parse_seeds

    check_positive(scale=scale, batch_size=batch_size)
    check_suffix(out, "--out", ".png")
    sampling = Sampling(sigma=sigma, psi=psi, cutoff=cutoff, truncation=truncation, noise=noise)
    of_rows, of_columns = parse_seeds(rows, "--rows"), parse_seeds(columns, "--columns")
    if len(of_rows) * len(of_columns) > 10_000:
        raise UserError("A sheet holds at most 10,000 pictures: give fewer --rows or --columns.")
    refuse_existing([out], overwrite)
    told = attributes_of(attributes, hair, eyes)
    set_threads(threads)

    from sakuga.core.images import save_png
    from sakuga.generation.mixing import mix as mix_styles
    from sakuga.generation.mixing import sheet_of_mixed
    from sakuga.generation.model import load
    from sakuga.generation.output import parameters

    loaded = load(model, device)
    mixed = mix_styles(loaded, of_rows, of_columns, layers, sampling=sampling, attributes=told, batch_size=batch_size)
    text = parameters(loaded, sampling) | told | {"rows": rows, "columns": columns, "layers": layers}
    save_png(out, sheet_of_mixed(mixed, scale), text, overwrite=overwrite)
    print(f"{len(of_rows)} rows, {len(of_columns)} columns by {loaded.describe()}: {out}")
