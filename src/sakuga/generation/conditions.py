"""Pictures by condition and psi: rows of one of each, and their sheet."""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sakuga.configs.conditions import Condition, described
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.generation.sample import Drawn, best_of, draw
from sakuga.generation.starts import Key, name_of
from sakuga.generation.truncation import check_sampling
from sakuga.reporting.sheets import labeled_sheet

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel


class Row(NamedTuple):
    """The pictures of one condition and one way of sampling."""

    condition: dict[str, str]
    drawn: Drawn
    sampling: Sampling = USUAL

    @property
    def caption(self) -> str:
        """The condition and psi in words."""
        psi = self.sampling.psi
        parts = [described(self.condition)] if self.condition or psi is None else []
        return ", ".join(parts + ([f"psi {psi:g}"] if psi is not None else []))


def draw_rows(
    model: "LoadedModel",
    conditions: Sequence[Condition],
    seeds: Sequence[Key],
    *,
    keep: int | None = None,
    sampling: Sequence[Sampling] = (USUAL,),
    batch_size: int = 64,
) -> Iterator[Row]:
    """Draws the same seeds under each condition, and in each way of sampling.

    Args:
        model: A model; with attributes, if conditions name any.
        conditions: Attribute name to value, or to `all`, which makes a row of each value.
        seeds: Each in 0..2^32-1, or a projected picture.
        keep: How many to keep of each row, those that D finds most real, best first; all, in order, if None.
        sampling: How z becomes a picture; a row of each for each condition.
        batch_size: Pictures a forward pass.

    Raises:
        UserError: As `LoadedModel.generate`, and with `keep` as `sample.best_of`.
    """
    for way in sampling:
        check_sampling(model, way)
    for condition, way in product(unique(model.expanded(conditions)), sampling):
        if keep:
            best = best_of(model, seeds, keep, sampling=way, attributes=condition, batch_size=batch_size)
            yield Row(condition, best, way)
        else:
            parts = list(draw(model, seeds, sampling=way, attributes=condition, batch_size=batch_size))
            images, labels = np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts])
            yield Row(condition, Drawn(list(seeds), images, labels), way)


def sheet_of_rows(rows: Sequence[Row], scale: int = 1) -> np.ndarray:
    """Lays rows of equal length out, each with its caption before it, and seeds above where all rows have the same.

    One picture under all values of two attributes has a row for each value of the first, a column for each of the
    other.

    Returns:
        uint8 `[H, W, 3]`.
    """
    seeds = rows[0].drawn.seeds
    same = all(row.drawn.seeds == seeds for row in rows)
    pictures = np.concatenate([row.drawn.images for row in rows])
    if same and len(seeds) == 1 and (crossed := _crossed(rows)):
        down, across = crossed
        title = f"seed {name_of(seeds[0])}"
        return labeled_sheet(pictures, len(across), row_captions=down, column_captions=across, title=title, scale=scale)
    return labeled_sheet(
        pictures,
        len(seeds),
        row_captions=[row.caption for row in rows],
        column_captions=[name_of(seed) for seed in seeds] if same else (),
        scale=scale,
    )


def _crossed(rows: Sequence[Row]) -> tuple[list[str], list[str]] | None:
    """Returns the values of the two attributes that rows, in order, are all combinations of; None if they are not."""
    first = rows[0].condition
    varied = [name for name in first if any(row.condition.get(name) != first[name] for row in rows)]
    values = [list(dict.fromkeys(row.condition.get(name, "") for row in rows)) for name in varied]
    if len(varied) != 2:
        return None
    expected = [first | dict(zip(varied, chosen, strict=True)) for chosen in product(*values)]
    if [row.condition for row in rows] != expected:
        return None
    down, across = ([f"{value} {name}" for value in of] for name, of in zip(varied, values, strict=True))
    return down, across


def unique(conditions: Sequence[Condition]) -> list[dict[str, str]]:
    """Returns the conditions in their order, each once."""
    found: dict[frozenset[tuple[str, str]], dict[str, str]] = {}
    for condition in conditions:
        found.setdefault(frozenset(condition.items()), dict(condition))
    return list(found.values())


def folder_names(conditions: Sequence[Condition], sampling: Sequence[Sampling] = (USUAL,)) -> list[str]:
    """Returns a folder name for each row of `draw_rows`, all different: `hair-aqua_eyes-orange`, `psi-0.7`."""
    names: list[str] = []
    for condition, way in product(conditions, sampling):
        plain = "_".join(f"{name}-{value}" for name, value in condition.items())
        psi = f"psi-{way.psi:g}" if len(sampling) > 1 else ""
        name = "_".join(part for part in (re.sub(r"[^\w-]+", "-", plain)[:100], psi) if part) or "any"
        while name.lower() in (other.lower() for other in names):
            name += "-2"
        names.append(name)
    return names
