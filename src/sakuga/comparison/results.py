"""What the cells found, together: means and spreads over the seeds, as JSON and as tables."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sakuga.comparison.cells import Cell, cells_of
from sakuga.comparison.folder import Folder, Record
from sakuga.core.words import counted

Found = Mapping[str, Any]


class Spread(NamedTuple):
    """A mean over seeds, the standard deviation (0 for one seed), and of how many."""

    mean: float
    std: float
    count: int


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        name: What `results.json` calls it.
        title: What people read.
        digits: After the point.
        better: `low` or `high`; empty where neither is.
        value: Takes it from a cell's record; None where it was not measured.
    """

    name: str
    title: str
    digits: int
    better: str
    value: Callable[[Found], float | None]


MEANINGS = {
    "distance": "distance between drawn and real pictures as a network sees them (Frechet)",
    "kid_x1000": "the same by another formula (kernel distance, squared), which few pictures do not raise",
    "precision": "share of the drawn pictures that lie among the real ones",
    "recall": "share of the real pictures that lie among the drawn ones",
    "density": "how densely the real pictures lie around a drawn one; above 1 where they crowd",
    "coverage": "share of the real pictures that have a drawn one among their nearest",
    "diversity": "how far drawn pictures are from each other, over how far real ones are",
    "broken_faces_percent": "share in which no face is found",
    "control_percent": "how often the judge sees what was asked for, mean of the attributes",
    "diversity_within": "the same among pictures of the same attributes",
    "saturation": "mean saturation of the colors, 0 to 1; right as the real pictures' is",
    "sharpness": "contrast of neighboring pixels (variance of the Laplacian); right as the real pictures' is",
    "images": "real pictures that D has seen",
    "images_per_second": "of training, on this machine as busy as it was",
    "parameters_generator": "millions of weights of the generator",
    "parameters_discriminator": "millions of weights of what judges it",
}
"""What the columns say, by their names; those of single attributes are the judge's."""


def metrics_of(found: Found) -> dict[str, float]:
    """Returns the metrics of a cell, those of a network without its name, the Frechet distance as `distance`."""
    listed = {metric["name"]: metric["value"] for metric in found["evaluation"]["metrics"]}
    network = found["evaluation"]["ruler"]["extractor"]
    plain = {name.removeprefix(f"{network}_"): value for name, value in listed.items()}
    plain["distance"] = plain.pop("fid" if network == "inception" else "frechet")
    return plain


def _metric(name: str, scale: float = 1.0) -> Callable[[Found], float | None]:
    def value(found: Found) -> float | None:
        number = metrics_of(found).get(name)
        return None if number is None else scale * number

    return value


def _statistic(name: str) -> Callable[[Found], float | None]:
    return lambda found: next((s["samples"] for s in found["evaluation"]["statistics"] if s["name"] == name), None)


def _control(found: Found) -> float | None:
    """Returns the mean of the attributes' accuracies."""
    rows = (found["evaluation"].get("attributes") or {}).get("attributes", ())
    return 100 * sum(row["accuracy"] for row in rows) / len(rows) if rows else None


def distance_title(extractor: str) -> str:
    """Returns what the Frechet distance on that network is called."""
    return "FID" if extractor == "inception" else "EfficientNet distance"


def columns_of(record: Record, found: Sequence[Found]) -> list[Column]:
    """Returns the columns for which any cell has a value, in the order of the table."""
    attributes: dict[str, None] = {}
    for cell in found:
        for row in (cell["evaluation"].get("attributes") or {}).get("attributes", ()):
            attributes[row["attribute"]] = None
    judges = "D and classifier" if any("classifier" in cell["parameters"] for cell in found) else "D"
    listed = [
        Column("distance", distance_title(record.settled.extractor), 1, "low", _metric("distance")),
        Column("kid_x1000", "KID x 1000", 1, "low", _metric("kid", 1000)),
        Column("precision", "Precision", 3, "high", _metric("precision")),
        Column("recall", "Recall", 3, "high", _metric("recall")),
        Column("density", "Density", 3, "high", _metric("density")),
        Column("coverage", "Coverage", 3, "high", _metric("coverage")),
        Column("diversity", "Diversity", 2, "", _metric("diversity")),
        Column("broken_faces_percent", "Broken faces %", 1, "low", _metric("broken_faces", 100)),
        Column("control_percent", "Attributes %", 1, "high", _control),
        *(Column(f"{a}_percent", f"{a} %", 1, "high", _metric(f"{a}_accuracy", 100)) for a in attributes),
        Column("diversity_within", "Diversity within", 2, "high", _metric("diversity_within")),
        Column("saturation", "Saturation", 3, "", _statistic("saturation")),
        Column("sharpness", "Sharpness", 4, "", _statistic("sharpness")),
        Column("images", "Images seen", 0, "", lambda found: found["images"]),
        Column("images_per_second", "Images/s", 0, "", lambda found: found["timing"]["images_per_second"]),
        Column("parameters_generator", "G, M par.", 2, "", lambda found: found["parameters"]["generator"] / 1e6),
        Column("parameters_discriminator", f"{judges}, M par.", 2, "", _millions_of_d),
    ]
    return [column for column in listed if any(column.value(cell) is not None for cell in found)]


def _millions_of_d(found: Found) -> float | None:
    """Returns the parameters of D, and of the classifier of a design that has one beside it, in millions."""
    numbers = found["parameters"]
    return (numbers["discriminator"] + numbers.get("classifier", 0)) / 1e6 if "discriminator" in numbers else None


@dataclass(frozen=True)
class Row:
    """A variant on a data set: its cells that are done, one a seed, and what they have in common."""

    variant: str
    data: str
    cells: tuple[Cell, ...]
    found: tuple[Found, ...]
    spreads: Mapping[str, Spread]


@dataclass(frozen=True)
class Results:
    """All that is known of a comparison.

    Attributes:
        columns: Of the table.
        rows: Variants on data sets with at least one cell that is done.
        absent: Variant and data set without a cell that is done, in the order of the table, to why.
        failed: Cells that failed, with their records.
        outdated: Cells that were measured at another budget or with other settings.
        waiting: Cells that are not finished yet.
        real: Data set's label to the statistics and face share of its real pictures, and how far the judge is right
            on real ones, by the name of the column.
        judge: The judge, in words; empty without one.
        judged: Attribute to the judge's accuracies on held-out real pictures: first under no name that of all of them,
            then by value; None where it was not measured.
    """

    columns: list[Column]
    rows: list[Row]
    absent: dict[tuple[str, str], str]
    failed: Sequence[tuple[Cell, Found]]
    outdated: list[Cell]
    waiting: list[Cell]
    real: dict[str, dict[str, float]]
    judge: str
    judged: dict[str, dict[str, float | None]]

    def of(self, data: str) -> list[Row]:
        """Returns the rows of one data set."""
        return [row for row in self.rows if row.data == data]

    @property
    def is_spread(self) -> bool:
        """Whether any row is made of several seeds."""
        return any(len(row.cells) > 1 for row in self.rows)

    def label_of(self, row: Row) -> str:
        """Returns what a table calls a row: the variant, and of how many seeds it is made where rows differ in that."""
        differ = len({len(row.cells) for row in self.rows}) > 1
        return f"{row.variant} ({counted(len(row.cells), 'seed')})" if differ else row.variant

    def absent_of(self, data: str) -> dict[str, str]:
        """Returns the variants without a row on one data set, to why."""
        return {variant: why for (variant, where), why in self.absent.items() if where == data}


def collect(folder: Folder, record: Record) -> Results:
    """Reads the records of all cells."""
    cells = cells_of(record.comparison)
    records = [(cell, found) for cell in cells if (found := folder.found(cell))]
    covered = [(cell, found) for cell, found in records if record.covers(found)]
    done = [(cell, found) for cell, found in covered if found["state"] == "done"]
    columns = columns_of(record, [found for _, found in done])
    rows = []
    for data in record.comparison.data:
        for variant in record.comparison.variants:
            mine = [(c, f) for c, f in done if c.variant == variant and c.data == data]
            if mine:
                own, found = tuple(c for c, _ in mine), tuple(f for _, f in mine)
                rows.append(Row(variant.label, data.label, own, found, _spreads(columns, found)))
    real: dict[str, dict[str, float]] = {}
    for cell, found in done[::-1]:
        real[cell.data.label] = real.get(cell.data.label, {}) | _real(found)
    reports = [report for _, found in done if (report := found["evaluation"].get("attributes"))]
    failed = [(cell, found) for cell, found in covered if found["state"] == "failed"]
    finished = [cell for cell, _ in records]
    outdated = [cell for cell, found in records if not record.covers(found)]
    waiting = [cell for cell in cells if cell not in finished]
    whys = [*((c, "not yet") for c in waiting), *((c, "other settings") for c in outdated)]
    whys += [(c, "failed") for c, _ in failed]  # which says more
    why = {(c.variant.label, c.data.label): text for c, text in whys}
    pairs = [(v.label, d.label) for d in record.comparison.data for v in record.comparison.variants]
    there = {(row.variant, row.data) for row in rows}
    return Results(
        columns=columns,
        rows=rows,
        absent={pair: why[pair] for pair in pairs if pair not in there},
        failed=failed,
        outdated=outdated,
        waiting=waiting,
        real=real,
        judge=reports[0]["judge"] if reports else "",
        judged=_judged(reports),
    )


def _judged(reports: Sequence[Found]) -> dict[str, dict[str, float | None]]:
    judged: dict[str, dict[str, float | None]] = {}
    for row in (row for report in reports for row in report["attributes"]):
        of_values = {value["value"]: value["judge"] for value in row["values"]}
        judged.setdefault(row["attribute"], {"": row["judge"]}).update(of_values)
    return judged


def _spreads(columns: Sequence[Column], found: Sequence[Found]) -> dict[str, Spread]:
    spreads = {}
    for column in columns:
        values = [value for value in map(column.value, found) if value is not None and math.isfinite(value)]
        if values:
            std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            spreads[column.name] = Spread(float(np.mean(values)), std, len(values))
    return spreads


def _real(found: Found) -> dict[str, float]:
    real = {s["name"]: s["real"] for s in found["evaluation"]["statistics"]}
    metrics = metrics_of(found)
    if "broken_faces_real" in metrics:
        real["broken_faces_percent"] = 100 * metrics["broken_faces_real"]
    rows = (found["evaluation"].get("attributes") or {}).get("attributes", ())
    judged = {f"{row['attribute']}_percent": 100 * row["judge"] for row in rows if row["judge"] is not None}
    if judged and len(judged) == len(rows):
        real["control_percent"] = sum(judged.values()) / len(judged)
    return real | judged


def spread_text(column: Column, spread: Spread | None) -> str:
    """Returns `12.3 ± 0.4`, without the spread where there was one seed; a dash where nothing was measured."""
    if spread is None:
        return "-"
    mean = f"{spread.mean:,.{column.digits}f}"
    is_same = spread.count < 2 or (not column.better and spread.std == 0)
    return mean if is_same else f"{mean} ± {spread.std:,.{column.digits}f}"


def best_of(column: Column, rows: Sequence[Row]) -> str | None:
    """Returns the variant that is best in a column among rows of one data set; None where there is no race.

    Nor is there a winner within the noise: it has to be ahead of the second by more than the larger of their spreads,
    and of one seed the spread is not known.
    """
    measured = [(row.spreads[column.name], row.variant) for row in rows if column.name in row.spreads]
    if not column.better or len(measured) < 2:
        return None
    (first, winner), (second, _), *_ = sorted(measured, key=lambda m: m[0].mean, reverse=column.better == "high")
    if min(first.count, second.count) < 2:
        return None
    return winner if abs(first.mean - second.mean) > max(first.std, second.std) else None


def to_json(record: Record, results: Results) -> dict[str, Any]:
    """Returns what `results.json` holds."""
    summary = [
        {"variant": row.variant, "data": row.data, "seeds": [cell.seed for cell in row.cells]}
        | {name: spread._asdict() for name, spread in row.spreads.items() if name != "images_per_second"}
        for row in results.rows
    ]
    return {
        "name": record.comparison.name,
        "question": record.comparison.question,
        "budget": str(record.comparison.budget),
        "command": record.command,
        "summary": summary,
        "cells": [dict(found) for row in results.rows for found in row.found],
        "failed": [dict(found) for _, found in results.failed],
        "outdated": [cell.name for cell in results.outdated],
        "waiting": [cell.name for cell in results.waiting],
    }


def judge_text(results: Results) -> str:
    """Returns how far the judge is right, in words; no claim about samples reaches further. Empty without one."""
    if not results.judge:
        return ""
    known = [f"{name} {shares['']:.1%}" for name, shares in results.judged.items() if shares[""] is not None]
    right = f"it is right about {', '.join(known)}" if known else "its accuracy is not known"
    return (
        f"Judge: {results.judge}. On real pictures that it was not trained on {right}: that bounds what it says of "
        "samples."
    )


def to_markdown(record: Record, results: Results) -> str:
    """Returns the table for a page of documentation; the winner of each data set in bold."""
    several = len(record.comparison.data) > 1
    titles = [*(["Data"] if several else []), "Variant", *(column.title for column in results.columns)]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for data in record.comparison.data:
        rows = results.of(data.label)
        for row in rows:
            cells = [data.label] if several else []
            cells.append(results.label_of(row))
            for column in results.columns:
                text = spread_text(column, row.spreads.get(column.name))
                cells.append(f"**{text}**" if best_of(column, rows) == row.variant else text)
            lines.append(_line(cells))
        for variant, why in results.absent_of(data.label).items() if results.columns else ():
            cells = [data.label] * several + [variant, why]
            lines.append(_line(cells + [""] * (len(titles) - len(cells))))
    lines += [
        "",
        " ".join(filter(None, (judge_text(results), footnote(record, results)))),
        "",
        f"    {record.command}",
        "",
    ]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def footnote(record: Record, results: Results) -> str:
    """Returns how the numbers were measured, in words."""
    config = record.comparison
    found = [cell for row in results.rows for cell in row.found]
    listed = ", ".join(map(str, config.seeds))
    seeds = f"seed {listed}" if len(config.seeds) == 1 else f"seeds {listed}"
    if results.is_spread:
        seeds += "; mean ± standard deviation over those of a row"
    elif len(config.seeds) == 1:
        seeds += ", so that small differences mean nothing"
    elif found:
        seeds += "; no row has more than one of them, so that small differences mean nothing"
    text = f"Every cell: {config.budget.described}, {seeds}."
    if config.budget.images is not None and any(cell["images"] > config.budget.images for cell in found):
        text += " A run ends with the round in which it reaches its budget, so that it may have seen a few images more."
    rulers = {cell["data"]: cell["evaluation"]["ruler"] for cell in found}
    if rulers:
        ruler = next(iter(rulers.values()))
        network = "the 2015 Inception" if ruler["extractor"] == "inception" else "EfficientNet-Lite0 (no FID)"
        real = {ruler["real"] for ruler in rulers.values()}
        which = real.pop() if len(real) == 1 else "; ".join(f"{data}: {r['real']}" for data, r in rulers.items())
        labels = " or ".join(dict.fromkeys(cell["evaluation"]["ruler"]["labels"] for cell in found))
        text += f" Measured once at the end on {network}: {ruler['num_samples']:,} samples of the moving average"
        text += f" against real pictures ({which})."
        if labels != "none":
            text += f" Labels of the samples: {labels}."
    parts = [f"{len(results.failed)} failed"] * bool(results.failed)
    parts += [f"{len(results.waiting)} not finished yet"] * bool(results.waiting)
    parts += [
        f"{len(results.outdated)} measured at another budget or with other settings: give the command without --only "
        "to bring them up to date"
    ] * bool(results.outdated)
    return text + (f" Of {len(cells_of(config))} cells, {', '.join(parts)}." if parts else "")
