"""The bar on stderr for what takes longer than a moment."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def progress_bar() -> Progress:
    """Returns a progress bar that draws on stderr and vanishes when it is done; nothing where that is no terminal."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def tracked(items: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """Yields the items under a bar of that title, without a bar if it is empty; `total` where they have no length."""
    if not title:
        yield from items
        return
    with progress_bar() as bar:
        yield from bar.track(items, total=total, description=title)
