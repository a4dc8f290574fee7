"""Layers of w by name and number."""

import re

from sakuga.core.errors import UserError


def named_layers(num_ws: int) -> dict[str, range]:
    """Returns the layers of each name: maps up to 8 pixels, 16 and 32, and from 64 on (Karras et al. 2019, figure 3).

    Pictures of 32 pixels: up to 8, 16, and 32. Of fewer than three layers some names have none.
    """
    first, second = min(3, round(num_ws / 3)), min(7, round(2 * num_ws / 3))
    parts = {"coarse": range(first), "middle": range(first, second), "fine": range(second, num_ws)}
    return parts | {"all": range(num_ws)}


def parse_layers(text: str, num_ws: int) -> tuple[int, ...]:
    """Returns the layers of a text such as `"coarse"`, `"0-3,7"` or `"all"`, growing, each once.

    Args:
        text: Names of `named_layers`, numbers and ranges, with commas between them.
        num_ws: How many layers the model has.

    Raises:
        UserError: If it is no such text, or a layer is not there.
    """
    names, found = named_layers(num_ws), set[int]()
    there = f"has layers 0 to {num_ws - 1}" if num_ws > 1 else "has one layer, 0"
    for part in (part.strip() for part in text.split(",")):
        match = re.fullmatch(r"(\d{1,9})\s*(?:-\s*(\d{1,9}))?", part)
        if not match and part not in names:
            raise UserError(
                f"--layers {text!r}: {part!r} is not a layer, a range or a name: write 0-5, 3,4, "
                f"{', '.join(list(names)[:-1])}, or all; the model {there}."
            )
        layers = range(int(match[1]), int(match[2] or match[1]) + 1) if match else names[part]
        if match and not layers:
            raise UserError(f"--layers {text!r}: write the range {part!r} from low to high, {match[2]}-{match[1]}.")
        if not layers:
            raise UserError(f"--layers {text!r}: the model {there}, so that none of them is {part}.")
        if layers[-1] >= num_ws:
            missing = max(layers[0], num_ws)
            raise UserError(f"--layers {text!r}: the model {there}, so that it has no layer {missing}.")
        found.update(layers)
    return tuple(sorted(found))
