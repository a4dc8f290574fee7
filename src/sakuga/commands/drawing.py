"""What the verbs that draw share: whose pictures they begin with, how many they may draw.

Imports no torch.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sakuga.configs.sampling import Sampling
from sakuga.core.errors import UserError

if TYPE_CHECKING:
    from sakuga.configs.conditions import Condition
    from sakuga.generation.model import LoadedModel
    from sakuga.generation.starts import Key

MAX_GIB = 4
"""How much memory all pictures of one call may take."""


def keys_of(
    seeds: str | None, projections: Sequence[Path] = (), usual: str = "", option: str = "--seeds"
) -> list["Key"]:
    """Returns the pictures that two options name: those of projection files, then those of seeds, as often as written.

    Args:
        seeds: The text of the option for seeds.
        projections: The files.
        usual: The seeds if neither is given.
        option: The name of the option for seeds.

    Raises:
        UserError: As `parse_seeds`.
    """
    from sakuga.core.latents import parse_seeds

    text = usual if seeds is None and not projections else seeds
    return [*projections, *(parse_seeds(text, option) if text is not None else [])]


def once(keys: Sequence["Key"]) -> list["Key"]:
    """Returns keys in their order, each once."""
    return list(dict.fromkeys(keys))


def check_keys(keys: Sequence["Key"], told: "Condition", sampling: Sampling) -> None:
    """Refuses what does not fit the pictures, before a model is loaded; errors as `starts.checked_keys`."""
    if any(isinstance(key, Path) for key in keys):
        from sakuga.generation.starts import checked_keys

        checked_keys(keys, told, sampling)


def tell_foreign(model: "LoadedModel", keys: Sequence["Key"]) -> None:
    """Says which projected pictures are those of another model; errors as `read_projection`."""
    from sakuga.generation.projection import read_projection

    for path in dict.fromkeys(key for key in keys if isinstance(key, Path)):
        if read_projection(path, model).model_sha256 != model.sha256:
            print(f"{path} was projected into another model: the picture will differ.", file=sys.stderr)


def check_amount(count: int, side: int, option: str, scale: int = 1) -> None:
    """Refuses more pictures than fit into memory.

    Args:
        count: How many.
        side: Their height and width.
        option: What chose so many, for the error: `--frames 100000`.
        scale: The factor of both sides.

    Raises:
        UserError: If they take more than `MAX_GIB`.
    """
    for factor, name in ((1, option), (scale, f"--scale {scale}")):
        size = count * (side * factor) ** 2 * 3 / 2**30
        if size > MAX_GIB:
            raise UserError(
                f"{name} is too much: {count:,} pictures of {side * factor:,} pixels a side take {size:,.0f} GiB, and "
                f"{MAX_GIB} are the most: choose less."
            )
