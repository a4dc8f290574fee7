"""Running a comparison: what `sakuga compare` does."""

import contextlib
import sys
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sakuga.comparison.cells import Cell, cells_of, changes_of, checked_config, chosen_cells, command_of, config_of
from sakuga.comparison.data import check_data, check_real, opened, prepare, real_of
from sakuga.comparison.folder import Folder, Record, Trained
from sakuga.comparison.measure import measure
from sakuga.comparison.page import write_pages
from sakuga.comparison.presets import PRESETS
from sakuga.configs.comparison import ComparisonConfig
from sakuga.configs.modelfile import read_header
from sakuga.configs.training import TrainConfig
from sakuga.core.device import pick_device
from sakuga.core.errors import UserError
from sakuga.core.files import sha256_of, write_json, write_text
from sakuga.core.words import counted, listed
from sakuga.data.dataset import Dataset
from sakuga.evaluation.attributes import Judge, load_judge
from sakuga.training import resolve
from sakuga.training.start import train

_PROBE = 2  # steps whose speed a budget of time is first planned with
_GROWTH = 8  # times the images so far are planned at most
_NEAR = 0.98  # of a budget of time is enough


def compare(
    comparison: ComparisonConfig,
    out: str | Path,
    *,
    only: Collection[str] = (),
    retry_failed: bool = False,
    measure_again: bool = False,
    device: str = "auto",
    threads: int | None = None,
    command: str = "",
) -> dict[str, int] | None:
    """Trains and measures every cell that is not finished yet, and rewrites the page after each.

    Args:
        comparison: What is compared.
        out: A folder; one that holds this comparison already, with the same or a smaller budget, is gone on with.
        only: Labels of variants and data sets, or names of cells, as `cells.chosen_cells`: what to work on now.
        retry_failed: Whether cells that failed are tried again.
        measure_again: Whether finished cells are measured again, as `comparison.measure` says now.
        device: auto, cpu, cuda or mps.
        threads: CPU threads, the same for all cells; as many as torch has if None.
        command: What the page shows as the command; what it showed before if empty.

    Returns:
        How many of the chosen cells are `done` and `failed`; None if a signal stopped it (the state is saved then).

    Raises:
        UserError: If a data set is missing, has too few pictures to be measured against, or has not the labels that a
            recipe asks for, a recipe, option, name or device is unknown, the judge has nothing to judge or does not
            know it, or the folder holds something else. What goes wrong in a cell is no such error: it is written into
            the cell's record, and the others go on.
    """
    pick_device(device)
    configs = {variant.label: checked_config(variant) for variant in comparison.variants}
    for label, config in configs.items():
        _check(label, config)
    cells = chosen_cells(comparison, only)
    check_data(comparison.data, comparison.name in PRESETS)
    check_real([real_of(cell.data, comparison.data) for cell in cells], comparison.measure.real_every)
    judge = _judge(comparison.measure.judge, configs)  # hours before the first cell is measured with it
    _check_labels(cells, judge)
    folder = Folder(Path(out))
    record = folder.begin(comparison, threads, command, sha256_of(judge.path) if judge else "", measure_again)
    if comparison.frontier and judge is None:
        print(
            "Control will not be measured, so quality is not plotted against it: give --judge FILE, which "
            "`sakuga judge` writes, now or later with --measure-again.",
            file=sys.stderr,
        )
    _tell_outdated(folder, record, cells)
    counts = {"done": 0, "failed": 0}
    for number, cell in enumerate(cells, 1):
        found = folder.result(cell, record)
        if found is None or (retry_failed and found["state"] == "failed"):
            print(f"[{number}/{len(cells)}] {cell.name}", file=sys.stderr)
            found = _run(cell, folder, record, device)
            if found is None:
                return None
            try:
                write_pages(folder, record)
            except Exception as error:  # the other cells go on; what is still wrong after the last one is an error
                print(f"The page waits: {_described(error)}", file=sys.stderr)
        counts[found["state"]] += 1
    write_pages(folder, record)
    return counts


def _tell_outdated(folder: Folder, record: Record, chosen: Collection[Cell]) -> None:
    """Says how many results leave the page, as the settings of the whole have changed and `--only` passes them by."""
    passed_by = [folder.found(cell) for cell in cells_of(record.comparison) if cell not in chosen]
    others = [found for found in passed_by if found and not record.covers(found)]
    if others:
        print(
            f"Not on the page for now: {counted(len(others), 'finished cell')} measured at another budget or with "
            "other settings, which --only passes by; the same command without --only brings them up to date.",
            file=sys.stderr,
        )


def _check(label: str, config: TrainConfig) -> None:
    try:
        resolve.check(config)
    except UserError as error:
        raise UserError(f"Variant {label!r}: {error}") from error


def _judge(path: str, configs: Mapping[str, TrainConfig]) -> Judge | None:
    """Loads the judge, if there is one, and refuses it if none of the variants is told attributes."""
    judge = load_judge(path, "cpu") if path else None
    if judge is None or any(config.conditioning.attributes for config in configs.values()):
        return judge
    are = "are" if len(configs) > 1 else "is"
    raise UserError(
        f"--judge {path}: {listed(list(configs))} {are} trained without attributes, so there is nothing to judge: "
        "leave the judge out."
    )


def _check_labels(cells: Sequence[Cell], judge: Judge | None) -> None:
    """Refuses labels that do not fit the recipes, or that the judge does not know.

    A data set that an attribute is asked of is opened for it, which it has to be anyway; others wait for their cells.
    """
    sets: dict[tuple[str, int | None], Dataset] = {}
    for variant, data in dict.fromkeys((cell.variant, cell.data) for cell in cells):
        config = config_of(Cell(variant, data, seed=0))
        told = config.conditioning.attributes
        if not told and not config.data.balance:
            continue
        resolution = None if config.data.resolution == "auto" else config.data.resolution
        if (data.label, resolution) not in sets:
            sets[data.label, resolution] = opened(data, resolution)
        dataset, what = sets[data.label, resolution], f"{variant.label!r} on {data.label}"
        try:
            resolve.check_labels(config, dataset)
        except UserError as error:
            raise UserError(f"Variant {what}: {error}") from error
        if judge is not None and told:
            judge.check_knows(dataset.schema if told == "all" else dataset.schema.restricted(told), what)


def _run(cell: Cell, folder: Folder, record: Record, device: str) -> dict[str, Any] | None:
    """Trains and measures one cell; writes and returns its record, None if a signal stopped it."""
    run_dir, budget, threads = folder.cell(cell), record.comparison.budget, record.settled.threads
    about = {"variant": cell.variant.label, "data": cell.data.label, "seed": cell.seed, "terms": record.terms}
    try:
        _clear(run_dir)
        data = prepare(cell.data, folder.data)
        if not _train(cell, folder, data, record, device, command_of(cell, budget.images, threads)):
            return None
        real = prepare(real_of(cell.data, record.comparison.data), folder.data)
        found = measure(cell, run_dir, real, record.comparison.measure, record.settled, device)
        command = command_of(cell, budget.images or found["images"], threads)
        done = about | {"state": "done", "command": command} | found
        write_json(run_dir / "cell.json", done)
        return done
    except Exception as error:  # whatever it is, the other cells go on
        reason = _described(error) + ("" if isinstance(error, UserError) else " (see error.txt)")
        print(f"{cell.name} failed: {reason}", file=sys.stderr)
        failed = about | {"state": "failed", "reason": " ".join(reason.split())}
        with contextlib.suppress(UserError, OSError):  # where nothing can be written, nothing can be noted
            if not isinstance(error, UserError):
                write_text(run_dir / "error.txt", traceback.format_exc())
            write_json(run_dir / "cell.json", failed)
        return failed


def _described(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _clear(run_dir: Path) -> None:
    """Removes what stands in the way of a new beginning, if the run itself has not begun yet."""
    (run_dir / "cell.json").unlink(missing_ok=True)
    if not (run_dir / "run.json").exists():
        (run_dir / "error.txt").unlink(missing_ok=True)


def _train(cell: Cell, folder: Folder, data: str, record: Record, device: str, command: str) -> bool:
    """Trains a cell from where it is to the end of its budget; returns False if a signal stopped it."""
    run_dir, budget, settled = folder.cell(cell), record.comparison.budget, record.settled

    def go_on(images: int | None, part: Mapping[str, str]) -> bool:
        """Begins a run of so many images, or goes on with it; a part of it has options of its own."""
        changes = changes_of(cell, images, settled.points, settled.threads) | dict(part)
        if not (run_dir / "run.json").exists():
            return train(cell.variant.recipe, data, run_dir, changes=changes, device=device, command=command)
        free = {name: value for name, value in changes.items() if name.startswith(("duration", "outputs."))}
        return train(None, data, run_dir, changes=free, resume=True, device=device, command=command)

    if budget.images is None:
        return _train_for(60 * (budget.minutes or 0), lambda: folder.trained(cell), go_on)
    model = run_dir / "model.safetensors"
    is_trained = model.exists() and read_header(model).images_seen >= budget.images
    return is_trained or go_on(budget.images, {})


def _train_for(
    seconds: float, trained: Callable[[], Trained], go_on: Callable[[int | None, Mapping[str, str]], bool]
) -> bool:
    """Trains a cell until it has been trained for so long; what it writes on its way is not counted.

    After a few steps in ever longer parts, each as long as the speed so far promises, so that a speed that changes does
    no harm: to four fifths of the time, then to its end.

    Args:
        seconds: The budget.
        trained: Returns how far the cell is.
        go_on: Trains on, as the function of that name in `_train`.

    Returns:
        False if a signal stopped it.
    """
    while True:
        images, spent = trained()
        if spent >= _NEAR * seconds:
            return True
        whole, part = None, {"duration": f"{_PROBE} steps", "outputs.evaluations": "never"}
        if images:
            speed, left = images / spent, seconds - spent
            more = max(1, round(speed * left * (0.8 if left > 0.3 * seconds else 1.0)))
            whole, part = round(speed * seconds), {"duration": f"{min(images + more, _GROWTH * images)} images"}
        if not go_on(whole, part):
            return False
