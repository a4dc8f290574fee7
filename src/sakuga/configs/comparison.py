"""What a comparison is: variants of recipes, data sets and seeds, all at one budget."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_serializer, model_validator

from sakuga.configs.base import Config
from sakuga.configs.duration import Duration
from sakuga.core.words import counted

Scalar = str | int | float | bool
Filter = Literal["all", "every_second", "white_background", "colored_background"]

OWN = ("seed", "duration", "threads", "name")
"""Options that belong to the comparison, not to a variant."""

WHITE = 230
"""A pixel is white if all of its channels, of 255, are at least this."""

FRAME = 32
"""The frame around a picture has this part of its side as its width."""

WHITE_SHARE, COLORED_SHARE = 0.10, 0.02
"""A white background has at least the first share of white in the frame, a colored one less than the second."""


_LONGEST = 110
"""Bytes of a label in a file's name, which holds two of them and a seed and has 255 at most."""


def slug(label: str) -> str:
    """Returns a label, or its beginning, as a part of a file's name."""
    name = re.sub(r"([^\w.+-]|_)+", "-", label).strip("-.")
    return name.encode()[:_LONGEST].decode(errors="ignore").rstrip("-.")


class Variant(Config):
    """One way of training.

    Attributes:
        label: What tables call it.
        recipe: The recipe that it starts from.
        changes: Dotted names and values, as on the command line of `sakuga train`.
        group: Variants of one group are joined by a line in the plot of quality against control.
    """

    label: str = Field(min_length=1)
    recipe: str
    changes: tuple[tuple[str, Scalar], ...] = ()
    group: str = ""

    @model_validator(mode="after")
    def _no_own(self) -> Self:
        if taken := [name for name, _ in self.changes if name in OWN]:
            raise ValueError(
                f"--{taken[0]} of {self.label} belongs to the whole comparison: leave it out of the variant and give "
                "it with --seeds, --budget or --threads"
            )
        return self


class ComparedData(Config):
    """One data set, or a part of one.

    Attributes:
        label: What tables call it.
        path: A folder, a zip, or `synthetic`; a bare file name in a preset.
        filter: Which of its pictures: `all`; `every_second` by name; `white_background`, those with at least
            `WHITE_SHARE` of white pixels in the frame around them; `colored_background`, those with less than
            `COLORED_SHARE`.
        limit: Of these, so many, evenly spaced by name; all if None or if there are fewer.
        resolution: Pixels a side in training and evaluation; the set's own, or the recipe's, if None.
        judged_by: The label of the data set that the samples are measured against; its own if empty.
    """

    label: str = Field(min_length=1)
    path: str
    filter: Filter = "all"
    limit: int | None = Field(default=None, ge=16)
    resolution: int | None = None
    judged_by: str = ""

    @property
    def is_part(self) -> bool:
        """Whether it is not all of the file."""
        return self.filter != "all" or self.limit is not None

    @property
    def part_name(self) -> str:
        """The name of the zip that a part is written to."""
        return f"{slug(self.label)}.zip"


class Budget(Config):
    """What every cell may use: `"60k images"` seen, or `"10 minutes"` of training time."""

    images: int | None = Field(default=None, ge=1)
    minutes: float | None = Field(default=None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:minutes?|min)\s*", value):
            return {"minutes": float(match[1])}
        advice = "write, for example, '60k images' or '10 minutes'"
        try:
            duration = Duration.model_validate(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a budget: {advice}") from None
        if duration.unit != "images":
            raise ValueError(f"{value!r} is not the same for every cell: {advice}")
        return {"images": int(duration.amount)}

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.images is None) == (self.minutes is None):
            raise ValueError("a budget is either images or minutes")
        return self

    @model_serializer
    def _write(self) -> str:
        return str(self)

    def is_exceeded(self, images: int, seconds: float) -> bool:
        """Tells whether so many images seen, in so many seconds of training, are more than this."""
        if self.images is not None:
            return images > self.images
        return self.minutes is not None and seconds > 60 * self.minutes

    @property
    def described(self) -> str:
        """The budget for people: `60,000 images`."""
        return str(self) if self.images is None else counted(self.images, "image")

    def __str__(self) -> str:
        if self.minutes is None:
            return f"{self.images} images"
        return f"{Decimal(repr(self.minutes)):f}".removesuffix(".0") + " minutes"  # exact, as it is read again


class MeasureConfig(Config):
    """How cells are measured: `sakuga evaluate`, once at the end, and a distance during training.

    Attributes:
        extractor: `auto`: the Inception if its weights are there, else EfficientNet-Lite0.
        num_images: How many samples.
        real_every: Against every n-th real picture by name.
        points: How often the EfficientNet-Lite0 distance is measured during training; 0 for never.
        judge: The classifier that says whether a sample has the attributes that were asked for; none if empty.
        faces: Whether the share of samples without a face is counted; `auto`: if OpenCV is installed.
    """

    extractor: Literal["auto", "inception", "efficientnet"] = "auto"
    num_images: int = Field(default=5000, ge=16)
    real_every: int = Field(default=4, ge=1)
    points: int = Field(default=4, ge=0)
    judge: str = ""
    faces: bool | Literal["auto"] = "auto"


class ComparisonConfig(Config):
    """Variants x data sets x seeds.

    Attributes:
        name: The preset's name, or what the page is called.
        question: What the comparison is to answer.
        variants: At least one.
        data: At least one.
        seeds: Of training: weights, order, z.
        budget: The same for every cell.
        measure: How cells are measured.
        frontier: Whether quality is plotted against control.
    """

    name: str = "comparison"
    question: str = ""
    variants: tuple[Variant, ...] = Field(min_length=1)
    data: tuple[ComparedData, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), min_length=1)
    budget: Budget = Budget(images=60_000)
    measure: MeasureConfig = MeasureConfig()
    frontier: bool = False

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _refuse_twins("variants", [slug(v.label) for v in self.variants], "give each a label of its own")
        _refuse_twins("data sets", [slug(d.label) for d in self.data], "give each file a name of its own")
        _refuse_twins("seeds", [str(s) for s in self.seeds], "name each once")
        labels = {d.label for d in self.data}
        for data in self.data:
            if data.judged_by and data.judged_by not in labels:
                raise ValueError(f"{data.label} is judged by {data.judged_by}, which is not among the data sets")
        return self


def _refuse_twins(what: str, names: Iterable[str], remedy: str) -> None:
    seen: set[str] = set()
    for name in names:
        if not name:
            raise ValueError(f"one of the {what} has neither a letter nor a digit in its name: {remedy}")
        if name.lower() in seen:
            raise ValueError(f"two of the {what} are called {name!r}: {remedy}")
        seen.add(name.lower())
