"""Progress on stderr."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def progress_bar() -> Progress:
    """Returns a progress bar that draws on stderr and vanishes when it is done."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True)


def tracked(items: Sequence[T], title: str) -> Iterator[T]:
    """Yields the items under a progress bar of that title; without a bar if the title is empty."""
    if not title:
        yield from items
        return
    with progress_bar() as progress:
        yield from progress.track(items, description=title)
