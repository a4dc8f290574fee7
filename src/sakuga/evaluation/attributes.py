"""Attribute accuracy by a judge."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.core.errors import UserError
from sakuga.core.files import sha256_of
from sakuga.data.dataset import Dataset
from sakuga.data.labels import translated
from sakuga.evaluation.diversity import diversity_within
from sakuga.evaluation.result import AttributeAccuracy, AttributeReport, ValueAccuracy
from sakuga.features.extractor import Pictures
from sakuga.generation.classifier import LoadedClassifier, read_classifier


class Judge(LoadedClassifier):
    """For measuring only: whatever is trained, labeled or searched with a judge can no longer be measured by it."""

    def check_knows(self, schema: LabelSchema, name: str) -> None:
        """Refuses a model whose samples it could not judge.

        Args:
            schema: The model's attributes.
            name: What to call the model.

        Raises:
            UserError: If the model has no attributes, or one of them or of their values is unknown to the judge.
        """
        if not schema.attributes:
            raise UserError(
                f"{name} was trained without attributes, so there is nothing to judge: leave the judge out."
            )
        known = {attribute.name: attribute.values for attribute in self.schema.attributes}
        for attribute in schema.attributes:
            if attribute.name not in known:
                raise UserError(
                    f"The judge {self.path} knows {', '.join(known)}, not {attribute.name!r}, which {name} is told: "
                    "train a judge with `sakuga judge` on data labeled with it."
                )
            foreign = [value for value in attribute.values if value not in known[attribute.name]]
            if foreign:
                raise UserError(
                    f"The judge {self.path} does not know {attribute.name} {', '.join(foreign)}, which {name} is told "
                    f"(it knows {', '.join(known[attribute.name])}): train a judge with `sakuga judge` on the model's "
                    "own data."
                )


@dataclass(frozen=True)
class Judged:
    """A judge, and what each sample was asked to show.

    Attributes:
        judge: The judge.
        schema: The attributes of the model.
        labels: int64 `[N, num_attributes]` of that schema.
    """

    judge: Judge
    schema: LabelSchema
    labels: np.ndarray


def load_judge(name_or_path: str | Path, device: str = "auto") -> Judge:
    """Loads a file that `sakuga judge` wrote.

    Raises:
        UserError: If there is no such file, it is damaged, foreign or holds no judge, or it is a labeler.
    """
    return Judge(*read_classifier(name_or_path, "judge", device))


def score_name(attribute: str, value: str | None = None) -> str:
    """Returns the name in a judge's header of the held-out accuracy of an attribute, or of one of its values."""
    return f"{attribute}={value}" if value is not None else attribute


def measure_attributes(
    images: Pictures,
    judged: Judged | None,
    features: np.ndarray,
    dataset: Dataset,
    indices: np.ndarray,
    real_features: np.ndarray,
    progress: bool = False,
) -> AttributeReport | None:
    """Measures how far samples show what was asked for, and how varied they are within one condition.

    Args:
        images: uint8 `[N, H, W, 3]`.
        judged: The judge and the labels; None gives None.
        features: Of the samples, float `[N, F]`.
        dataset: The real pictures.
        indices: int64 `[M]`, which of them were measured.
        real_features: Of those, float `[M, F]`.
        progress: Whether to draw a progress bar on stderr.
    """
    if judged is None:
        return None
    judge, schema = judged.judge, judged.schema
    title = f"Judging {len(images):,} samples" if progress else ""
    right = translated(judge.answers(images, title), judge.schema, schema) == judged.labels
    real_labels = translated(dataset.labels[indices], dataset.schema, schema)
    header = judge.header
    return AttributeReport(
        judge=f"{header.name}, trained on {header.data}, sha256 {(sha256 := sha256_of(judge.path))[:8]}",
        judge_sha256=sha256,
        all_right=float(right.all(1).mean()),
        attributes=tuple(
            accuracy_of(attribute, judged.labels[:, column], right[:, column], header.scores)
            for column, attribute in enumerate(schema.attributes)
        ),
        diversity=diversity_within(features, judged.labels, real_features, real_labels),
    )


def accuracy_of(
    attribute: Attribute, labels: np.ndarray, right: np.ndarray, scores: dict[str, float]
) -> AttributeAccuracy:
    """Counts right answers, over all samples and for each value.

    Args:
        attribute: The attribute.
        labels: Which value each sample was asked for, int64 `[N]`.
        right: Whether the judge sees it, bool `[N]`.
        scores: The judge's accuracies on held-out real pictures, by `score_name`.
    """
    values = []
    for number, value in enumerate(attribute.values):
        chosen = right[labels == number]
        accuracy = float(chosen.mean()) if len(chosen) else None
        ceiling = scores.get(score_name(attribute.name, value))
        values.append(ValueAccuracy(value=value, samples=len(chosen), accuracy=accuracy, judge=ceiling))
    return AttributeAccuracy(
        attribute=attribute.name,
        accuracy=float(right.mean()),
        balanced=float(np.mean([row.accuracy for row in values if row.accuracy is not None])),
        judge=scores.get(score_name(attribute.name)),
        judge_balanced=_mean([row.judge for row in values if row.judge is not None]),
        values=tuple(values),
    )


def _mean(numbers: list[float]) -> float | None:
    return float(np.mean(numbers)) if numbers else None
