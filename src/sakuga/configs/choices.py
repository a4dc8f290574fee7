"""What a field of a config can be, read from its annotation."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sakuga.configs.base import Config


def choices(annotation: Any) -> tuple[str, ...]:
    """Returns all values that an annotation allows, as they would be typed; none where it does not list them.

    Args:
        annotation: Of a field. A union of configs lists their kinds.
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return choices(parts[0])
    if origin in (Union, types.UnionType):
        found = [choices(part) for part in parts]
        return tuple(dict.fromkeys(value for values in found for value in values)) if all(found) else ()
    if origin is Literal:
        return tuple(map(str, parts))
    if annotation is bool:
        return "true", "false"
    if annotation is types.NoneType:
        return ("null",)
    if isinstance(annotation, type) and issubclass(annotation, Config) and "kind" in annotation.model_fields:
        return choices(annotation.model_fields["kind"].annotation)
    return ()
