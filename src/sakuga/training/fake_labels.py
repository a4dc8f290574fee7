"""The labels that fakes are made from."""

from typing import Literal

import numpy as np

from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.core.label_distribution import LabelDistribution


class FakeLabels:
    """Draws labels, a pure function of (seed, image number); never an unknown one.

    Args:
        labels: Of the real pictures, int64 `[N, num_attributes]`, -1 where unknown.
        schema: The attributes that G is told.
        prior: `data`: as frequent as in the data. `uniform`: each value equally likely.
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
        known = labels if prior == "data" else np.full_like(labels, UNKNOWN)
        self._distribution = LabelDistribution(known, schema.sizes, weights)
        self._streams = [(seed, "fake labels", i) for i in range(len(schema.sizes))]

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the labels of the fakes with these numbers, int64 `[len(numbers), num_attributes]`."""
        return self._distribution.draw_rows(numbers, self._streams)
