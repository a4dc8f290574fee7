"""Editing a config by dotted names: `patch(config, {"optimizer.g.lr": "1e-4", "loss.kind": "hinge"})`."""

import copy
import functools
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sakuga.core.errors import UserError, nearest

T = TypeVar("T", bound=BaseModel)

_TOLD = {
    "greater_than_equal": ("is below {ge}", "{ge} or more"),
    "greater_than": ("is not above {gt}", "more than {gt}"),
    "less_than_equal": ("is above {le}", "{le} or less"),
    "less_than": ("is not below {lt}", "less than {lt}"),
    "literal_error": ("is no choice", "{expected}"),
    "int_parsing": ("is no whole number", "one"),
    "int_type": ("is no whole number", "one"),
    "int_from_float": ("is no whole number", "one"),
    "float_parsing": ("is no number", "one"),
    "float_type": ("is no number", "one"),
    "finite_number": ("is not finite", "a finite number"),
    "bool_parsing": ("is neither true nor false", "one of them"),
    "bool_type": ("is neither true nor false", "one of them"),
    "too_short": ("has too few entries", "{min_length} or more"),
}
"""Type of an error of pydantic's to what is wrong with a value, and what is expected, with what the error knows."""


def patch(config: T, changes: Mapping[str, Any]) -> T:
    """Returns a copy of `config` with the named values replaced and everything validated again.

    Strings are read as JSON where they are JSON (numbers, booleans, null, lists) and such a value is taken there, else
    as they are. A changed `kind` drops its siblings, which belonged to the other kind.

    Args:
        config: Any frozen config.
        changes: Dotted name to value.

    Raises:
        UserError: If a name is unknown (the nearest are offered) or a value does not fit.
    """
    tree = config.model_dump(mode="json")
    nodes: dict[str, dict[str, Any]] = {}
    emptied: list[str] = []  # groups whose kind has changed: what they hold is not known before validation
    for name, value in sorted(changes.items(), key=_kinds_first):
        *path, last = name.split(".")
        node: Any = tree
        for part in path:
            if isinstance(node, dict) and part not in node and name.startswith(tuple(emptied)):
                node[part] = {}
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise UserError(f"No option --{name}: {nearest(name, option_names(config), '--')}")
        if isinstance(group := node.get(last), dict) and not isinstance(_read(value), dict):
            raise UserError(
                f"Option --{name} is a group: name one of {', '.join(f'--{name}.{part}' for part in group)}."
            )
        if last == "kind" and node.get("kind") != value:
            node.clear()
            emptied.append(name.removesuffix("kind"))
        node[last] = _read(value)
        nodes[name] = node
    try:
        return type(config).model_validate(tree)
    except ValidationError as error:
        wrong_types = [".".join(_path(e, tree)) for e in error.errors() if e["type"].endswith("_type")]
    for name in nodes.keys() & wrong_types:  # 2024 is a number, and a good name
        nodes[name][name.split(".")[-1]] = changes[name]
    return validate(type(config), tree, "option --")


def _kinds_first(change: tuple[str, Any]) -> tuple[bool, int]:
    """Sorts `kind` before its siblings and an outer one before an inner one: what follows belongs to the new kind."""
    name, _ = change
    return name.split(".")[-1] != "kind", name.count(".")


def validate(schema: type[T], tree: Any, what: str) -> T:
    """Returns `tree` as a value of `schema`.

    Args:
        schema: The config class.
        tree: JSON-like content.
        what: What stands before a name in the error, for example "entry".

    Raises:
        UserError: If it does not fit; the sentence names the value and what was expected.
    """
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        raise UserError(_sentence(error, schema, tree, what)) from error


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


def _sentence(error: ValidationError, schema: type[BaseModel], tree: Any, what: str) -> str:
    first, *others = error.errors()
    what = what if what.endswith("-") else f"{what} "
    path = _path(first, tree)
    name = ".".join(path)
    if first["type"] == "extra_forbidden":
        known = _known(error, schema, tree)
        dashes = "--" if what.endswith("-") else ""
        hint = nearest(name, known, dashes)
        return f"No {what}{name}: {hint}" if known else f"No {what}{name}."
    subject = f"{what[:1].upper()}{what[1:]}{name}"  # `capitalize` would change a path in it
    if first["type"] == "union_tag_invalid":
        context = first.get("ctx", {})
        kinds = [kind.strip(" '") for kind in context["expected_tags"].split(",")]
        return f"{subject}.kind has no value {context['tag']!r}: {nearest(context['tag'], kinds)}"
    # A value that fits no branch of a union has one error for each of them.
    branches = [e for e in (first, *others) if _path(e, tree) == path]
    if name and not isinstance(first["input"], dict) and all(e["type"] in _TOLD for e in branches):
        wrong, expected = zip(*(_told(e) for e in branches), strict=True)
        advice = "give" if what.endswith("-") else "it must be"
        return f"{subject}: {first['input']!r} {wrong[0]}: {advice} {', or '.join(dict.fromkeys(expected))}."
    messages = [e["msg"].removeprefix("Value error, ") for e in branches]
    message = ", or ".join(dict.fromkeys([messages[0], *(m.removeprefix("Input should be ") for m in messages[1:])]))
    found = "" if isinstance(first["input"], dict) else f" (found {first['input']!r})"
    return f"{subject}: {message}{found}." if name else f"{message}{found}."


def _told(error: Any) -> tuple[str, str]:
    """Returns what is wrong with a value, and what is expected, of an error whose type is in `_TOLD`."""
    known = error.get("ctx", {})
    known = {key: f"{x:.15g}" if isinstance(x, float) else x for key, x in known.items()}  # 0, not 0.0
    wrong, expected = _TOLD[error["type"]]
    return wrong.format(**known), expected.format(**known)


def _path(error: Any, tree: Any) -> list[str]:
    """Returns the names that lead to an error, without the tags of unions that pydantic puts between them."""
    path, node = [], tree
    for part in error["loc"]:
        inside = isinstance(node, dict) and part in node
        if inside or (isinstance(node, list) and isinstance(part, int)):
            node = node[part]
        elif error["type"] != "missing" or part != error["loc"][-1]:
            continue
        path.append(str(part))
    return path


def _known(error: ValidationError, schema: type[BaseModel], tree: Any) -> list[str]:
    """Returns the names that there are once the unknown ones are taken out; none if more than these is wrong."""
    tree = copy.deepcopy(tree)
    for unknown in (e for e in error.errors() if e["type"] == "extra_forbidden"):
        *path, last = _path(unknown, tree)
        node = functools.reduce(lambda node, part: node[int(part) if isinstance(node, list) else part], path, tree)
        node.pop(last)
    try:
        return option_names(schema.model_validate(tree))
    except ValidationError:
        return []
