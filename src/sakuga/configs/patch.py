"""Editing a config by dotted names: `patch(config, {"optimizer.g.lr": "1e-4", "loss.kind": "hinge"})`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sakuga.core.errors import UserError, nearest

T = TypeVar("T", bound=BaseModel)


def patch(config: T, changes: Mapping[str, Any]) -> T:
    """Returns a copy of `config` with the named values replaced and everything validated again.

    Strings are read as JSON where they are JSON (numbers, booleans, null, lists), else taken as they are. A changed
    `kind` drops its siblings, which belonged to the other kind.

    Args:
        config: Any frozen config.
        changes: Dotted name to value.

    Raises:
        UserError: If a name is unknown (the nearest are offered) or a value does not fit.
    """
    tree = config.model_dump(mode="json")
    # `kind` first: its siblings in the same call belong to the new kind.
    for name, value in sorted(changes.items(), key=lambda item: not item[0].endswith("kind")):
        *path, last = name.split(".")
        node: Any = tree
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise UserError(f"No option --{name}: {nearest(name, option_names(config))}")
        if last == "kind" and node.get("kind") != value:
            node.clear()
        node[last] = _read(value)
    return validate(type(config), tree, "option", option_names(config))


def validate(schema: type[T], tree: Any, what: str, known: Sequence[str] = ()) -> T:
    """Returns `tree` as a value of `schema`.

    Args:
        schema: The config class.
        tree: JSON-like content.
        what: What the names are called in the error, for example "option".
        known: Dotted names to offer for an unknown one.

    Raises:
        UserError: If it does not fit; the sentence names the value and what was expected.
    """
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        raise UserError(_sentence(error, tree, what, known)) from error


def option_names(config: BaseModel, prefix: str = "") -> list[str]:
    """Returns the dotted names of all values of a config."""
    names: list[str] = []
    for name in type(config).model_fields:
        value = getattr(config, name)
        is_group = isinstance(value, BaseModel) and isinstance(value.model_dump(mode="json"), dict)
        names += option_names(value, f"{prefix}{name}.") if is_group else [prefix + name]
    return names


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value.lower() in ("true", "false") else value)
    except ValueError:
        return value


def _sentence(error: ValidationError, tree: Any, what: str, known: Sequence[str]) -> str:
    first = error.errors()[0]
    # Pydantic puts the tag of a union into the path; it is no part of the name that the user wrote.
    path, node = [], tree
    for part in first["loc"]:
        if isinstance(node, dict) and part not in node and part != first["loc"][-1]:
            continue
        path.append(str(part))
        node = node.get(part) if isinstance(node, dict) else None
    name = ".".join(path)
    if first["type"] == "extra_forbidden":
        return f"No {what} {name}: {nearest(name, known)}" if known else f"No {what} {name}."
    message = first["msg"].removeprefix("Value error, ")
    return f"{what.capitalize()} {name}: {message} (found {first['input']!r})." if name else f"{message}."
