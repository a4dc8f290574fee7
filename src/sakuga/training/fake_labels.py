"""The labels that fakes are made from."""

from typing import Literal, NamedTuple

import numpy as np

from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.core.random import uniform


class FakeLabels:
    """Draws labels, a pure function of (seed, image number); never an unknown one.

    Args:
        labels: Of the real pictures, int64 `[N, num_attributes]`, -1 where unknown.
        schema: The attributes that G is told.
        prior: `data`: those of a real picture all of whose attributes are known, or, where there is none, each
            attribute by itself as frequent as in the data. `uniform`: each value equally likely.
        seed: Names the stream.
        weights: How often D sees each real picture, float64 `[N]`, so that classes are as frequent among fakes; None
            for equally often.
    """

    def __init__(
        self,
        labels: np.ndarray,
        schema: LabelSchema,
        prior: Literal["data", "uniform"],
        seed: int,
        weights: np.ndarray | None = None,
    ):
        self.schema, self.seed = schema, seed
        known = labels != UNKNOWN
        # One table for each attribute, or one for all: what is drawn from, and how often.
        self._tables: list[_Table]
        if prior == "uniform":
            self._tables = [_table(np.arange(size)[:, None]) for size in schema.sizes]
        elif known.all(1).any():
            self._tables = [_table(labels, known.all(1), weights)]
        else:
            self._tables = [_table(labels[:, [i]], known[:, i], weights) for i in range(labels.shape[1])]

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the labels of the fakes with these numbers, int64 `[len(numbers), num_attributes]`."""
        if not self.schema.attributes:
            return np.zeros((len(numbers), 0), np.int64)
        drawn = [table.at(uniform(numbers, self.seed, "fake labels", i)) for i, table in enumerate(self._tables)]
        return np.concatenate(drawn, 1)


class _Table(NamedTuple):
    """Rows to draw from. `ends`: sums of their weights, None where all weigh the same."""

    rows: np.ndarray
    ends: np.ndarray | None

    def at(self, places: np.ndarray) -> np.ndarray:
        """Returns the rows at places in [0, 1) of the table, in which each row is as long as its weight."""
        if self.ends is None:
            return self.rows[(places * len(self.rows)).astype(np.int64)]
        return self.rows[np.searchsorted(self.ends[:-1], places * self.ends[-1], side="right")]


def _table(rows: np.ndarray, chosen: np.ndarray | slice = slice(None), weights: np.ndarray | None = None) -> _Table:
    return _Table(rows[chosen], None if weights is None else np.cumsum(weights[chosen]))
