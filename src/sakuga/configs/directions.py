"""Directions in w and how far to go along them: what their file says of them, and both as text."""

import math
from typing import Literal, NamedTuple

from pydantic import Field

from sakuga.configs.base import Config
from sakuga.core.errors import UserError

Method = Literal["sefa", "pca", "labels"]


MAX_STRENGTH, FAR_STRENGTH = 100.0, 10.0
"""Beyond the first a strength is refused; beyond the second faces break."""

LOW_AUC, FEW = 0.6, 20
"""Below such an AUC, or with fewer held-out samples with the value or without it, a direction is in doubt."""


class DirectionInfo(Config):
    """What one direction is.

    Attributes:
        what: In words.
        deviation: Length of the step that strength 1 is: the standard deviation of w along the direction.
        samples: How many of the labeled samples showed the value; None where nobody looked.
        auc: How often a linear model ranks a sample that shows the value above one that does not, on samples that it
            was not fitted to; 0.5 is chance. None where there are no such samples. Of a quantity: above the median,
            and not above it.
        held_out: How many of those samples show the value, and how many do not.
    """

    what: str
    deviation: float = Field(ge=0)
    samples: int | None = None
    auc: float | None = None
    held_out: tuple[int, int] | None = None

    @property
    def is_doubtful(self) -> bool:
        """Whether a linear model does hardly better than chance, or too few samples tell how well it does."""
        return self.held_out is not None and (min(self.held_out) < FEW or self.auc is None or self.auc < LOW_AUC)


class DirectionsHeader(Config):
    """What a file of directions says of itself. `provenance` is inert.

    Attributes:
        layers: The layers of ws that the directions move, from 0; all others have rows of zeros.
        directions: Name to what it is, in their order.
    """

    kind: Literal["directions"] = "directions"
    format_version: Literal[1] = 1
    model: str
    model_sha256: str
    method: Method
    layers: tuple[int, ...]
    directions: dict[str, DirectionInfo]
    provenance: dict[str, str] = Field(default_factory=dict)


class Move(NamedTuple):
    """How far to go along one direction, from one strength to another; the same twice to stay there."""

    name: str
    start: float
    end: float

    @property
    def is_constant(self) -> bool:
        """Whether it has one strength."""
        return self.start == self.end

    def at(self, part: float) -> float:
        """Returns the strength at a part of the way, 0..1."""
        return self.start + part * (self.end - self.start)


def parse_range(text: str, option: str) -> tuple[float, float]:
    """Returns both ends of a text such as `"-3..3"`, or a number twice.

    Raises:
        UserError: If it is neither, or beyond `MAX_STRENGTH`.
    """
    parts = text.split("..") if ".." in text else [text, text]
    try:
        start, end = (float(part) for part in parts)
    except ValueError:
        start = end = math.nan
    if not (math.isfinite(start) and math.isfinite(end)):
        raise UserError(f"{option} {text!r} is no strength: write a number, 2, or a range, -3..3.")
    if max(abs(start), abs(end)) > MAX_STRENGTH:
        raise UserError(f"{option} {text!r} is out of range: choose strengths within -3..3, or -100..100 at most.")
    return start, end


def parse_moves(text: str, strength: str) -> list[Move]:
    """Returns the moves of a text such as `"hair:aqua=-3..3,eyes:red=1"`.

    Where every direction has one strength, the way leads there from the unedited picture.

    Args:
        text: Names of directions, each with its own strength or without.
        strength: That of the names without.

    Raises:
        UserError: If it is no such text, or names a direction twice.
    """
    usual = parse_range(strength, "--strength")
    moves: dict[str, Move] = {}
    for part in text.split(","):
        name, has_own, own = (word.strip() for word in part.partition("="))
        if not name or name in moves:
            raise UserError(
                f"--direction {text!r}: write each direction once: hair:aqua or hair:aqua=-3..3,eyes:red=1."
            )
        moves[name] = Move(name, *(parse_range(own, f"--direction {name}") if has_own else usual))
    if all(move.is_constant for move in moves.values()):
        return [Move(move.name, 0.0, move.end) for move in moves.values()]
    return list(moves.values())
