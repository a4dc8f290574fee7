"""Conditions: which values of which attributes a model is asked for. As text, and in words."""

import re
from collections.abc import Mapping, Sequence
from itertools import product

from sakuga.configs.labels import LabelSchema
from sakuga.core.errors import UserError, nearest

Condition = Mapping[str, str]

ALL = "all"
"""The value that stands for every value of its attribute."""

PRESETS = {
    # The named rows of github.com/Unispac/Animation-Avatar-Generation.
    "unispac": (
        {"hair": "aqua", "eyes": "orange"},
        {"hair": "black", "eyes": "yellow"},
        {"hair": "blonde", "eyes": "purple"},
        {"hair": "blue", "eyes": "blue"},
        {"hair": "white", "eyes": "gray"},
        {"hair": "pink", "eyes": "orange"},
    ),
}


def parse_condition(text: str | None, option: str) -> dict[str, str]:
    """Returns the attributes of a text such as `"hair=aqua,eyes=orange"`; none of None.

    Raises:
        UserError: If it is no such text or names an attribute twice.
    """
    parts = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    condition = {name.strip(): value.strip() for name, _, value in parts}
    if not all(name and value for name, value in condition.items()) or len(condition) < len(parts):
        raise UserError(f"{option} {text!r}: write each attribute once, with a value: hair=aqua,eyes=orange.")
    return condition


def parse_conditions(text: str, option: str) -> list[dict[str, str]]:
    """Returns the conditions of a text such as `"hair=aqua,eyes=orange; hair=black"`, or those of a preset by its name.

    Raises:
        UserError: If it is neither.
    """
    name = text.strip()
    if name in PRESETS:
        return [dict(condition) for condition in PRESETS[name]]
    if re.fullmatch(r"[\w-]+", name):
        raise UserError(f"{option} {name}: there is no such preset, {nearest(name, PRESETS)}")
    found = [parse_condition(part, option) for part in text.split(";") if part.strip()]
    if not found or not all(found):
        raise UserError(f"{option} {text!r}: write conditions such as 'hair=aqua,eyes=orange; hair=black,eyes=yellow'.")
    return found


def merged(one: Condition, other: Condition) -> dict[str, str]:
    """Returns both conditions as one.

    Raises:
        UserError: If both name the same attribute.
    """
    for name in one:
        if name in other:
            raise UserError(f"{name} is chosen twice, as {one[name]} and as {other[name]}: choose it once.")
    return {**one, **other}


def expanded(schema: LabelSchema, conditions: Sequence[Condition]) -> list[dict[str, str]]:
    """Returns the conditions with `all` replaced by every value of its attribute.

    Raises:
        UserError: If the schema has no such attribute or value.
    """
    found: list[dict[str, str]] = []
    for condition in conditions:
        values = [schema.attribute(n).values if value == ALL else (value,) for n, value in condition.items()]
        found += [dict(zip(condition, chosen, strict=True)) for chosen in product(*values)]
    for condition in found:
        schema.encode(condition)
    return found


def possible(schema: LabelSchema, conditions: Sequence[Condition]) -> tuple[list[Condition], list[Condition]]:
    """Parts the conditions of a preset into those that a schema can hold and those that it cannot."""

    def holds(condition: Condition) -> bool:
        known = {attribute.name: attribute.values for attribute in schema.attributes}
        return all(value in (ALL, *known.get(name, ())) and name in known for name, value in condition.items())

    return [c for c in conditions if holds(c)], [c for c in conditions if not holds(c)]


def described(condition: Condition) -> str:
    """Returns a condition in words: `aqua hair, orange eyes`."""
    return ", ".join(f"{value} {name}" for name, value in condition.items()) or "any"


def written(conditions: Sequence[Condition]) -> str:
    """Returns conditions as `parse_conditions` reads them."""
    return "; ".join(",".join(f"{name}={value}" for name, value in condition.items()) for condition in conditions)
