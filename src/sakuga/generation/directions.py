"""Directions in w: their file, and how they fit a model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sakuga.configs.directions import DirectionsHeader
from sakuga.configs.patch import validate
from sakuga.core.errors import UserError, choice
from sakuga.core.tensorfile import read_tensors, read_value, write_tensors

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

_WHAT = "file of directions"
SUFFIX = ".directions.safetensors"


@dataclass(frozen=True)
class Directions:
    """Named steps in w.

    Attributes:
        header: What they are.
        steps: Name to what strength 1 adds to ws, float32 `[num_ws, w_dim]`; rows of zeros: layers that stay.
    """

    header: DirectionsHeader
    steps: Mapping[str, Tensor]

    def step(self, name: str, layers: Sequence[int] | None = None) -> Tensor:
        """Returns the step of that name, float32 `[num_ws, w_dim]`, on these layers alone; on all of its own if None.

        Raises:
            UserError: If there is no such direction, or it moves none of the layers.
        """
        if name not in self.steps:
            raise UserError(f"No direction {name!r} of {self.header.model}: {choice(name, self.steps)}")
        step = self.steps[name]
        if layers is None:
            return step
        kept = torch.zeros_like(step)
        kept[list(layers)] = step[list(layers)]
        if not kept.any():
            own = ", ".join(map(str, self.header.layers))
            raise UserError(f"{name} moves none of the chosen layers: it has the layers {own}.")
        return kept


def safe_name(text: str) -> str:
    """Returns a text as the name of a direction: what `--direction` takes apart is replaced."""
    return re.sub(r"[\s,=]+", "-", text.strip())


def write_directions(path: str | Path, directions: Directions, *, overwrite: bool = True) -> Path:
    """Writes directions into one `.safetensors`; errors as `core.tensorfile.write_tensors`."""
    return write_tensors(path, directions.steps, directions.header.model_dump(mode="json"), overwrite=overwrite)


def read_directions(path: str | Path) -> Directions:
    """Reads what `write_directions` wrote.

    Raises:
        UserError: If there is no such file, or it is damaged or holds something else.
    """
    tree = read_value(path, _WHAT)
    if not isinstance(tree, dict) or tree.get("kind") != "directions":
        raise UserError(f"{path} holds no directions: give a file that `sakuga directions` wrote.")
    header = validate(DirectionsHeader, tree, f"entry in the header of {path},")
    found = read_tensors(path, _WHAT)
    steps = {name: found[name].float() for name in header.directions if name in found}
    if len({tuple(step.shape) for step in steps.values()}) > 1 or header.directions.keys() != found.keys():
        raise UserError(f"{path} does not hold the directions that it names: take an intact copy.")
    return Directions(header, steps)


def beside(model: "LoadedModel") -> Path:
    """Returns where the directions beside a model's file would be."""
    return model.path.with_name(model.path.stem + SUFFIX)


def directions_of(model: "LoadedModel", path: str | Path | None = None) -> Directions:
    """Returns the directions in a file, checked against a model.

    Args:
        model: The model.
        path: The file; None for the one beside the model's, `NAME.directions.safetensors`.

    Raises:
        UserError: If there is none, or as `read_directions`, or they are those of a model of another shape.
    """
    place = beside(model) if path is None else Path(path)
    if path is None and not place.is_file():
        raise UserError(
            f"{model.name} has no directions beside it: find some with `sakuga directions` and give their file."
        )
    found = read_directions(place)
    shape = (model.generator.num_ws, model.generator.w_dim)
    for step in found.steps.values():
        if tuple(step.shape) != shape:
            raise UserError(
                f"{place} has directions of {found.header.model}, {list(step.shape)}, which do not fit {model.name}, "
                f"{list(shape)}: give directions found for this model."
            )
    return found
