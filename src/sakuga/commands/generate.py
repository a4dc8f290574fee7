"""`sakuga generate`: pictures of a model, one for each seed, or the best of many; rows of conditions or of psi."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sakuga.commands.options import ANY_MACHINE, UNTOLD, Machine, Told
from sakuga.configs.sampling import ONE_WAY, Sampling, Ways

if TYPE_CHECKING:
    from sakuga.configs.conditions import Condition
    from sakuga.generation.model import LoadedModel
    from sakuga.generation.starts import Key

MAX_SHEET = 10_000


def generate(
    model: str,
    /,
    *,
    out: Path | None = None,
    seeds: str | None = None,
    from_projection: tuple[Path, ...] = (),
    best_of: int | None = None,
    keep: int | None = None,
    conditions: str | None = None,
    sheet: Path | None = None,
    columns: int | None = None,
    scale: int = 1,
    overwrite: bool = False,
    batch_size: int = 64,
    conditioning: Told = UNTOLD,
    sampling: Ways = ONE_WAY,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Draws pictures with a model: one PNG for each seed, with its parameters inside, or all on one sheet.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        out: Write one PNG for each picture into this folder, named by its seed; of rows, a folder for each.
        seeds: Which seeds, for example 0-63,77. 0-63 if not given; of rows, 0-7 of each, or 0 if two attributes are
            all.
        from_projection: Files that `sakuga project` wrote: draw their pictures, before those of --seeds.
        best_of: Draw so many, seeds 0 to N-1, and keep those that the discriminator finds most real.
        keep: How many to keep of --best-of or of --seeds. 64 of --best-of if not given; of rows, 8 of each.
        conditions: A row for each, as in 'hair=aqua,eyes=orange; hair=black', or the preset unispac.
        sheet: Write all pictures side by side into this PNG; the best first where D chose. A row for each condition
            and psi; of one seed under all values of two attributes, a row for each of the one and a column for each of
            the other.
        columns: Pictures in a row of the sheet. As square as possible if not given.
        scale: Each pixel of the sheet becomes a square of so many.
        overwrite: Replace files that exist.
        batch_size: Pictures a forward pass.
        conditioning: What a model with attributes is told.
        sampling: How z becomes a picture.
        machine: Where to compute.
    """
    from sakuga.commands.drawing import check_keys
    from sakuga.commands.options import (
        check_folder,
        check_positive,
        check_suffix,
        refuse_existing,
    )
    from sakuga.configs.conditions import ALL, PRESETS, merged, parse_conditions
    from sakuga.core.errors import UserError

    check_positive(best_of=best_of, columns=columns, scale=scale, batch_size=batch_size)
    check_suffix(sheet, "--sheet", ".png")
    check_folder(out, "--out")
    if out is None and sheet is None:
        raise UserError("Say where to write: --out FOLDER for one file a picture, --sheet FILE.png for all on one.")
    if scale > 1 and sheet is None:
        raise UserError(f"--scale {scale} enlarges a sheet: add --sheet FILE.png.")
    condition, ways = conditioning.condition(), sampling.each()
    rows = [condition] if ALL in condition.values() else []
    if conditions is not None:
        rows = [merged(condition, row) for row in parse_conditions(conditions, "--conditions")]
    if len(ways) > 1 and not rows:
        rows = [condition]
    if rows and columns is not None:
        raise UserError("--columns: a sheet of rows has a column for each seed: leave the option out.")
    chosen, keep = _choose(seeds, from_projection, best_of, keep, _usual(rows))
    if from_projection and any(rows):
        raise UserError(
            "A projected picture cannot be told a condition: leave out --from-projection or the conditions."
        )
    _check_names(chosen, out)
    refuse_existing([sheet], overwrite)
    machine.prepare()
    check_keys(chosen, condition, ways[0])
    job = _Job(model, chosen, keep, out, sheet, ways, columns, scale, overwrite, batch_size, machine.device)
    if rows:
        _draw_rows(job, rows, is_preset=(conditions or "").strip() in PRESETS)
    else:
        _draw_seeds(job, condition)


class _Job(NamedTuple):
    model: str
    seeds: list["Key"]
    keep: int | None
    out: Path | None
    sheet: Path | None
    sampling: list[Sampling]
    columns: int | None
    scale: int
    overwrite: bool
    batch_size: int
    device: str

    def report(self, loaded: "LoadedModel", rows: int = 0) -> None:
        from sakuga.core.words import counted

        count = counted(len(self.seeds), "picture")
        count = f"The best {self.keep:,} of {count}" if self.keep else count
        what = "rows" if len(self.sampling) > 1 else "conditions"
        of = f" of each of {rows:,} {what}" if rows > 1 else ""
        where = ", ".join(str(path) for path in (self.out, self.sheet) if path)
        print(f"{count}{of} by {loaded.describe()}: {where}")


def _draw_seeds(job: _Job, told: "Condition") -> None:
    from sakuga.commands.drawing import tell_foreign
    from sakuga.commands.options import refuse_existing
    from sakuga.generation.output import file_name, listed, parameters, write_pictures

    _check_sheet(job, 1)
    # Which of the candidates D will keep shows only at the end.
    refuse_existing([job.out / file_name(seed) for seed in job.seeds if job.out], job.overwrite)

    import numpy as np

    from sakuga.core.images import save_png
    from sakuga.generation.model import load
    from sakuga.generation.sample import best_of, draw
    from sakuga.reporting.sheets import labeled_sheet

    loaded = load(job.model, job.device)
    _check_amount(job, loaded, 1)
    tell_foreign(loaded, job.seeds)
    _tell_new(loaded, [told])
    sampling = job.sampling[0]
    options = {"sampling": sampling, "attributes": told, "batch_size": job.batch_size}
    parts = [best_of(loaded, job.seeds, job.keep, **options)] if job.keep else draw(loaded, job.seeds, **options)
    for_sheet, keys = [], []
    for part in parts:
        keys += part.seeds
        if job.out is not None:
            write_pictures(job.out, loaded, part, sampling, job.overwrite)
        if job.sheet is not None:
            for_sheet.append(part.images)
    if job.sheet is not None:
        text = parameters(loaded, sampling) | dict(told) | {"seeds": listed(keys)}
        sheet = labeled_sheet(np.concatenate(for_sheet), job.columns, scale=job.scale)
        save_png(job.sheet, sheet, text, overwrite=job.overwrite)
    job.report(loaded)
    if job.keep and job.out is None:  # else the files name them
        print(f"Their seeds, best first: {listed(keys)}")


def _draw_rows(job: _Job, conditions: Sequence["Condition"], is_preset: bool) -> None:
    from sakuga.commands.drawing import tell_foreign
    from sakuga.commands.options import refuse_existing, rows_of_preset
    from sakuga.configs.conditions import written
    from sakuga.core.images import save_png
    from sakuga.generation.conditions import draw_rows, folder_names, sheet_of_rows, unique
    from sakuga.generation.model import load
    from sakuga.generation.output import file_name, listed, parameters, write_pictures

    loaded = load(job.model, job.device)
    if is_preset:
        conditions = rows_of_preset(loaded, conditions)
    rows = unique(loaded.expanded(conditions))
    count = len(rows) * len(job.sampling)
    _check_sheet(job, count)
    _check_amount(job, loaded, count)
    tell_foreign(loaded, job.seeds)
    folders = [job.out / name for name in folder_names(rows, job.sampling)] if job.out else []
    refuse_existing([folder / file_name(seed) for folder in folders for seed in job.seeds], job.overwrite)
    _tell_new(loaded, rows)
    for_sheet = []
    for i, row in enumerate(
        draw_rows(loaded, rows, job.seeds, keep=job.keep, sampling=job.sampling, batch_size=job.batch_size)
    ):
        if folders:
            write_pictures(folders[i], loaded, row.drawn, row.sampling, job.overwrite)
        if job.sheet is not None:
            for_sheet.append(row)
    if job.sheet is not None:
        text = parameters(loaded, job.sampling[0]) | ({"conditions": written(rows)} if any(rows) else {})
        seeds = [listed(row.drawn.seeds) for row in for_sheet]
        text["seeds"] = seeds[0] if len(set(seeds)) == 1 else "; ".join(seeds)
        if len(job.sampling) > 1:
            text["psi"] = ",".join(f"{way.psi:g}" for way in job.sampling)
        save_png(job.sheet, sheet_of_rows(for_sheet, job.scale), text, overwrite=job.overwrite)
    job.report(loaded, count)


def _tell_new(loaded: "LoadedModel", conditions: Sequence["Condition"]) -> None:
    from sakuga.configs.conditions import described

    if new := [described(condition) for condition in conditions if loaded.is_new(condition)]:
        print(f"No picture that {loaded.name} learned from had {'; '.join(new)}: it has to guess.", file=sys.stderr)


def _check_sheet(job: _Job, rows: int) -> None:
    from sakuga.core.errors import UserError

    if job.sheet is not None and rows * (job.keep or len(job.seeds)) > MAX_SHEET:
        raise UserError(f"A sheet holds at most {MAX_SHEET:,} pictures: give fewer seeds, or --out alone.")


def _check_amount(job: _Job, loaded: "LoadedModel", rows: int) -> None:
    """Refuses a sheet, or a row, that does not fit into memory; single pictures are written as they are drawn."""
    from sakuga.commands.drawing import check_amount

    kept = rows * (job.keep or len(job.seeds)) if job.sheet is not None else job.keep or 0
    is_row = rows > 1 and job.keep is None
    count = max(kept, len(job.seeds) if is_row else 0)
    check_amount(count, loaded.resolution, f"--keep {job.keep}" if job.keep else "--seeds", job.scale)


def _check_names(keys: list["Key"], out: Path | None) -> None:
    """Refuses pictures whose files in one folder would have one name."""
    from sakuga.core.errors import UserError

    if out is None or all(isinstance(key, int) for key in keys):
        return

    from sakuga.generation.output import file_name

    names = [file_name(key) for key in keys]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"Two of the projected pictures would be {out / twice[0]}: draw them one after the other.")


def _usual(rows: Sequence["Condition"]) -> int:
    """Returns how many seeds are drawn of each row if none are given, or of a sheet without rows."""
    from sakuga.configs.conditions import ALL

    if not rows:
        return 64
    return 1 if any(list(row.values()).count(ALL) > 1 for row in rows) else 8


def _choose(
    seeds: str | None, projections: tuple[Path, ...], best_of: int | None, keep: int | None, usual: int
) -> tuple[list["Key"], int | None]:
    """Returns the pictures to draw, each once, and how many to keep; None for all without asking D."""
    from sakuga.commands.drawing import keys_of, once
    from sakuga.core.errors import UserError
    from sakuga.generation.sample import check_keep

    candidates = f"0-{best_of - 1}" if best_of else None
    chosen = once(keys_of(candidates if seeds is None else seeds, projections, f"0-{usual - 1}"))
    if best_of is not None and seeds is not None and best_of != len(chosen):
        raise UserError(f"--best-of {best_of} and --seeds {seeds} ({len(chosen)} seeds) disagree: give one of them.")
    if best_of is not None and projections:
        raise UserError("--best-of chooses among seeds: leave it or --from-projection out.")
    if best_of is not None and keep is None:
        keep = min(usual, best_of)
    if keep is not None:
        check_keep(keep, len(chosen))
    return chosen, keep
