"""What the options of several verbs mean. Imports no torch."""

import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sakuga.configs.base import Config
from sakuga.configs.conditions import Condition, described, merged, parse_condition, possible
from sakuga.core.errors import UserError
from sakuga.core.files import check_place

if TYPE_CHECKING:
    from rich.console import Console

    from sakuga.generation.model import LoadedModel


class Told(Config):
    """What a model with attributes is told."""

    hair: str | None = Field(
        default=None,
        description="The hair color, of a model that is told one; all, where rows are drawn: each.",
    )
    eyes: str | None = Field(default=None, description="The eye color, likewise.")
    attributes: str | None = Field(
        default=None,
        description="Any attributes by name, for example class=3,hair=aqua. What is not chosen differs by seed.",
    )

    def condition(self) -> dict[str, str]:
        """Returns what they choose together; errors as `parse_condition` and `merged`."""
        named = {name: value for name, value in (("hair", self.hair), ("eyes", self.eyes)) if value is not None}
        return merged(named, parse_condition(self.attributes, "--attributes"))


class Machine(Config):
    """Where to compute."""

    device: str = Field(default="auto", description="auto, cpu, cuda or mps.")
    threads: int | None = Field(default=None, description="How many CPU threads torch may use.")

    def prepare(self) -> None:
        """Lets torch use so many threads; as many as it likes if None.

        Raises:
            UserError: If there are fewer than one, or too many.
        """
        check_positive(threads=self.threads)
        if self.threads is not None:
            from sakuga.core.device import set_threads

            set_threads(self.threads)


UNTOLD, ANY_MACHINE = Told(), Machine()


def console() -> "Console":
    """Returns a console that shows text as it is: labels and files may be named [b] or :cat:."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def split_options(
    words: Iterable[str], flags: Collection[str] = (), known: Collection[str] | None = None
) -> tuple[list[str], dict[str, str]]:
    """Returns the words of a command line that are no options, and options by name, as in `batch_size`, with values.

    Args:
        words: Among them options as `--NAME VALUE` or `--NAME=VALUE`.
        flags: Names of options that take no value; theirs is empty.
        known: Names, up to the first dot, of what options take a value; another is not asked for one. None: any.

    Raises:
        UserError: If an option has no value, or a flag has one, or an option is given twice.
    """
    rest, others = list(words), []
    options: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            others.append(word)
            continue
        written, equals, value = word.partition("=")
        name = written.removeprefix("--").replace("-", "_")
        if equals and name in flags:
            raise UserError(f"{written} takes no value: write {written}, or leave it out.")
        if not equals and name not in flags:
            if not rest or rest[0].startswith("--"):
                if known is not None and name.partition(".")[0] not in known:
                    raise UserError(f"No option {written}: see --help for those that there are.")
                raise UserError(f"{written} has no value: write {written} VALUE.")
            value = rest.pop(0)
        if name in options:
            raise UserError(f"{written} is given twice: give it once.")
        options[name] = value
    return others, options


def rows_of_preset(loaded: "LoadedModel", preset: Sequence[Condition]) -> Sequence[Condition]:
    """Returns the conditions of a preset that a model can draw, and says on stderr which it cannot; all, to be refused
    by name, if it can draw none."""
    known, others = possible(loaded.schema, preset)
    if known and others:
        pairs = dict.fromkeys(pair for condition in others for pair in condition.items())
        unknown = [described(dict([pair])) for pair in pairs if possible(loaded.schema, [dict([pair])])[1]]
        left_out = "; ".join(described(condition) for condition in others)
        print(f"{loaded.name} does not know {', '.join(unknown)}: left out {left_out}.", file=sys.stderr)
    return known or preset


def refuse_existing(paths: Iterable[Path | None], overwrite: bool) -> None:
    """Refuses to begin work whose results could not be written at its end.

    Raises:
        UserError: If a file exists and may not be replaced, is a folder, or lies where no file can be made.
    """
    places = [path for path in paths if path is not None]
    for folder in dict.fromkeys(path.parent for path in places):
        check_place(folder, next(path for path in places if path.parent == folder))
    for path in places:
        if path.is_dir():
            raise UserError(f"{path} is a folder: give the name of a file.")
    found = [] if overwrite else [path for path in places if path.exists()]
    if found:
        others = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        raise UserError(f"{found[0]}{others} would be overwritten: choose another name, or give --overwrite.")


def check_folder(path: Path | None, option: str) -> None:
    """Refuses a folder to write into that is a file, lies in one, or cannot be written; None passes.

    Raises:
        UserError: If so.
    """
    for place in (path, *path.parents) if path is not None else ():
        if place.exists() and not place.is_dir():
            raise UserError(f"{option} {path}: {place} is a file and no folder: name a folder, new or not.")
    if path is not None:
        check_place(path, path)


def check_positive(**options: int | None) -> None:
    """Refuses numbers below 1; None passes.

    Raises:
        UserError: If one is.
    """
    for name, value in options.items():
        if value is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')} {value} is too small: give 1 or more.")


def check_suffix(path: Path | None, option: str, *suffixes: str) -> None:
    """Refuses a file name whose ending is none of `suffixes`; None passes.

    Raises:
        UserError: If so.
    """
    if path is not None and path.suffix.lower() not in suffixes:
        raise UserError(f"{option} {path}: give a name that ends in {' or '.join(suffixes)}.")
