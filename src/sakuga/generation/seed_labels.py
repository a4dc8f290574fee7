"""Labels of samples by their seeds: a table, or what a labeler sees."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sakuga.core.errors import UserError
from sakuga.core.latents import MAX_SEED
from sakuga.core.table import UNKNOWN_MARKS, read_table
from sakuga.generation.classifier import LoadedClassifier

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

_MAX_VALUES = 200


class Column(NamedTuple):
    """One attribute of `N` samples.

    Attributes:
        name: Of the attribute.
        values: Its values; () where it is a number.
        targets: How likely each value is, float64 `[N, K]`, zeros where unknown; a number `[N, 1]`, NaN where unknown.
    """

    name: str
    values: tuple[str, ...]
    targets: np.ndarray


def seen_by(
    labeler: LoadedClassifier, model: "LoadedModel", seeds: Sequence[int], batch_size: int = 64, progress: bool = True
) -> list[Column]:
    """Returns how likely a labeler finds each value in the sample of each seed."""
    found = []
    for first in range(0, len(seeds), 1024):  # so that the pictures are never in memory all at once
        part = seeds[first : first + 1024]
        images = model.sample_images(model.z_of_seeds(part), model.labels_of(part), batch_size)
        found.append(labeler.probabilities(images, "Labeling" if progress else ""))
    each = [np.concatenate(parts).astype(np.float64) for parts in zip(*found, strict=True)]
    return [Column(a.name, a.values, targets) for a, targets in zip(labeler.schema.attributes, each, strict=True)]


def read_seed_labels(path: Path) -> tuple[list[int], list[Column]]:
    """Reads a table whose rows are the seed of a sample and its labels: `seed,hair,eyes`.

    A column of numbers is a quantity, of which there is more or less. An empty cell is unknown, and a column of nothing
    else is left out.

    Returns:
        The seeds and the columns.

    Raises:
        UserError: If there is no such file, or it is no such table.
    """
    header, rows = _rows(path)
    seeds = [_seed(row[header.index("seed")], path) for row in rows]
    if len(set(seeds)) < len(seeds):
        twice = next(seed for seed in seeds if seeds.count(seed) > 1)
        raise UserError(f"{path} has the seed {twice} more than once: write each seed once.")
    texts = {name: [row[i].strip().lower() for row in rows] for i, name in enumerate(header) if name != "seed"}
    columns = [_column(name, cells, path) for name, cells in texts.items() if not UNKNOWN_MARKS.issuperset(cells)]
    if not columns:
        raise UserError(f"{path} says nothing of any seed: fill in a column.")
    return seeds, columns


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    if not path.is_file():
        raise UserError(f"{path} is not there or is no file: give a table seed,hair,eyes.")
    header, rows = read_table(path.read_bytes(), str(path), "seed", "seed,hair,eyes")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise UserError(f"{path}, row {number}: {','.join(row)[:80]!r} has not {len(header)} columns: mend it.")
    if not rows:
        raise UserError(f"{path} has no row: write a line for each seed.")
    return header, rows


def _seed(text: str, path: Path) -> int:
    if not (text.strip().isdecimal() and int(text) <= MAX_SEED):
        raise UserError(f"{path}: {text[:40]!r} is not a seed: write whole numbers from 0 to {MAX_SEED}.")
    return int(text)


def _column(name: str, texts: list[str], path: Path) -> Column:
    known = [text for text in texts if text not in UNKNOWN_MARKS]
    numbers = [_number(text) for text in texts]
    if all(_number(text) is not None for text in known):
        return Column(name, (), np.array([[np.nan if n is None else n] for n in numbers], np.float64))
    values = tuple(sorted(set(known)))
    if len(values) > _MAX_VALUES:
        raise UserError(
            f"{path}: the column {name} has {len(values)} different values, at most {_MAX_VALUES} are possible: "
            "remove it."
        )
    return Column(name, values, np.array([[float(text == value) for value in values] for text in texts]))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) and text not in UNKNOWN_MARKS else None
