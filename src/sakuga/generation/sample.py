"""Pictures of seeds, batch by batch."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sakuga.configs.conditions import Condition
from sakuga.configs.sampling import USUAL, Sampling
from sakuga.core.errors import UserError
from sakuga.generation.progress import batches
from sakuga.generation.starts import Key, checked_keys, starts_of
from sakuga.generation.truncation import check_sampling

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel


class Drawn(NamedTuple):
    """Pictures and what they were drawn from.

    Attributes:
        seeds: Their seeds, or projections.
        images: uint8 `[N, H, W, 3]`.
        labels: int64 `[N, num_attributes]`.
        scores: D's mean logit of each, float32 `[N]`; None where D was not asked.
    """

    seeds: list[Key]
    images: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None = None


def draw(
    model: "LoadedModel",
    seeds: Sequence[Key],
    *,
    sampling: Sampling = USUAL,
    attributes: Condition | None = None,
    batch_size: int = 64,
) -> Iterator[Drawn]:
    """Draws one picture for each seed and yields them batch by batch, so that any number of seeds fits into memory.

    Args:
        model: Any model.
        seeds: Each in 0..2^32-1, or a projected picture.
        sampling: How z becomes a picture.
        attributes: Attribute name to value, for the seeds; what is not named is a function of the seed.
        batch_size: Pictures a forward pass.

    Raises:
        UserError: As `LoadedModel.generate`.
    """
    check_sampling(model, sampling)
    seeds = checked_keys(seeds, attributes, sampling)
    for part in batches(len(seeds), batch_size, "Drawing"):
        starts = starts_of(model, seeds[part], attributes, sampling)
        yield Drawn(seeds[part], starts.draw(model, sampling.noise, batch_size), starts.labels)


def best_of(
    model: "LoadedModel",
    seeds: Sequence[Key],
    keep: int,
    *,
    sampling: Sampling = USUAL,
    attributes: Condition | None = None,
    batch_size: int = 64,
) -> Drawn:
    """Draws one picture for each seed and keeps those that D finds most real, best first.

    No more than `keep` pictures and one batch are ever in memory. Among equal scores the earlier seed wins.

    Args:
        model: A model with a discriminator.
        seeds: The candidates.
        keep: How many to keep.
        sampling: As in `draw`.
        attributes: As in `draw`.
        batch_size: As in `draw`.

    Raises:
        UserError: If there are fewer candidates than pictures to keep, the model has no discriminator, or as `draw`.
    """
    seeds = checked_keys(seeds, attributes, sampling)
    check_keep(keep, len(seeds))
    kept, scores = Drawn([], *_nothing(model)), np.zeros(0, np.float32)
    for drawn in draw(model, seeds, sampling=sampling, attributes=attributes, batch_size=batch_size):
        scores = np.concatenate([scores, model.score(drawn.images, drawn.labels, batch_size)])
        order = np.argsort(-scores, kind="stable")[:keep]
        names = kept.seeds + drawn.seeds
        kept = Drawn(
            [names[i] for i in order],
            np.concatenate([kept.images, drawn.images])[order],
            np.concatenate([kept.labels, drawn.labels])[order],
            scores := scores[order],
        )
    return kept


def check_keep(keep: int, candidates: int) -> None:
    """Refuses to keep more pictures than there are candidates, or none.

    Raises:
        UserError: If so.
    """
    if not 1 <= keep <= candidates:
        raise UserError(f"{keep} of {candidates} pictures cannot be kept: choose a number from 1 to {candidates}.")


def _nothing(model: "LoadedModel") -> tuple[np.ndarray, np.ndarray]:
    side = model.resolution
    return np.zeros((0, side, side, 3), np.uint8), np.zeros((0, len(model.schema.attributes)), np.int64)
