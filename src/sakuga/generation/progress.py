"""Work in batches, with a progress bar where it takes long."""

import contextlib
import time
from collections.abc import Iterator

from sakuga.core.progress import progress_bar

_PATIENCE = 2.0  # seconds


def batches(count: int, size: int, title: str) -> Iterator[slice]:
    """Yields slices that cover `range(count)`, `size` long but for the last; draws a bar on stderr after two seconds.

    Of loops in each other only the outer one should have more than one batch: there is room for one bar.
    """
    started, bar, task = time.monotonic(), None, None
    with contextlib.ExitStack() as stack:
        for first in range(0, count, size):
            if bar is None and time.monotonic() - started > _PATIENCE:
                bar = stack.enter_context(progress_bar())
                task = bar.add_task(title, total=count)
            if bar is not None and task is not None:
                bar.update(task, completed=first)
            yield slice(first, min(first + size, count))
