"""Labels are attributes: each picture has one value, or none known, for each attribute of a schema."""

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import model_validator

from sakuga.configs.base import Config
from sakuga.core.errors import UserError, choice

UNKNOWN = -1
SYNONYMS = {"blond": "blonde", "grey": "gray"}


class Attribute(Config):
    """One attribute, such as `hair`, and its values in the order of their numbers."""

    name: str
    values: tuple[str, ...]

    def index(self, value: str) -> int:
        """Returns the number of a value; `blond` and `grey` stand for `blonde` and `gray`.

        Raises:
            UserError: If the attribute has no such value.
        """
        value = value if value in self.values else SYNONYMS.get(value, value)
        if value not in self.values:
            raise UserError(f"{self.name} has no value {value!r}: {choice(value, self.values)}")
        return self.values.index(value)


class LabelSchema(Config):
    """The attributes of a data set or a model; labels are int64 `[N, num_attributes]`, -1 where unknown."""

    attributes: tuple[Attribute, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [a.name for a in self.attributes]
        if len(set(names)) < len(names) or any(len(set(a.values)) < len(a.values) for a in self.attributes):
            raise ValueError("attribute names and the values of an attribute must be unique")
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each attribute."""
        return tuple(len(a.values) for a in self.attributes)

    def attribute(self, name: str) -> Attribute:
        """Returns the attribute of that name.

        Raises:
            UserError: If there is none.
        """
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise UserError(f"No attribute {name!r}: {choice(name, [a.name for a in self.attributes])}")

    def restricted(self, names: Sequence[str]) -> "LabelSchema":
        """Returns the schema of these attributes alone, in their order here.

        Raises:
            UserError: If there is no attribute of one of the names.
        """
        wanted = [self.attribute(name) for name in names]
        return LabelSchema(attributes=tuple(a for a in self.attributes if a in wanted))

    def encode(self, values: Mapping[str, str]) -> tuple[int, ...]:
        """Returns the numbers of one picture's values, -1 for attributes that `values` leaves out.

        Raises:
            UserError: If an attribute or a value is unknown.
        """
        for name in values:
            self.attribute(name)
        return tuple(a.index(values[a.name]) if a.name in values else UNKNOWN for a in self.attributes)
