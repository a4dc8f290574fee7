"""What z goes through on its way to a picture: its width, truncation, and the network's noise."""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sakuga.configs.base import Config
from sakuga.core.errors import UserError, check_choice

Truncation = Literal["interpolate", "resample"]
NoiseKind = Literal["const", "random", "none"]
PsiMean = Literal["class", "all"]

_RANGES = {"interpolate": (-2.0, 2.0), "resample": (0.1, 10.0)}
_HINTS = {"interpolate": "1 changes nothing and 0 is the mean face", "resample": "in standard deviations of z"}


class _Way(Config):
    sigma: float | None = Field(
        default=None,
        description="Replaces the standard deviation that z had in training; smaller: more alike, larger: bolder.",
    )
    cutoff: int | None = Field(
        default=None, description="Truncate so many layers of w, from the coarsest; all if not given."
    )
    truncation: Truncation = Field(
        default="interpolate",
        description="Pull w to its mean, or draw the components of z again that are further than psi.",
    )
    psi_mean: PsiMean = Field(
        default="class", description="The mean that psi pulls to: of the picture's own attributes, or of all pictures."
    )
    noise: NoiseKind = Field(
        default="const", description="The network's own fixed noise, noise of each seed (or frame), or none."
    )

    @field_validator("sigma", mode="before")
    @classmethod
    def _check_sigma(cls, value: Any) -> Any:
        return None if value is None else checked_sigma(value)

    @field_validator("truncation", "psi_mean", "noise", mode="before")
    @classmethod
    def _check_choice(cls, value: Any, info: ValidationInfo) -> Any:
        name = str(info.field_name)
        check_choice(name.replace("_", " "), value, cls.model_fields[name].annotation)
        return value


class Sampling(_Way):
    """One way from z to a picture.

    Attributes:
        sigma: The standard deviation of z; that of training if None.
        psi: How far to truncate: less varied, and less often broken; not at all if None.
        cutoff: How many layers are truncated, from the coarsest; all if None.
        truncation: `interpolate`: w goes to `mean + psi (w - mean)` (Karras et al. 2019, appendix B). `resample`: the
            components of z that are more than `psi` standard deviations from its mean are drawn again (Brock et al.
            2019, section 3.1).
        psi_mean: Which mean w goes to: that of the picture's own labels, or, as in NVIDIA's programs, the one of all.
        noise: `const`: the network's own fixed maps. `random`: maps of the picture's seed. `none`.
    """

    psi: float | None = Field(
        default=None, description="Truncates, for example 0.7: nearer the mean face, less varied, less often broken."
    )

    @model_validator(mode="before")
    @classmethod
    def _check_psi(cls, given: dict[str, Any]) -> dict[str, Any]:
        psi, cutoff, kind = (given.get(name) for name in ("psi", "cutoff", "truncation"))
        low, high = _RANGES.get(kind or "interpolate", _RANGES["interpolate"])
        if psi is not None and not (_is_number(psi) and low <= psi <= high):
            hint = _HINTS.get(kind or "interpolate", "")
            raise UserError(f"A psi of {psi} is out of range: choose {low:g} to {high:g}; {hint}.")
        if psi is None and (cutoff is not None or kind == "resample"):
            what = "A cutoff" if cutoff is not None else "Resampling"
            raise UserError(f"{what} belongs to a truncation: give a psi too, for example 0.7.")
        if cutoff is not None and kind == "resample":
            raise UserError("A cutoff counts layers of w, and resampling truncates z: leave one of them out.")
        if given.get("psi_mean", "class") != "class" and (psi is None or kind == "resample"):
            raise UserError("A mean of w belongs to a truncation that pulls w there: give a psi too, for example 0.7.")
        if cutoff is not None and not (isinstance(cutoff, Integral) and int(cutoff) >= 1):
            raise UserError(f"A cutoff of {cutoff} is out of range: give the number of layers to truncate, 1 or more.")
        return given

    @property
    def threshold(self) -> float | None:
        """Where components of z are drawn again, in standard deviations; None: nowhere."""
        return self.psi if self.truncation == "resample" else None

    @property
    def pulls_w(self) -> bool:
        """Whether w goes towards its mean."""
        return self.truncation == "interpolate" and self.psi not in (None, 1)

    def entries(self) -> dict[str, str]:
        """Returns what is not usual, sigma aside, as text for PNG files."""
        values = {"psi": self.psi, "cutoff": self.cutoff}
        found = {name: f"{value:g}" for name, value in values.items() if value is not None}
        found |= {"truncation": self.truncation} if self.truncation != USUAL.truncation else {}
        found |= {"psi mean": self.psi_mean} if self.psi_mean != USUAL.psi_mean else {}
        return found | ({"noise": self.noise} if self.noise != USUAL.noise else {})


class Ways(_Way):
    """One or several samplings that differ in psi, of a text such as `0.3,0.7,1.3`."""

    psi: str | None = Field(
        default=None,
        description="Truncates, for example 0.7: nearer the mean face, less varied, less often broken; 0.3,0.7,1.3: a "
        "row of each.",
    )

    def each(self) -> list[Sampling]:
        """Returns one sampling for each psi; errors as `Sampling` and `parse_psi`."""
        return [Sampling.model_validate(self.model_dump() | {"psi": psi}) for psi in parse_psi(self.psi)]


def split(told: Mapping[str, Any]) -> tuple[Sampling, dict[str, str]]:
    """Returns the `Sampling` among keyword arguments, and the others, which are attributes; None chooses nothing.

    Raises:
        UserError: As `Sampling`.
    """
    chosen = {name: value for name, value in told.items() if value is not None}
    own = {name: value for name, value in chosen.items() if name in Sampling.model_fields}
    return Sampling(**own), {name: value for name, value in chosen.items() if name not in own}


def checked_sigma(sigma: Any) -> float:
    """Returns a standard deviation.

    Raises:
        UserError: If it is negative or not finite.
    """
    if not (_is_number(sigma) and sigma >= 0):
        raise UserError(f"A sigma of {sigma} is no standard deviation: use 0 or more, for example 0.7.")
    return float(sigma)


def parse_psi(text: str | None) -> list[float | None]:
    """Returns the psi of a text such as `"0.3,0.7,1.3"`, each once; one None of None.

    Raises:
        UserError: If the text is not a comma-separated list of numbers.
    """
    if text is None:
        return [None]
    found: dict[float, None] = {}
    for part in text.split(","):
        try:
            found[float(part)] = None
        except ValueError:
            raise UserError(f"--psi {text!r}: {part.strip()!r} is not a number: write 0.7, or 0.3,0.7,1.3.") from None
    return list(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


USUAL, ONE_WAY = Sampling(), Ways()
"""As in training, without truncation, with the network's own noise."""
