"""An endless labeled data set of drawn anime faces: face number i of a seed is the same picture everywhere."""

from dataclasses import dataclass

import numpy as np

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.core.random import uniform
from sakuga.data import cache
from sakuga.data.labels import EYES, HAIR

DEFAULT_COUNT = 4000
DEFAULT_RESOLUTION = 64

DRAWING = 1
"""Raised whenever the same number would give another face, so that older caches are not read."""

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "hair": HAIR,
    "eyes": EYES,
    "hair_shape": ("bob", "buns", "long", "ponytail", "short", "spiky", "twintails", "wavy"),
    "bangs": ("parted", "pointed", "straight", "swept"),
    "skin": ("pale", "light", "tan", "dark"),
    "mouth": ("cat", "flat", "frown", "open", "smile"),
    "brows": ("angry", "calm", "sad"),
    "blush": ("no", "yes"),
    "background": ("white", "plain", "gradient"),
}

SCHEMA = LabelSchema(attributes=tuple(Attribute(name=name, values=values) for name, values in ATTRIBUTES.items()))

# How often each value comes; evenly where not named.
_WEIGHTS: dict[str, tuple[float, ...]] = {
    "skin": (0.3, 0.5, 0.15, 0.05),
    "mouth": (0.1, 0.2, 0.1, 0.2, 0.4),
    "brows": (0.2, 0.6, 0.2),
    "blush": (0.6, 0.4),
    "background": (0.6, 0.25, 0.15),
}


@dataclass(frozen=True)
class Face:
    """All that a face is drawn from: its labels by name, and what has no label.

    Attributes:
        labels: A value for each attribute of `SCHEMA`.
        tilt: Of the head, in degrees, positive to the right.
        turn: Of the head to the side, -1..1.
        zoom: Size, about 1.
        shift: To the right and down, as fractions of the picture.
        gaze: Of the pupils, to the right and down, -1..1.
        chance: Uniform numbers for what is left to chance: widths, lengths, shades, colors.
    """

    labels: dict[str, str]
    tilt: float
    turn: float
    zoom: float
    shift: tuple[float, float]
    gaze: tuple[float, float]
    chance: np.ndarray


def face(number: int, seed: int = 0) -> Face:
    """Returns the parameters of face `number`, a pure function of (seed, number)."""
    u = uniform(np.arange(64), seed, "synthetic", number)
    labels = {}
    for chance, (name, values) in zip(u, ATTRIBUTES.items(), strict=False):
        bounds = np.cumsum(_WEIGHTS.get(name, (1 / len(values),) * len(values)))
        labels[name] = values[min(int(np.searchsorted(bounds, chance, "right")), len(values) - 1)]
    signed = 2 * u[16:32] - 1
    return Face(
        labels=labels,
        tilt=float(8 * signed[0] * abs(signed[0])),
        turn=float(signed[1]),
        zoom=float(1.05 + 0.07 * signed[2]),
        shift=(float(0.03 * signed[3]), float(0.025 * signed[4])),
        gaze=(float(signed[5]), float(signed[6])),
        chance=u[32:],
    )


def draw(number: int, resolution: int = DEFAULT_RESOLUTION, seed: int = 0) -> tuple[np.ndarray, tuple[int, ...]]:
    """Draws face `number`.

    Returns:
        uint8 `[resolution, resolution, 3]`, and the numbers of its labels in `SCHEMA`.
    """
    from sakuga.data.drawn_face import draw_face

    parameters = face(number, seed)
    return draw_face(parameters, resolution), SCHEMA.encode(parameters.labels)


def load(count: int = DEFAULT_COUNT, resolution: int | None = None) -> cache.Decoded:
    """Returns the first `count` faces from the cache, and draws them into it first where they are not there yet."""
    resolution = resolution or DEFAULT_RESOLUTION
    key = f"synthetic-{DRAWING}-{count}-{resolution}"
    return cache.load_made(key, count, SCHEMA, lambda number: draw(number, resolution))
