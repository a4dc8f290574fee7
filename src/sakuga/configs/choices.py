"""What a field of a config can be, read from its annotation."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sakuga.configs.base import Config


def choices(annotation: Any) -> tuple[str, ...]:
    """Returns the values that an annotation lists, as they would be typed; none where it lists none.

    Args:
        annotation: Of a field. A union of configs lists their kinds.
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return choices(parts[0])
    if origin in (Union, types.UnionType):
        return tuple(dict.fromkeys(value for part in parts for value in choices(part)))
    if origin is Literal:
        return tuple(map(str, parts))
    if annotation is bool:
        return "true", "false"
    if isinstance(annotation, type) and issubclass(annotation, Config) and "kind" in annotation.model_fields:
        return choices(annotation.model_fields["kind"].annotation)
    return ()
