"""`sakuga generate`: pictures of a model, one for each seed, or the best of many."""

from pathlib import Path

MAX_SHEET = 10_000


def generate(
    model: str,
    /,
    *,
    out: Path | None = None,
    seeds: str | None = None,
    sigma: float | None = None,
    best_of: int | None = None,
    keep: int | None = None,
    attributes: str | None = None,
    sheet: Path | None = None,
    columns: int | None = None,
    overwrite: bool = False,
    batch_size: int = 64,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Draws pictures with a model: one PNG for each seed, with its parameters inside, or all on one sheet.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        out: Write one PNG for each picture into this folder, named by its seed.
        seeds: Which seeds, for example 0-63,77. 0-63 if not given.
        sigma: Replaces the standard deviation that z had in training; smaller: more alike, larger: bolder.
        best_of: Draw so many, seeds 0 to N-1, and keep those that the discriminator finds most real.
        keep: How many to keep of --best-of or of --seeds. 64 of --best-of if not given.
        attributes: What a model with attributes is told, for example hair=aqua,eyes=orange. The rest differs by seed.
        sheet: Write all pictures side by side into this PNG; the best first where D chose.
        columns: Pictures in a row of the sheet. As square as possible if not given.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
    """
    from sakuga.commands.options import check_positive, check_suffix, parse_attributes, refuse_existing, set_threads
    from sakuga.core.errors import UserError
    from sakuga.generation.output import file_name, parameters, write_pictures

    check_positive(best_of=best_of, columns=columns, batch_size=batch_size)
    check_suffix(sheet, "--sheet", ".png")
    if out is None and sheet is None:
        raise UserError("Say where to write: --out FOLDER for one file a picture, --sheet FILE.png for all on one.")
    chosen, keep = _choose(seeds, best_of, keep)
    if sheet is not None and (keep or len(chosen)) > MAX_SHEET:
        raise UserError(f"A sheet holds at most {MAX_SHEET:,} pictures: give fewer seeds, or --out alone.")
    told = parse_attributes(attributes)
    # Which of the candidates D will keep shows only at the end.
    refuse_existing([sheet, *(out / file_name(seed) for seed in chosen if out)], overwrite)
    set_threads(threads)

    import numpy as np

    from sakuga.core.images import grid, save_png
    from sakuga.generation.model import load
    from sakuga.generation.sample import best_of as best
    from sakuga.generation.sample import draw

    loaded = load(model, device)
    if keep:
        parts = [best(loaded, chosen, keep, sigma=sigma, attributes=told, batch_size=batch_size)]
    else:
        parts = draw(loaded, chosen, sigma=sigma, attributes=told, batch_size=batch_size)
    for_sheet = []
    for part in parts:
        if out is not None:
            write_pictures(out, loaded, part, sigma, overwrite)
        if sheet is not None:
            for_sheet.append(part.images)
    if sheet is not None:
        save_png(sheet, grid(np.concatenate(for_sheet), columns), parameters(loaded, sigma) | told, overwrite=overwrite)
    count = f"The best {keep:,} of {len(chosen):,}" if keep else f"{len(chosen):,}"
    print(f"{count} pictures by {loaded.describe()}: {', '.join(str(p) for p in (out, sheet) if p)}")


def _choose(seeds: str | None, best_of: int | None, keep: int | None) -> tuple[list[int], int | None]:
    """Returns the seeds to draw, each once, and how many pictures to keep; None for all without asking D."""
    from sakuga.core.errors import UserError
    from sakuga.core.latents import parse_seeds
    from sakuga.generation.sample import check_keep

    chosen = list(range(best_of or 64)) if seeds is None else list(dict.fromkeys(parse_seeds(seeds)))
    if best_of is not None and best_of != len(chosen):
        raise UserError(f"--best-of {best_of} and --seeds {seeds} ({len(chosen)} seeds) disagree: give one of them.")
    if best_of is not None and keep is None:
        keep = min(64, best_of)
    if keep is not None:
        check_keep(keep, len(chosen))
    return chosen, keep
