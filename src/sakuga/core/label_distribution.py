"""How frequent labels are in data, and drawing others like them."""

from collections.abc import Sequence

import numpy as np

from sakuga.core.random import uniform

Labels = Sequence[int] | np.ndarray
Stream = tuple[int | str, ...]


class LabelDistribution:
    """The distribution p(a) p(b | a) p(c | a, b) ... of attributes, in their order.

    Each factor is counted among all pictures of which the attribute is known and that have the given labels, as far as
    those are known of any: among all of which it is known where none has them, and equal for all values where it is
    known of none. Where every label is known, this is the frequency of each combination.

    Args:
        labels: int64 `[N, num_attributes]`, -1 where unknown.
        sizes: Number of values of each attribute.
        weights: How often each row counts, float64 `[N]`; None: once.

    Attributes:
        known: Whether an attribute is known of any picture, bool `[num_attributes]`.
    """

    def __init__(self, labels: np.ndarray, sizes: Sequence[int], weights: np.ndarray | None = None):
        some = (labels >= 0).any(1)
        self._rows, self._weights, self._sizes = labels[some], None if weights is None else weights[some], sizes
        self._labels, of = np.unique(self._rows, axis=0, return_inverse=True)
        self._counts = np.bincount(of.ravel(), self._weights, len(self._labels))
        self.known = np.asarray((labels >= 0).any(0))

    def __bool__(self) -> bool:
        return len(self._rows) > 0

    def count(self, wanted: Labels) -> float:
        """Returns how many pictures have the wanted labels, -1 standing for any."""
        return self._counts[self._have(wanted)].sum()

    def shares(self, column: int, given: Labels) -> np.ndarray:
        """Returns the distribution of one attribute, float64 `[size]` of sum 1, given labels, -1 where free."""
        known, size = self._labels[:, column] >= 0, self._sizes[column]
        for chosen in (known & self._have(np.where(self.known, given, -1)), known):
            found = np.bincount(self._labels[chosen, column], self._counts[chosen], size)
            if found.any():
                return found / found.sum()
        return np.full(size, 1 / size)

    def draw(self, numbers: np.ndarray, streams: Sequence[Stream], wanted: Sequence[int] | None = None) -> np.ndarray:
        """Draws labels, one attribute after the other.

        Args:
            numbers: One for each picture, int64 `[n]`.
            streams: The name of a stream for each attribute.
            wanted: The label of each attribute, -1 where it is to be drawn; None: all of them are.

        Returns:
            int64 `[n, num_attributes]`, never -1, each row a pure function of its number.
        """
        wanted = [-1] * len(self._sizes) if wanted is None else wanted
        labels = np.tile(np.array(wanted, np.int64), (len(numbers), 1))
        for i, (value, stream) in enumerate(zip(wanted, streams, strict=True)):
            if value >= 0:
                continue
            drawn = uniform(numbers, *stream)
            given, row_of = np.unique(labels, axis=0, return_inverse=True)
            for j, row in enumerate(given):
                chosen = row_of.ravel() == j
                edges = np.cumsum(self.shares(i, row))[:-1]
                labels[chosen, i] = np.searchsorted(edges, drawn[chosen], side="right")
        return labels

    def draw_rows(self, numbers: np.ndarray, streams: Sequence[Stream], of_rows: Stream | None = None) -> np.ndarray:
        """Draws labels as `draw`, but whole rows where every label is known: by `of_rows`, or the first stream."""
        rows, weights = self._rows, self._weights
        if not self or (rows < 0).any():
            return self.draw(numbers, streams)
        places = uniform(numbers, *(of_rows or streams[0]))
        if weights is None:
            return rows[(places * len(rows)).astype(np.int64)]
        ends = np.cumsum(weights)
        return rows[np.searchsorted(ends[:-1], places * ends[-1], side="right")]

    def _have(self, wanted: Labels) -> np.ndarray:
        row = np.asarray(wanted, np.int64)
        return ((row < 0) | (self._labels == row)).all(1)
