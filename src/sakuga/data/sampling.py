"""Drawing pictures so that no value of an attribute is rarer than another, and counting which labels there are."""

from collections.abc import Sequence

import numpy as np

from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.core.errors import UserError
from sakuga.core.random import uniform
from sakuga.data.labels import missing_values

_MAX_ROUNDS = 100
_CLOSE_ENOUGH = 1e-9


def columns_to_balance(labels: np.ndarray, schema: LabelSchema, names: Sequence[str]) -> tuple[int, ...]:
    """Returns the columns of attributes whose values can all be drawn.

    Args:
        labels: int64 `[N, num_attributes]`, -1 where unknown.
        schema: What they mean.
        names: Attributes of the schema.

    Raises:
        UserError: If the schema has no such attribute, or a value of one has no picture.
    """
    columns = tuple(schema.attributes.index(schema.attribute(name)) for name in names)
    for column in columns:
        attribute = schema.attributes[column]
        empty = missing_values(attribute, labels[:, column])
        if empty or not attribute.values:
            of = f"{attribute.name}={', '.join(empty)}" if empty else f"a known {attribute.name}"
            raise UserError(
                f"{attribute.name} cannot be balanced, for no picture has {of}: add such pictures, take the value out "
                "of the labels and pack the data set anew, or balance without this attribute."
            )
    return columns


def balanced_weights(labels: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Returns how often each picture is to be drawn, so that each known value of an attribute is equally likely.

    Iterative proportional fitting (Deming and Stephan 1940): the weights start equal and are scaled for one attribute
    after the other until all are balanced. Of all distributions that are balanced it is the one nearest to the data's
    own (in relative entropy), so several attributes are balanced at once, and combinations that the data prefer stay
    preferred. Where the combinations that exist allow no balance, it stops near one, after 100 rounds. Pictures whose
    value is unknown are together as frequent as in the data.

    Args:
        labels: int64 `[N, num_attributes]`, -1 where unknown.
        columns: The attributes to balance.

    Returns:
        float64 `[N]`, above 0, of sum 1.
    """
    cells, cell_of = np.unique(labels[:, list(columns)] + 1, axis=0, return_inverse=True)
    counts = np.bincount(cell_of.ravel(), minlength=len(cells))
    mass = counts / len(labels)
    targets = [_even(cells[:, i], mass) for i in range(len(columns))]
    for _ in range(_MAX_ROUNDS):
        before = mass
        for i, target in enumerate(targets):
            found = np.bincount(cells[:, i], mass, len(target))
            mass = mass * (target / np.where(found, found, 1))[cells[:, i]]
        if np.abs(mass - before).max() < _CLOSE_ENOUGH:
            break
    weights = (mass / counts)[cell_of.ravel()]
    return weights / weights.sum()


def drawn_by_weight(cumulative: np.ndarray, places: np.ndarray, numbers: np.ndarray, seed: int) -> np.ndarray:
    """Draws pictures by their weights, so evenly that in an epoch each is drawn its share, give or take one.

    The unit interval has `N` strata, an epoch visits each of them once, and each picture owns as much of the interval
    as it weighs: with equal weights every picture is drawn once an epoch.

    Args:
        cumulative: Sums of the weights, float64 `[N]`.
        places: The strata, int64 `[B]`, a permutation of `range(N)` in an epoch.
        numbers: Image numbers, int64 `[B]`.
        seed: Names the order.

    Returns:
        int64 `[B]`.
    """
    # Off the edges, so that rounding never moves a draw into the next stratum.
    within = 1e-6 + (1 - 2e-6) * uniform(numbers, seed, "balance")
    points = (places + within) / len(cumulative) * cumulative[-1]
    return np.searchsorted(cumulative, points, side="right").clip(0, len(cumulative) - 1)


def count_labels(labels: np.ndarray) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Returns each combination of labels that occurs, -1 where unknown, and its count; all-unknown ones left out.

    Args:
        labels: int64 `[N, num_attributes]`.
    """
    some = labels[(labels != UNKNOWN).any(1)] if labels.shape[1] else labels[:0]
    rows, counts = np.unique(some, axis=0, return_counts=True)
    return tuple((tuple(row), count) for row, count in zip(rows.tolist(), counts.tolist(), strict=True))


def _even(values: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Returns the share of each value, 0 standing for unknown: that as it is, the others equal."""
    unknown = mass[values == 0].sum()
    present = np.zeros(values.max() + 1)
    present[values] = 1
    present[0] = 0
    return np.concatenate([[unknown], (1 - unknown) * present[1:] / max(present.sum(), 1)])
