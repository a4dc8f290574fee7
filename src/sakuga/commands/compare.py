"""`sakuga compare`: recipes x data sets x seeds at one budget, on one page."""

import re
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sakuga.commands.options import ANY_MACHINE, Machine, check_folder, split_options

if TYPE_CHECKING:
    from sakuga.configs.comparison import ComparisonConfig, Variant


def compare(
    recipes: tuple[str, ...] = (),
    /,
    *,
    out: Path,
    preset: str | None = None,
    data_folder: Path | None = None,
    data: tuple[str, ...] = (),
    variant: tuple[str, ...] = (),
    change: tuple[str, ...] = (),
    seeds: str | None = None,
    budget: str | None = None,
    only: str | None = None,
    retry_failed: bool = False,
    measure_again: bool = False,
    num_images: int | None = None,
    real_every: int | None = None,
    extractor: Literal["auto", "inception", "efficientnet"] = "auto",
    points: int | None = None,
    judge: str | None = None,
    machine: Machine = ANY_MACHINE,
) -> int | None:
    """Trains recipes on data sets at one budget, measures them, and writes one page: OUT/index.html.

    Give the same command again to go on after Ctrl-C, a crash or a power cut. Presets: seed000-losses, seed000-tricks,
    seed000-lambda, seed003-ratio, seed004; docs/compare.md tells what each asks.

    Args:
        recipes: Recipes to compare as they are.
        out: A folder for the page and a run folder for each cell.
        preset: A comparison that is known by name, instead of recipes and data.
        data_folder: Where the files of the preset are.
        data: The data sets: folders, zips, or synthetic.
        variant: Recipes with changes, each one text: 'LABEL=RECIPE --OPTION VALUE ...'.
        change: NAME=VALUE, an option of every recipe that is compared, for example batch_size=32.
        seeds: Seeds of training, for example 0-2,7; 0 if not given. More may be added later.
        budget: What every cell may use: images seen, or "10 minutes" of training time; "60k images" if not given. It
            may grow later.
        only: Labels of variants or data sets, or names of cells, separated by commas: what to work on now.
        retry_failed: Try cells again that failed.
        measure_again: Measure finished cells again, as the options say now.
        num_images: How many samples to measure at the end; 5,000 if not given.
        real_every: Measure against every n-th real picture by name; every 4th if not given.
        extractor: The network to measure with at the end. Only with the Inception is the distance a FID.
        points: How often the EfficientNet-Lite0 distance is measured during training; 4 times if not given, 0 for
            never.
        judge: A file that `sakuga judge` wrote: measure whether samples have the attributes asked for.
        machine: Where to compute; the same for every cell.
    """
    from sakuga.core.errors import UserError
    from sakuga.core.words import counted

    check_folder(out, "--out")
    machine.prepare()
    if (preset is None) == (not (recipes or variant)):
        raise UserError("Give either --preset NAME, or recipes to compare: sakuga compare quick64 dcgan64 --data ...")
    measure = {"extractor": extractor, "num_images": num_images, "real_every": real_every, "points": points}
    config = _with_options(
        _of_preset(preset, data_folder, data) if preset else _ad_hoc(recipes, variant, data, data_folder),
        change,
        seeds,
        budget,
        measure | {"judge": judge},
    )

    from sakuga.comparison.start import compare as run

    try:
        with _terminable():
            counts = run(
                config,
                out,
                only=[only] if only else (),
                retry_failed=retry_failed,
                measure_again=measure_again,
                device=machine.device,
                threads=machine.threads,
                command=shlex.join(["sakuga", *_lasting(sys.argv[1:])]),
            )
    except KeyboardInterrupt:  # not in training, which ends its round and saves: no more than a measurement is lost
        counts = None
    if counts is None:
        print("Stopped and saved; give the same command again to go on.")
        return 130
    print(f"{out}/index.html")
    if counts["failed"]:
        failed = f"{counts['failed']:,} of {counted(sum(counts.values()), 'cell')} failed, the page says why"
        advice = "other options for a variant need a new folder" if retry_failed else "--retry-failed tries again"
        print(f"{failed}; {advice}.", file=sys.stderr)
        return 1
    return None


@contextmanager
def _terminable() -> Iterator[None]:
    """Lets SIGTERM interrupt as Ctrl-C does."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # signals are for the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _lasting(arguments: Sequence[str]) -> list[str]:
    """Returns a command line without what it chose to work on now."""
    kept, words = [], iter(arguments)
    for word in words:
        name, equals, _ = word.partition("=")
        option = name.replace("_", "-")
        if option == "--only":
            if not equals:
                next(words, None)  # its value
        elif not re.fullmatch("--(no-)?(retry-failed|measure-again)", option):
            kept.append(word)
    return kept


def read_variant(text: str) -> "Variant":
    """Returns the variant of a text such as `"r1 high=quick64 --penalty.weight 10"`.

    Raises:
        UserError: If it is no such text.
    """
    from sakuga.configs.comparison import Variant
    from sakuga.configs.patch import validate
    from sakuga.core.errors import UserError

    label, equals, rest = text.partition("=")
    try:
        words, changes = split_options(shlex.split(rest))
    except (ValueError, UserError) as error:
        raise UserError(f"--variant {text!r}: {str(error).rstrip('.')}.") from error
    if not (equals and label.strip() and len(words) == 1) or label.lstrip().startswith("-"):
        raise UserError(
            f"--variant {text!r}: write a label, =, a recipe and its options: 'high=quick64 --penalty.weight 10'."
        )
    tree = {"label": label.strip(), "recipe": words[0], "changes": list(changes.items())}
    return validate(Variant, tree, "--variant: ")


def _of_preset(name: str, folder: Path | None, data: tuple[str, ...]) -> "ComparisonConfig":
    from sakuga.comparison.presets import preset
    from sakuga.core.errors import UserError

    config = preset(name)
    files = ", ".join(dict.fromkeys(d.path for d in config.data))
    if data:
        raise UserError(f"--preset {name} names its own data ({files}): give --data-folder, the folder that holds it.")
    if folder is None:
        raise UserError(f"--data-folder is missing: name the folder that holds {files}.")
    return _changed(config, {"data": [d.model_dump() | {"path": str(folder / d.path)} for d in config.data]})


def _ad_hoc(
    recipes: tuple[str, ...], variants: tuple[str, ...], data: tuple[str, ...], folder: Path | None
) -> "ComparisonConfig":
    from sakuga.configs.comparison import ComparisonConfig
    from sakuga.configs.patch import validate
    from sakuga.core.errors import UserError
    from sakuga.core.words import listed

    if not data:
        raise UserError("--data is missing: give folders or zips of pictures, or 'synthetic'.")
    if folder is not None:
        raise UserError("--data-folder belongs to --preset: give the data sets with --data.")
    compared = [{"label": name, "recipe": name} for name in recipes] + [read_variant(v).model_dump() for v in variants]
    sets = [{"label": Path(path).stem, "path": path} for path in data]
    names = listed([v["label"] for v in compared])
    tree = {"name": f"{names} compared" if len(compared) <= 4 else f"{len(compared)} recipes compared"}
    return validate(ComparisonConfig, tree | {"variants": compared, "data": sets}, "comparison: ")


def _with_options(
    config: "ComparisonConfig",
    change: tuple[str, ...],
    seeds: str | None,
    budget: str | None,
    measure: dict[str, Any],
) -> "ComparisonConfig":
    from sakuga.core.latents import parse_seeds

    changes = _changes(change)
    tree: dict[str, Any] = {"measure": _measure(config, measure)}
    if changes:
        tree["variants"] = [
            v.model_dump() | {"changes": list((dict(v.changes) | changes).items())} for v in config.variants
        ]
    if seeds is not None:
        tree["seeds"] = parse_seeds(seeds)
    if budget is not None:
        tree["budget"] = budget
    return _changed(config, tree)


def _changes(texts: tuple[str, ...]) -> dict[str, str]:
    from sakuga.configs.comparison import OWN
    from sakuga.core.errors import UserError

    if wrong := [text for text in texts if not re.match(r"(--)?\w[\w.-]*=", text)]:
        raise UserError(f"--change {wrong[0]!r}: write NAME=VALUE, for example batch_size=32.")
    _, changes = split_options(f"--{text.removeprefix('--')}" for text in texts)
    if taken := [name for name in OWN if name in changes]:
        raise UserError(
            f"--change {taken[0]}={changes[taken[0]]}: {taken[0]} belongs to the whole comparison: use --seeds, "
            "--budget or --threads."
        )
    return changes


def _measure(config: "ComparisonConfig", given: dict[str, Any]) -> dict[str, Any]:
    from sakuga.configs.comparison import MeasureConfig
    from sakuga.configs.patch import validate
    from sakuga.core.errors import UserError

    tree = config.measure.model_dump() | {name: value for name, value in given.items() if value is not None}
    try:
        return validate(MeasureConfig, tree, "--").model_dump()
    except UserError as error:
        option, colon, rest = str(error).partition(":")
        raise UserError(f"{option.replace('_', '-')}{colon}{rest}") from error  # as it is written here


def _changed(config: "ComparisonConfig", tree: dict[str, Any]) -> "ComparisonConfig":
    from sakuga.configs.comparison import ComparisonConfig
    from sakuga.configs.patch import validate

    return validate(ComparisonConfig, config.model_dump() | tree, "--")
