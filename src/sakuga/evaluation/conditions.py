"""Labels for the samples of a conditional model: as frequent as in the data, or its distance would measure that too."""

import numpy as np

from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.core.random import uniform
from sakuga.data.dataset import Dataset


def labels_like_data(dataset: Dataset, schema: LabelSchema, count: int, seed: int = 0) -> tuple[np.ndarray, str]:
    """Draws labels for samples from the labels of a data set.

    Attributes and values are matched by their names. Only pictures whose values are known for every attribute of the
    model count; where there are none, every value is equally likely.

    Args:
        dataset: Its labels are the ones to draw from.
        schema: The model's.
        count: How many samples.
        seed: Names the draw.

    Returns:
        int64 `[count, num_attributes]`, never -1, and how they were chosen, in words.
    """
    if not schema.attributes:
        return np.zeros((count, 0), np.int64), "none"
    numbers = np.arange(count)
    rows = translated(dataset.labels, dataset.schema, schema)
    rows = rows[(rows != UNKNOWN).all(1)]
    if len(rows):
        return rows[_scaled(uniform(numbers, seed, "labels"), len(rows))], "the data's own frequencies"
    columns = [_scaled(uniform(numbers, seed, "labels", a.name), len(a.values)) for a in schema.attributes]
    return np.stack(columns, 1), "every value equally likely (the data has no labels of the model's kind)"


def translated(labels: np.ndarray, known: LabelSchema, wanted: LabelSchema) -> np.ndarray:
    """Returns labels of one schema as labels of another, attributes and values matched by their names.

    Args:
        labels: int64 `[N, num_attributes]` of `known`, -1 where unknown.
        known: Their schema.
        wanted: The other schema.

    Returns:
        int64 `[N, num_attributes]` of `wanted`, -1 where unknown or where it has no such value.
    """
    rows = np.full((len(labels), len(wanted.attributes)), UNKNOWN, np.int64)
    columns = {attribute.name: i for i, attribute in enumerate(known.attributes)}
    for column, attribute in enumerate(wanted.attributes):
        if attribute.name in columns:
            values = known.attributes[columns[attribute.name]].values
            table = [attribute.values.index(v) if v in attribute.values else UNKNOWN for v in values]
            # The last entry answers for -1.
            rows[:, column] = np.array([*table, UNKNOWN])[labels[:, columns[attribute.name]]]
    return rows


def _scaled(numbers: np.ndarray, size: int) -> np.ndarray:
    return (numbers * size).astype(np.int64)
