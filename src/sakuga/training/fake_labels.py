"""The labels that fakes are made from."""

from typing import Literal

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
    """

    def __init__(self, labels: np.ndarray, schema: LabelSchema, prior: Literal["data", "uniform"], seed: int):
        self.schema, self.seed = schema, seed
        # One table for each attribute, or one for all: what is drawn from.
        complete = labels[(labels != UNKNOWN).all(1)]
        if prior == "uniform":
            self._tables = [np.arange(size)[:, None] for size in schema.sizes]
        elif len(complete):
            self._tables = [complete]
        else:
            self._tables = [column[column != UNKNOWN][:, None] for column in labels.T]

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the labels of the fakes with these numbers, int64 `[len(numbers), num_attributes]`."""
        if not self.schema.attributes:
            return np.zeros((len(numbers), 0), np.int64)
        drawn = [
            table[(uniform(numbers, self.seed, "fake labels", i) * len(table)).astype(np.int64)]
            for i, table in enumerate(self._tables)
        ]
        return np.concatenate(drawn, 1)
