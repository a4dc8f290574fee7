"""Labels for the samples of a conditional model: as frequent as in the data, or its distance would measure that too."""

import numpy as np

from sakuga.configs.labels import LabelSchema
from sakuga.core.label_distribution import LabelDistribution
from sakuga.data.dataset import Dataset
from sakuga.data.labels import translated


def labels_like_data(dataset: Dataset, schema: LabelSchema, count: int, seed: int = 0) -> tuple[np.ndarray, str]:
    """Draws labels for samples from the labels of a data set.

    Attributes and values are matched by their names. Every value of an attribute that the data does not know is equally
    likely.

    Args:
        dataset: Its labels are the ones to draw from.
        schema: The model's.
        count: How many samples.
        seed: Names the draw.

    Returns:
        int64 `[count, num_attributes]`, never -1, and how they were chosen, in words.
    """
    found = LabelDistribution(translated(dataset.labels, dataset.schema, schema), schema.sizes)
    streams = [(seed, "labels", a.name) for a in schema.attributes]
    labels = found.draw_rows(np.arange(count), streams, (seed, "labels"))
    unknown = [a.name for a, known in zip(schema.attributes, found.known, strict=True) if not known]
    if not schema.attributes:
        return labels, "none"
    if not found:
        return labels, "every value equally likely (the data has no labels of the model's kind)"
    equal = f"; every value of {' and '.join(unknown)} equally likely (the data does not tell)" if unknown else ""
    return labels, f"the data's own frequencies{equal}"
