"""What a direction costs: whether it gives the attribute, and how much of the face's identity goes with it."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sakuga.configs.base import Config
from sakuga.configs.directions import Move
from sakuga.core.errors import UserError
from sakuga.core.files import sha256_of
from sakuga.evaluation.attributes import Judge
from sakuga.features.extractor import Extractor
from sakuga.generation.directions import Directions, safe_name
from sakuga.generation.edit import edited, ws_of_seeds

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

STRENGTHS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
USUAL_STRENGTH = 3.0
FIRST_SEED = 2_000_000_000
"""Of the samples that are measured, which no direction was found with."""


class DirectionCost(Config):
    """One direction, measured.

    Attributes:
        name: Its name.
        strength: At which the rest was measured.
        before: In what share of the unedited pictures the judge sees the value; None where nobody can tell.
        after: The same at `strength`.
        kept: In what share of the pictures the judge sees all other attributes as they were; None without a judge, or
            if it knows no other.
        identity: Mean distance of an edited picture to the same unedited one, over the mean distance of two characters:
            0 is the same picture, 1 another character.
    """

    name: str
    strength: float
    before: float | None = None
    after: float | None = None
    kept: float | None = None
    identity: float


class IdentityReport(Config):
    """All measured directions, and the ruler."""

    costs: tuple[DirectionCost, ...]
    ruler: str


def measure_directions(
    model: "LoadedModel",
    directions: Directions,
    names: Sequence[str],
    extractor: Extractor,
    count: int,
    *,
    judge: Judge | None = None,
    batch_size: int = 64,
) -> IdentityReport:
    """Measures directions on samples that they were not found with.

    Where a judge knows the value that a direction goes towards, it is measured at the first of `STRENGTHS` at which the
    judge sees the value in most of the pictures, or, if it never does, where it sees it most often; else at
    `USUAL_STRENGTH`.

    Args:
        model: The model.
        directions: Its directions.
        names: Which of them.
        extractor: Whose features tell faces apart.
        count: How many samples.
        judge: Tells whether the value is there.
        batch_size: Pictures a forward pass.

    Raises:
        UserError: If there are fewer than two samples, or as `edited`.
    """
    if count < 2:
        raise UserError(
            f"{count} samples are too few to measure: two characters are the least to compare, give 64, for example."
        )
    ws = ws_of_seeds(model, range(FIRST_SEED, FIRST_SEED + count))
    plain = model.sample_ws(lambda part: ws[part], count, batch_size)
    features = _unit(extractor.features(plain, progress="Looking at the unedited pictures"))
    # The mean over pairs of different rows, from the sum of all rows.
    apart = 1 - (np.square(features.sum(0)).sum() - count) / (count * (count - 1))

    def draw(name: str, strength: float) -> np.ndarray:
        return edited(model, ws, directions, [Move(name, strength, strength)], [1.0], batch_size=batch_size)[:, 0]

    costs = []
    for name in names:
        moved = _moved(functools.partial(draw, name), plain, name, judge)
        there = _unit(extractor.features(moved.images, progress=f"Looking at {name}"))
        identity = float((1 - (features * there).sum(1)).mean() / max(apart, 1e-12))
        costs.append(DirectionCost(name=name, strength=moved.strength, identity=identity, **moved.seen))
    ruler = (
        f"identity: mean cosine distance of the features of {extractor.title} ({extractor.sha256[:8]}, "
        f"{extractor.resize}) between a picture edited and unedited, over that of two characters ({apart:.3f}); "
        f"{count:,} samples from seed {FIRST_SEED}"
    )
    if judge is not None:
        ruler += f"; judge: {judge.header.name}, trained on {judge.header.data}, sha256 {sha256_of(judge.path)[:8]}"
    return IdentityReport(costs=tuple(costs), ruler=ruler)


class _Moved(NamedTuple):
    strength: float
    images: np.ndarray
    seen: dict[str, float]


def _moved(draw: Callable[[float], np.ndarray], plain: np.ndarray, name: str, judge: Judge | None) -> _Moved:
    """Returns the pictures at the strength at which a direction is measured."""
    if judge is None:
        return _Moved(USUAL_STRENGTH, draw(USUAL_STRENGTH), {})
    before, value = judge.answers(plain), judged_value(judge, name)
    column, number = value or (None, None)
    others = [i for i in range(before.shape[1]) if i != column]
    best: _Moved | None = None
    for strength in STRENGTHS if value else (USUAL_STRENGTH,):
        images = draw(strength)
        answers = judge.answers(images)
        seen = {"kept": _share((answers == before)[:, others].all(1))} if others else {}
        if column is not None:
            seen |= {"before": _share(before[:, column] == number), "after": _share(answers[:, column] == number)}
        if best is None or seen["after"] > best.seen["after"]:
            best = _Moved(strength, images, seen)
        if seen.get("after", 0.0) > 0.5:
            break
    assert best is not None
    return best


def _share(chosen: np.ndarray) -> float:
    return float(chosen.mean())


def judged_value(judge: Judge, name: str) -> tuple[int, int] | None:
    """Returns the judge's attribute and value that a direction goes towards, as numbers; None if it knows none."""
    for column, attribute in enumerate(judge.schema.attributes):
        for number, value in enumerate(attribute.values):
            if safe_name(f"{attribute.name}:{value}") == name:
                return column, number
    return None


def _unit(features: np.ndarray) -> np.ndarray:
    features = features.astype(np.float64)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
