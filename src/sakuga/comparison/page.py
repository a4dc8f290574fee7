"""The page of a comparison: `index.html`, which needs no other file; `results.json` and `table.md` beside it."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sakuga.comparison.cells import command_of
from sakuga.comparison.folder import Folder, Record
from sakuga.comparison.results import (
    MEANINGS,
    Column,
    Results,
    Row,
    best_of,
    collect,
    distance_title,
    footnote,
    judge_text,
    spread_text,
    to_json,
    to_markdown,
)
from sakuga.configs.comparison import COLORED_SHARE, FRAME, WHITE, WHITE_SHARE, ComparedData
from sakuga.core.files import write_json, write_text
from sakuga.evaluation.evaluate import DURING_TRAINING
from sakuga.reporting.curves import Point, draw_curves, draw_scatter
from sakuga.reporting.page import Figures, Page
from sakuga.training.metrics_log import read_metrics

_BINS = 50
_QUALITY = ("distance", "kid_x1000", "precision", "recall", "density", "coverage", "diversity", "broken_faces_percent")
_LOOK = ("saturation", "sharpness", "images", "images_per_second", "parameters_generator", "parameters_discriminator")
_FILTERS = {
    "every_second": "every second picture by name",
    "white_background": f"pictures with at least {WHITE_SHARE:.0%} of white ({WHITE} and above in all channels) in the "
    f"frame around them, 1/{FRAME} of the side wide",
    "colored_background": f"pictures with less than {COLORED_SHARE:.0%} of white in the frame around them",
}
PANELS: dict[str, tuple[tuple[str, ...], ...]] = {
    "EfficientNet-Lite0 distance": (("efficientnet_frechet",),),
    "Wasserstein estimate": (("wasserstein",),),
    "loss of D": (("loss_d",), ("loss_d_real", "loss_d_fake")),
    "loss of G": (("loss_g",),),
    "class loss of D on real pictures": (("loss_d_class_real",),),
    "class loss of D on fakes": (("loss_d_class_fake",),),
    "class loss of the classifier": (("loss_c",),),
    "class loss of G": (("loss_g_class",),),
    "penalty": (("penalty",),),
    "gradient norm of D": (("grad_norm_d",),),
    "gradient norm of G": (("grad_norm_g",),),
}
"""Title to the names in `metrics.jsonl` that are summed; the first tuple of which all are there."""


def write_pages(folder: Folder, record: Record) -> None:
    """Writes `index.html`, `results.json` and `table.md` from what the cells have found so far."""
    results = collect(folder, record)
    write_json(folder.path / "results.json", to_json(record, results))
    write_text(folder.path / "table.md", to_markdown(record, results))
    write_text(folder.path / "index.html", _page(folder, record, results).html())


def _page(folder: Folder, record: Record, results: Results) -> Page:
    config = record.comparison
    page = Page(config.name)
    if config.question:
        page.text(config.question)
    _add_judge(page, results)
    page.text(footnote(record, results))
    _add_failed(page, results)
    for data in config.data:
        if results.columns:
            page.heading(f"On {data.label}" if len(config.data) > 1 else "Results")
            _add_data(page, folder, record, results, data)
    _add_meanings(page, results)
    if config.frontier:
        _add_frontier(page, record, results)
    _add_health(page, results)
    _add_definition(page, record, results)
    return page


def _add_judge(page: Page, results: Results) -> None:
    if not results.judge:
        return
    page.text(f"{judge_text(results)} The tables repeat it in the row of the real pictures.")
    for attribute, shares in results.judged.items():
        texts = [Figures("-" if share is None else f"{100 * share:.1f}") for share in shares.values()]
        page.table([["judge on real, %", *texts]], [attribute, "all", *filter(None, shares)], dense=True)


def _add_failed(page: Page, results: Results) -> None:
    """Adds a note for each reason why a variant failed."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell, found in results.failed:
        place = f"on {cell.data.label}, seed {cell.seed}"
        reasons.setdefault((cell.variant.label, found["reason"]), []).append(place)
    for (variant, reason), places in reasons.items():
        where = f", {len(places):,} cells ({'; '.join(places)})" if len(places) > 1 else f" {places[0]}"
        page.note(f"{variant}{where}, failed: {reason}")


def _add_data(page: Page, folder: Folder, record: Record, results: Results, data: ComparedData) -> None:
    rows = results.of(data.label)
    if len(record.comparison.data) > 1 and data.judged_by:
        page.text(f"Measured against the real pictures of {data.judged_by}.")
    elif len(record.comparison.data) > 1:
        page.text("Measured against its own real pictures: distances on two sets do not compare.")
    middle = [c for c in results.columns if c.name not in _QUALITY + _LOOK]
    absent = results.absent_of(data.label)
    _add_table(page, rows, [c for c in results.columns if c.name in _QUALITY], results, data.label, absent)
    if not rows:
        return
    _add_table(page, rows, middle, results, data.label)
    _add_table(page, rows, [c for c in results.columns if c.name in _LOOK], results, data.label)
    _add_sheets(page, folder, record, rows)
    panels = _panels(folder, rows)
    if panels:
        labels = [variant.label for variant in record.comparison.variants]
        is_spread = any(len(row.cells) > 1 for row in rows)
        spread = "; the bands reach one standard deviation over the seeds" if is_spread else ""
        logarithmic = {title for title in panels if title.startswith("gradient")}
        picture = draw_curves(panels, order=labels, log=logarithmic)
        caption = f"Over the images seen{spread}. Losses of different games do not compare."
        if any(title.startswith("EfficientNet") for title in panels):
            caption += f" The distance on the way is that of {DURING_TRAINING:,} samples, whatever the tables have."
        page.picture(picture, caption)


def _add_table(
    page: Page,
    rows: Sequence[Row],
    columns: Sequence[Column],
    results: Results,
    data: str,
    absent: Mapping[str, str] | None = None,
) -> None:
    if not columns:
        return
    cells: list[list[object]] = []
    for row in rows:
        texts = [(column, spread_text(column, row.spreads.get(column.name))) for column in columns]
        cells.append([results.label_of(row), *(Figures(text, best_of(c, rows) == row.variant) for c, text in texts)])
    cells += [[variant, Figures(why), *[Figures("")] * (len(columns) - 1)] for variant, why in (absent or {}).items()]
    real = results.real.get(data, {})
    if any(column.name in real for column in columns):
        known = [f"{real[c.name]:,.{c.digits}f}" if c.name in real else "" for c in columns]
        cells.append(["real pictures", *map(Figures, known)])
    page.table(cells, ["", *(column.title for column in columns)], dense=True)


def _add_sheets(page: Page, folder: Folder, record: Record, rows: Sequence[Row]) -> None:
    title = distance_title(record.settled.extractor)
    by_seed: dict[int, list[tuple[bytes, str, int | None]]] = {}
    for row in rows:
        for cell, found in zip(row.cells, row.found, strict=True):
            if sheet := _sheet(folder.cell(cell) / "samples.png"):
                distance = found["evaluation"]["metrics"][0]["value"]
                caption = f"{row.variant}: {title} {distance:,.1f}"
                by_seed.setdefault(cell.seed, []).append((_webp(sheet), caption, None))
    first = folder.cell(rows[0].cells[0])
    real = _sheet(first / "real.png", like=_sheet(first / "samples.png"))
    for place, seed in enumerate(sorted(by_seed, key=record.comparison.seeds.index)):
        pictures = by_seed[seed]
        if place == 0:
            if real:
                pictures = [(_webp(real), "real pictures", None), *pictures]
            page.text("The moving averages draw from the same z, picture by picture.").pictures(pictures)
        else:
            page.folded(f"The same for seed {seed}", Page("").pictures(pictures))


def _sheet(path: Path, like: Image.Image | None = None) -> Image.Image | None:
    """Returns a sheet, cut to the size of another that is narrower or lower; None if it is missing or damaged."""
    try:
        with Image.open(path) as image:
            sheet = image.convert("RGB")
    except Exception:  # Pillow's decoders raise nearly everything on damaged data
        return None
    return sheet.crop((0, 0, min(like.width, sheet.width), min(like.height, sheet.height))) if like else sheet


def _webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=88, method=4)
    return buffer.getvalue()


def _panels(folder: Folder, rows: Sequence[Row]) -> dict[str, dict[str, tuple[list[float], list[float], list[float]]]]:
    panels: dict[str, dict[str, tuple[list[float], list[float], list[float]]]] = {}
    for row in rows:
        logs = [list(read_metrics(folder.cell(cell))) for cell in row.cells]
        for title, ways in PANELS.items():
            curves = [_curve(lines, ways) for lines in logs]
            joined = _join([curve for curve in curves if curve])
            if joined[0]:
                panels.setdefault(title, {})[row.variant] = joined
    return {title: panels[title] for title in PANELS if title in panels}


def _curve(lines: Sequence[dict], ways: Sequence[Sequence[str]]) -> list[tuple[float, float]]:
    for names in ways:
        points = [(x["images"], sum(x[n] for n in names)) for x in lines if all(n in x for n in names)]
        if points:
            return [(x, y) for x, y in points if math.isfinite(y)]
    return []


def _join(curves: Sequence[Sequence[tuple[float, float]]]) -> tuple[list[float], list[float], list[float]]:
    """Returns x, mean and standard deviation over several curves, thinned by means over equal parts of x."""
    end = max((curve[-1][0] for curve in curves if curve), default=0)
    parts: dict[int, list[tuple[float, float]]] = {}
    for curve in curves:
        own: dict[int, list[tuple[float, float]]] = {}
        for x, y in curve:
            own.setdefault(min(_BINS - 1, int(_BINS * x / end)) if end else 0, []).append((x, y))
        for place, points in own.items():
            parts.setdefault(place, []).append(tuple(np.mean(points, axis=0).tolist()))
    xs, means, stds = [], [], []
    for place in sorted(parts):
        x, y = np.array(parts[place]).T
        xs.append(float(x.mean()))
        means.append(float(y.mean()))
        stds.append(float(y.std(ddof=1)) if len(y) > 1 else 0.0)
    return xs, means, stds


def _add_frontier(page: Page, record: Record, results: Results) -> None:
    title = distance_title(record.settled.extractor)
    for data in record.comparison.data:
        rows = {row.variant: row for row in results.of(data.label)}
        groups: dict[str, list[Point]] = {}
        for variant in record.comparison.variants:
            spreads = rows[variant.label].spreads if variant.label in rows else {}
            if "control_percent" in spreads and "distance" in spreads:
                x, y = spreads["control_percent"], spreads["distance"]
                text = variant.label.removeprefix(variant.group).strip(" ,:")
                groups.setdefault(variant.group or variant.label, []).append(Point(x.mean, y.mean, x.std, y.std, text))
        page.heading("Quality against control")
        if groups:
            picture = draw_scatter(
                groups,
                title=f"the frontier on {data.label}: right and low is better",
                x_label="attribute accuracy by the judge, mean of the attributes, %",
                y_label=title,
            )
            spread = ", with one standard deviation over the seeds" if results.is_spread else ""
            page.picture(picture, f"A point a variant{spread}.")
        else:
            page.text(
                "Control was not measured: give the same command again with --judge FILE --measure-again, a file that "
                "`sakuga judge` wrote; nothing is trained again for it."
                if not record.judge_sha256
                else "No cell whose control was measured is finished yet."
            )


def _add_meanings(page: Page, results: Results) -> None:
    """Adds what the columns say, folded; that of an attribute is the judge's share for it."""
    if not results.columns:
        return
    shares = "how often the judge sees the value that was asked for"
    listed = [[c.title, MEANINGS.get(c.name, shares), c.better] for c in results.columns]
    inner = Page("").table(listed, ["column", "what it says", "better"])
    inner.text(
        "Bold: ahead of the second by more than the spread of either over the seeds; with one seed nobody knows that."
    )
    page.folded("What the columns say", inner)


def _add_health(page: Page, results: Results) -> None:
    listed = [
        [row.variant, row.data, cell.seed, message]
        for row in results.rows
        for cell, found in zip(row.cells, row.found, strict=True)
        for message in found["health"]
    ]
    if listed:
        page.heading("What the runs said of themselves")
        page.table(listed, ["variant", "data", "seed", "message"])


def _add_definition(page: Page, record: Record, results: Results) -> None:
    config, settled = record.comparison, record.settled
    page.heading("What was compared")
    changed = lambda v: ", ".join(f"{n} {x}" for n, x in v.changes) or "nothing"  # noqa: E731
    page.table([[v.label, v.recipe, changed(v)] for v in config.variants], ["variant", "recipe", "changed in it"])
    sets = [[d.label, Path(d.path).name, _FILTERS.get(d.filter, "all pictures"), d.limit or "all"] for d in config.data]
    page.table(sets, ["data set", "file", "pictures", "at most"])
    _add_commands(page, record, results)
    page.text(
        f"CPU threads: {settled.threads}. Tables for quoting: table.md; all numbers: results.json; a run folder for "
        "each cell: cells/."
    )


def _add_commands(page: Page, record: Record, results: Results) -> None:
    """Adds the command of the whole, and those of its cells."""
    images, threads = record.comparison.budget.images, record.settled.threads
    page.heading("Commands").code(record.command)
    done = [(cell, found["images"]) for row in results.rows for cell, found in zip(row.cells, row.found, strict=True)]
    failed = [(cell, None) for cell, _ in results.failed]
    for summary, cells in (("The same, cell by cell", done), ("Cells that failed", failed)):
        if cells:
            inner = Page("").code("\n\n".join(command_of(cell, images or seen, threads) for cell, seen in cells))
            if any(cell.data.is_part for cell, _ in cells):
                inner.text("Parts of a data set lie in data/ of this folder: run the commands that name them there.")
            page.folded(summary, inner)
