"""The folder of a comparison: what it compares, settled once, and what its cells found."""

import importlib.util
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from sakuga.comparison.cells import Cell, cells_of
from sakuga.comparison.data import key_of
from sakuga.configs.base import Config
from sakuga.configs.comparison import Budget, ComparisonConfig
from sakuga.configs.patch import validate
from sakuga.core.errors import UserError
from sakuga.core.files import is_untouched, write_json
from sakuga.features.extractor import is_here, usual_extractor
from sakuga.features.find import find_weights
from sakuga.training import checkpoint


class Settled(Config):
    """What depends on the machine, decided when the comparison begins and kept, or cells would have different rulers.

    Attributes:
        extractor: The network that measures at the end.
        points: How often the EfficientNet-Lite0 distance is measured during training; 0 without its weights.
        faces: Whether broken faces are counted.
        threads: CPU threads.
    """

    extractor: Literal["inception", "efficientnet"]
    points: int
    faces: bool
    threads: int


class Record(Config):
    """`comparison.json`.

    Attributes:
        comparison: What is compared.
        keys: Data set's label to a hash of its content.
        settled: What depends on the machine.
        command: The newest command, without what it chose to work on.
        judge_sha256: The hash of the judge's file; empty without one, and in folders from before it was kept.
    """

    comparison: ComparisonConfig
    keys: tuple[tuple[str, str], ...]
    settled: Settled
    command: str
    judge_sha256: str = ""

    @property
    def terms(self) -> dict[str, Any]:
        """What the results of a cell depend on beside its own definition."""
        measure = self.comparison.measure.model_dump(mode="json", exclude={"points", "judge"})
        settled = {"extractor": self.settled.extractor, "faces": self.settled.faces}
        return {"budget": str(self.comparison.budget), "judge_sha256": self.judge_sha256} | measure | settled

    def covers(self, found: dict[str, Any]) -> bool:
        """Tells whether what a `cell.json` says, a result or a failure, was found as it is to be found now."""
        return found.get("terms") == self.terms


class Trained(NamedTuple):
    """How far a cell has been trained, and in how many seconds."""

    images: int
    seconds: float


class Folder:
    """`comparison.json`, `cells/`, `data/`, and the pages that are drawn from them.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path):
        self.path = path

    def begin(
        self,
        comparison: ComparisonConfig,
        threads: int | None,
        command: str,
        judge_sha256: str = "",
        measure_again: bool = False,
    ) -> Record:
        """Makes the folder, or goes on with the comparison that is in it.

        Args:
            comparison: What is to be compared; data sets are there.
            threads: CPU threads; as many as torch has now if None.
            command: What the page shows as the command; what it showed before if empty.
            judge_sha256: The hash of the judge's file; empty without one.
            measure_again: Whether cells are measured as `comparison` says, even if they have been already.

        Returns:
            What the folder holds. Seeds may have been added, and the budget may be another.

        Raises:
            UserError: If it holds something else, a comparison that differs in more than that, or cells that have been
                trained beyond the budget.
        """
        keys = tuple((data.label, key_of(data)) for data in comparison.data)
        found = self.read()
        if found is None:
            if (self.path.exists() and not self.path.is_dir()) or not is_untouched(self.path):
                raise UserError(f"--out {self.path} is not empty and holds no comparison: name a new folder.")
            settled = _settle(comparison, threads)
        else:
            self._check_same(found, comparison, keys, measure_again)
            if not measure_again:
                self._check_same_judge(found, comparison, judge_sha256)
            settled, command = found.settled, command or found.command
            if threads not in (None, settled.threads):
                raise UserError(
                    f"--threads {threads}: the comparison in {self.path} began with {settled.threads}, and results "
                    "depend on it: leave the option out, or name a new folder."
                )
            if measure_again:
                settled = _settle(comparison, settled.threads)
        record = Record(comparison=comparison, keys=keys, settled=settled, command=command, judge_sha256=judge_sha256)
        if record != found:
            write_json(self.path / "comparison.json", record.model_dump(mode="json"))
        return record

    def read(self) -> Record | None:
        """Returns what `comparison.json` says; None if there is none.

        Raises:
            UserError: If it is damaged.
        """
        path = self.path / "comparison.json"
        if not path.is_file():
            return None
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path} is damaged: take an intact copy, or start anew in another folder.") from error
        return validate(Record, tree, f"entry in {path},")

    def cell(self, cell: Cell) -> Path:
        """Returns the run folder of a cell."""
        return self.path / "cells" / cell.name

    @property
    def data(self) -> Path:
        """Where parts of data sets are kept."""
        return self.path / "data"

    def result(self, cell: Cell, record: Record) -> dict[str, Any] | None:
        """Returns what `cell.json` says; None if there is none that the record covers."""
        found = self.found(cell)
        return found if found and record.covers(found) else None

    def found(self, cell: Cell) -> dict[str, Any] | None:
        """Returns what `cell.json` says; None if the cell is not finished, or its file is damaged."""
        try:
            tree = json.loads((self.cell(cell) / "cell.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return tree if isinstance(tree, dict) else None

    def trained(self, cell: Cell) -> Trained:
        """Returns how far a cell has been trained; errors as `checkpoint.newest_state`."""
        state = checkpoint.newest_state(self.cell(cell))
        return Trained(state.get("images", 0), state.get("seconds", 0.0))

    def _check_same(
        self, found: Record, comparison: ComparisonConfig, keys: tuple[tuple[str, str], ...], measure_again: bool
    ) -> None:
        old, new = _tree(found.comparison), _tree(comparison)
        free = {"seeds", "budget"} | ({"measure"} if measure_again else set())
        changed = next((name for name in new if name not in free and new[name] != old.get(name)), None)
        if changed is None and set(comparison.seeds) >= set(found.comparison.seeds):
            moved = [label for (label, key), (_, before) in zip(keys, found.keys, strict=True) if key != before]
            if not moved:
                return self._check_budget(found, comparison.budget)
            raise UserError(
                f"The data set {moved[0]} is not the one that the comparison in {self.path} began with: give that one, "
                "or name a new folder with --out."
            )
        what, before, now = _difference(changed or "seeds", old, new)
        raise UserError(
            f"--out {self.path} holds another comparison: {what} was {before} and is now {now}: name a new folder, or "
            "give the command as it was (seeds may be added, the budget may grow, --measure-again measures anew)."
        )

    def _check_budget(self, found: Record, budget: Budget) -> None:
        """Refuses a budget of another kind, or one that a cell has been trained beyond."""
        if budget == found.comparison.budget:
            return
        before = f"The comparison in {self.path} began with --budget {str(found.comparison.budget)!r}"
        if (budget.images is None) != (found.comparison.budget.images is None):
            raise UserError(
                f"{before}, and {budget.described} are something else: give that, more of it, or name a new folder."
            )
        for cell in cells_of(found.comparison):
            if budget.is_exceeded(*self.trained(cell)):
                raise UserError(
                    f"{before}, and {cell.name} has been trained beyond {budget.described}: give more, or name a new "
                    "folder."
                )

    def _check_same_judge(self, found: Record, comparison: ComparisonConfig, sha256: str) -> None:
        # Before the hash was kept, the path had to stay.
        is_same = comparison.measure.judge == found.comparison.measure.judge
        if sha256 == found.judge_sha256 if found.judge_sha256 else is_same:
            return
        raise UserError(
            f"--judge {comparison.measure.judge} is not the judge that the comparison in {self.path} began with "
            f"({found.comparison.measure.judge}): give that one, or name a new folder with --out."
        )


def _tree(comparison: ComparisonConfig) -> dict[str, Any]:
    tree = comparison.model_dump(mode="json", exclude={"name", "question"})  # what is said of it
    tree["measure"]["judge"] = "a judge" if comparison.measure.judge else "none"  # which one, its hash tells
    for data in tree["data"]:
        del data["path"]  # it may have moved; the content is compared by its hash
    for variant in tree["variants"]:
        variant["changes"] = dict(variant["changes"])
    return tree


def _difference(name: str, old: Any, new: Any) -> tuple[str, str, str]:
    """Returns the name of the first value that differs, and the two values."""
    what, owner, before, now = name, "", old[name], new[name]
    while True:
        if isinstance(before, dict) and isinstance(now, dict):
            part = next(key for key in {**before, **now} if now.get(key) != before.get(key))
            owner = now.get("label", owner)
            what = f"{part} of {owner}" if owner else part
            before, now = before.get(part, "as in the recipe"), now.get(part, "as in the recipe")
        elif isinstance(now, list) and len(before) == len(now) and isinstance(now[0], dict):
            before, now = next((a, b) for a, b in zip(before, now, strict=True) if a != b)
        else:
            return what, _short(before), _short(now)


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(v["label"] if isinstance(v, dict) else v) for v in value)
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _settle(comparison: ComparisonConfig, threads: int | None) -> Settled:
    measure = comparison.measure
    extractor = usual_extractor() if measure.extractor == "auto" else measure.extractor
    find_weights(extractor)  # downloaded before hours of training, or refused
    points = measure.points if measure.points and is_here("efficientnet") else 0
    faces = importlib.util.find_spec("cv2") is not None if measure.faces == "auto" else measure.faces
    return Settled(extractor=extractor, points=points, faces=faces, threads=threads or torch.get_num_threads())
