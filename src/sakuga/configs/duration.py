"""Durations and schedules in images, epochs or steps, whichever the user writes; inside, the clock is images."""

import math
import re
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, model_serializer, model_validator

from sakuga.configs.base import Config

_UNITS = {name: unit for unit in ("images", "epochs", "steps") for name in (unit, unit.removesuffix("s"))}
_SCALES = {"": 1, "k": 1_000, "M": 1_000_000}


class Duration(Config):
    """A length of training, written `"300k images"`, `"50 epochs"` or `"20000 steps"`; a bare number means images."""

    amount: float = Field(ge=0, allow_inf_nan=False)
    unit: Literal["images", "epochs", "steps"] = "images"

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"amount": float(value)}
        if isinstance(value, str):
            match = re.fullmatch(r"\s*(\d+(?:,\d{3})*(?:\.\d+)?)\s*([kM]?)\s*([a-z]*)\s*", value)
            if not match or (match[3] and match[3] not in _UNITS):
                advice = "write, for example, '300k images', '50 epochs' or '2000 steps'"
                if re.search(r"\d\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)\s*$", value):
                    advice += "; time is for `sakuga compare --budget`"
                raise ValueError(f"lengths are images, epochs or steps: {advice}")
            amount = float(match[1].replace(",", "")) * _SCALES[match[2]]
            return {"amount": amount, "unit": _UNITS.get(match[3], "images")}
        return value

    @model_serializer
    def _write(self) -> str:
        return str(self)

    def __str__(self) -> str:
        exact = int(self.amount) if self.amount == int(self.amount) else repr(self.amount)
        return f"{Decimal(exact):f} {self.unit}"

    def images(self, dataset_size: int, batch_size: int) -> int:
        """Returns the duration in images; an epoch is `dataset_size` images, a step is one batch of `batch_size`."""
        return math.ceil(self.amount * {"images": 1, "epochs": dataset_size, "steps": batch_size}[self.unit])


class Schedule(Config):
    """When something happens: `"every 10 epochs"`, at given moments `"1, 3, 10 epochs"`, or `"never"`."""

    every: Duration | None = None
    at: tuple[Duration, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if isinstance(value, str):
            text = value.strip()
            if text == "never":
                return {}
            if text.startswith("every "):
                return {"every": text.removeprefix("every ")}
            unit = re.search(r"[a-z]+$", text)
            moments = [m.strip() for m in text.split(",")]
            suffix = f" {unit[0]}" if unit and unit[0] in _UNITS else ""
            return {"at": [m if re.search(r"[a-z]{4,}$", m) else m + suffix for m in moments]}
        if isinstance(value, int | float):
            return {"every": value}
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.every is not None and self.at:
            raise ValueError("an interval or moments, not both: leave out 'every' or 'at'")
        if self.every is not None and self.every.amount == 0:
            raise ValueError("an interval of 0 never ends: write 'never', or a longer one")
        return self

    @model_serializer
    def _write(self) -> str:
        if self.every is not None:
            return f"every {self.every}"
        return ", ".join(str(m) for m in self.at) or "never"

    def due(self, before: int, now: int, dataset_size: int, batch_size: int) -> bool:
        """Tells whether a moment of the schedule lies in `(before, now]`, counted in images."""
        if self.every is not None:
            interval = self.every.images(dataset_size, batch_size)
            return now // interval > before // interval
        return any(before < moment.images(dataset_size, batch_size) <= now for moment in self.at)
