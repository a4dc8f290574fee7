"""Where the pictures of an evaluation come from: a model, a folder or zip of anybody's, a part of a data set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sakuga.core.decode import BadFile, decode
from sakuga.core.errors import UserError
from sakuga.core.progress import tracked
from sakuga.data.problem import Problem
from sakuga.data.sources import open_source
from sakuga.features.extractor import Pictures


class Samples:
    """Pictures drawn by a model when a slice of them is asked for, so that they never are in memory all at once.

    Args:
        count: How many there are.
        draw: Draws the samples with these numbers, int64 `[n]`, as uint8 `[n, H, W, 3]`; the same numbers must give the
            same pictures.
    """

    def __init__(self, count: int, draw: Callable[[np.ndarray], np.ndarray]):
        self._numbers = np.arange(count)
        self._draw = draw

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: slice) -> np.ndarray:
        return self._draw(self._numbers[index])


class Kept:
    """Pictures that are drawn once and then remembered, where several passes go over them and memory is enough."""

    LIMIT = 1 << 30  # bytes

    def __init__(self, images: Pictures):
        self._images = images
        self._drawn: np.ndarray | None = None
        self._known = np.zeros(len(images), bool)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: slice) -> np.ndarray:
        if not self._known[index].all():
            batch = self._images[index]
            if self._drawn is None and len(self) * batch[0].nbytes <= self.LIMIT:
                self._drawn = np.empty((len(self), *batch.shape[1:]), np.uint8)
            if self._drawn is None:
                return batch
            self._drawn[index], self._known[index] = batch, True
        return self._images[index] if self._drawn is None else self._drawn[index]


class Subset:
    """Some of the pictures of an array or a memory map, read when asked for."""

    def __init__(self, images: np.ndarray, indices: np.ndarray):
        self._images, self._indices = images, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: slice) -> np.ndarray:
        return self._images[self._indices[index]]


def pick(images: Pictures, indices: np.ndarray) -> np.ndarray:
    """Returns single pictures, uint8 `[n, H, W, 3]`."""
    return np.concatenate([images[i : i + 1] for i in indices.tolist()])


def read_pictures(path: str | Path, resolution: int, count: int) -> tuple[np.ndarray, list[Problem]]:
    """Reads pictures of a folder or a zip, as a data set is read, but keeping duplicates.

    A generator that repeats itself must not be measured on its different pictures alone. Where there are more than
    `count` files, they are evenly spaced by name: names often follow the content, so that the first are no fair choice.

    Args:
        path: A folder or a zip.
        resolution: Height and width that the pictures are brought to (the largest centered square, Lanczos).
        count: How many at most.

    Returns:
        uint8 `[N, resolution, resolution, 3]` in the order of their names, and the files that were passed over, each
        with the reason.

    Raises:
        UserError: If the path is missing or holds no good picture.
    """
    source = open_source(path)
    chosen = [source.names[i] for i in evenly_spaced(len(source.names), count)]
    images, good, problems = np.empty((len(chosen), resolution, resolution, 3), np.uint8), 0, list(source.problems)
    for name in tracked(chosen, f"Reading {Path(path).name}"):
        try:
            images[good] = decode(source.read(name), resolution)
            good += 1
        except BadFile as error:
            problems.append(Problem(name, str(error)))
    if not good:
        first = f" (the first problem: {problems[0]})" if problems else ""
        raise UserError(f"{path} holds no good picture{first}: give a folder or a zip of pictures.")
    return images[:good], problems


def evenly_spaced(size: int, count: int) -> np.ndarray:
    """Returns `count` of the numbers below `size`, growing and evenly spaced; all of them if there are fewer."""
    count = min(size, count)
    return np.arange(count) * size // max(count, 1)
