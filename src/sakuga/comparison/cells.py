"""The cells of a comparison: a variant on a data set with a seed, trained and measured in a folder of its own."""

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sakuga.configs.comparison import ComparedData, ComparisonConfig, Variant, slug
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError, nearest
from sakuga.recipes import recipe
from sakuga.training.sources import adopted


@dataclass(frozen=True)
class Cell:
    """One run of a comparison."""

    variant: Variant
    data: ComparedData
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{slug(self.variant.label)}__{slug(self.data.label)}__s{self.seed}"


def cells_of(config: ComparisonConfig) -> list[Cell]:
    """Returns all cells, one seed after the other, so that the page has something of everything early."""
    return [Cell(variant, data, seed) for seed in config.seeds for data in config.data for variant in config.variants]


def chosen_cells(config: ComparisonConfig, only: Collection[str]) -> list[Cell]:
    """Returns the cells that `only` names; all if it is empty.

    Args:
        config: The comparison.
        only: Labels and groups of variants, labels of data sets, and names of cells, or several in one text with commas
            between them. Those of variants and of data sets choose where they cross.

    Raises:
        UserError: If a name is none of these.
    """
    cells = cells_of(config)
    variants = {name for v in config.variants for name in (v.label, v.group) if name}
    data = {d.label for d in config.data}
    known = {*variants, *data, *(cell.name for cell in cells)}
    only = {name for text in only for name in _names_in(text, known)}
    wanted_variants, wanted_data = only & variants, only & data
    crossing = not only or bool(wanted_variants or wanted_data)
    return [
        cell
        for cell in cells
        if cell.name in only
        or (
            crossing
            and (not wanted_variants or {cell.variant.label, cell.variant.group} & wanted_variants)
            and (not wanted_data or cell.data.label in wanted_data)
        )
    ]


def _names_in(text: str, known: Collection[str]) -> Iterator[str]:
    """Yields the names in a text with commas; since a name may hold commas, the longest one that is known counts."""
    parts = text.split(",")
    while parts:
        beginnings = [",".join(parts[:end]).strip() for end in range(len(parts), 0, -1)]
        name = next((beginning for beginning in beginnings if beginning in known), None)
        if name is None:
            wrong = beginnings[-1]
            raise UserError(f"--only {wrong}: no variant, data set or cell is called so: {nearest(wrong, known)}")
        yield name
        del parts[: name.count(",") + 1]


def checked_config(variant: Variant) -> TrainConfig:
    """Returns the variant's recipe with its changes.

    Raises:
        UserError: If it has no such option, does not take such a value, or a model that it begins with is not there.
    """
    try:
        return adopted(recipe(variant.recipe), dict(variant.changes))
    except UserError as error:
        raise UserError(f"Variant {variant.label!r}: {error}") from error


def config_of(cell: Cell) -> TrainConfig:
    """Returns the config of a cell, but for its budget and threads."""
    return adopted(recipe(cell.variant.recipe), changes_of(cell, None, points=0, threads=1))


def changes_of(cell: Cell, images: int | None, points: int, threads: int) -> dict[str, Any]:
    """Returns what a cell changes in its recipe: the variant's options, and what is the same for all.

    Args:
        cell: Any.
        images: The budget, or what the time that is the budget will do for; None if that is not known.
        points: How often the distance is measured on the way.
        threads: CPU threads.
    """
    shared = _outputs_of(images, points) if images is not None else {}
    if cell.data.resolution is not None:
        shared["data.resolution"] = cell.data.resolution
    own = {"seed": cell.seed, "threads": threads, "name": cell.name}
    if images is not None:
        own["duration"] = f"{images} images"
    return shared | dict(cell.variant.changes) | own


def _outputs_of(images: int, points: int) -> dict[str, Any]:
    """Returns what a run of so many images writes on its way."""
    return {
        "outputs.sheets": f"every {max(1, images // 4)} images",
        "outputs.snapshots": "never",
        "outputs.checkpoints": f"every {max(1, images // 10)} images",
        "outputs.evaluations": f"every {max(1, images // points)} images" if points else "never",
    }


def command_of(cell: Cell, images: int | None, threads: int) -> str:
    """Returns the `sakuga train` that does the same as the cell.

    Args:
        cell: Any. If its data are a part of a file, their path in the command is that within the comparison's folder.
        images: The budget, or what was seen in the time that was the budget; None if that is not known yet.
        threads: CPU threads, on which results depend.
    """
    data = f"data/{cell.data.part_name}" if cell.data.is_part else cell.data.path
    words = ["sakuga", "train", cell.variant.recipe, "--data", data, "--run-dir", cell.name]
    for name, value in changes_of(cell, images, points=0, threads=threads).items():
        if name != "name" and not name.startswith("outputs."):
            words += [f"--{name}", str(value).lower() if isinstance(value, bool) else str(value)]
    return shlex.join(words)
