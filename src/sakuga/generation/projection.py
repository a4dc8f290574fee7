"""A picture that was projected, and the reader of its file; `projection_files` has the writer."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor

from sakuga.configs.labels import LabelSchema
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import read_tensors, read_value

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

KIND = "projection"
_WHAT = "projected picture"


@dataclass(frozen=True)
class Projection:
    """What was found for one picture.

    Attributes:
        ws: float32 `[num_ws, w_dim]`.
        noise: The noise maps, float32 `[1, 1, H, W]` each; none if they were not searched for.
        labels: The value of each attribute, int64 `[num_attributes]`.
        target: The picture looked for, uint8 `[H, W, 3]`.
        start: The picture that the search began with, the same: that of the mean w, or the nearest sample where w is z.
        found: The picture of `ws`, the same.
        distance_mean: The distance of the picture of the mean w from the target.
        distance_start: That of `start`.
        distance: That of `found`.
        distance_plain: That of the picture of `ws` with the network's own noise maps.
        seconds: How long it took.
        frames: Pictures on the way, uint8 `[F, H, W, 3]`.
    """

    ws: Tensor
    noise: tuple[Tensor, ...]
    labels: np.ndarray
    target: np.ndarray
    start: np.ndarray
    found: np.ndarray
    distance_mean: float
    distance_start: float
    distance: float
    distance_plain: float
    seconds: float
    frames: np.ndarray

    def values(self, schema: LabelSchema) -> dict[str, str]:
        """Returns the value of each attribute by name."""
        pairs = zip(schema.attributes, self.labels.tolist(), strict=True)
        return {attribute.name: attribute.values[number] for attribute, number in pairs}


class Projected(NamedTuple):
    """What other tools need of a projection.

    Attributes:
        ws: float32 `[num_ws, w_dim]`, on the model's device.
        noise: The noise maps, float32 `[1, 1, H, W]` each; none if they were not searched for.
        labels: The value of each attribute, int64 `[num_attributes]`; -1 where the file does not say.
        model_sha256: The hash of the model that it was found in.
    """

    ws: Tensor
    noise: tuple[Tensor, ...]
    labels: np.ndarray
    model_sha256: str


def read_projection(path: str | Path, model: "LoadedModel") -> Projected:
    """Reads a picture that `sakuga project` found, with its noise maps if they were searched for.

    Raises:
        UserError: If there is no such file, it is damaged or holds something else, or does not fit the model.
    """
    tree = read_value(path, _WHAT)
    found = read_tensors(path, _WHAT)
    if not isinstance(tree, dict) or tree.get("kind") != KIND or "ws" not in found:
        raise UserError(f"{path} holds no projected picture: give a file that `sakuga project` wrote.")
    expected = {"ws": (model.generator.num_ws, model.generator.w_dim)}
    maps = len(found) - 1
    if maps:
        expected |= {f"noise{i}": (1, 1, *shape) for i, shape in enumerate(model.generator.noise_shapes)}
    if {name: tuple(tensor.shape) for name, tensor in found.items()} != expected:
        raise UserError(
            f"{path} holds ws {list(found['ws'].shape)} and {maps} noise maps, which do not fit {model.name}, "
            f"{list(expected['ws'])}: give the model that the picture was projected into."
        )
    on_device = {name: tensor.float().to(model.device) for name, tensor in found.items()}
    noise = tuple(on_device[f"noise{i}"] for i in range(maps))
    attributes = tree.get("attributes")
    own = {a.name: (attributes if isinstance(attributes, dict) else {}).get(a.name) for a in model.schema.attributes}
    values = {name: value for name, value in own.items() if value in model.schema.attribute(name).values}
    labels = np.array(model.schema.encode(values), np.int64)
    return Projected(on_device["ws"], noise, labels, str(tree.get("model_sha256", "")))


def projection_name(path: str | Path) -> str:
    """Returns what to call the picture in a file: `project` calls all its files alike, so that their folder tells."""
    path = Path(path)
    return path.parent.name if path.stem == KIND and path.parent.name else path.stem
