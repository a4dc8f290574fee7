"""The model file: one `.safetensors` that explains itself. Nothing in it is ever executed."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from sakuga.configs.modelfile import FORMAT_VERSION, Header
from sakuga.configs.patch import validate
from sakuga.core.errors import UserError
from sakuga.core.filekinds import WEIGHTS, kind_of_file
from sakuga.core.tensorfile import first_misfit, read_tensors, read_value, write_tensors
from sakuga.models.registry import build

_WHAT = "model file"

# The other files of `write_tensors`, recognized by their kind or by an entry that no other has.
_OTHERS = {
    "directions": "directions, not a model: give it with --directions, beside the model that they belong to",
    "projection": "a projected picture, not a model: give it with --from-projection of `sakuga edit`",
    "loop": "a checkpoint, not a model: give its run folder, or the model.safetensors there",
}


def save_model(
    path: str | Path, header: Header, networks: Mapping[str, nn.Module], *, half: bool = True, overwrite: bool = True
) -> Path:
    """Writes the networks, one for each role of the header, matrices in half precision, vectors in float32.

    A matrix with a value beyond 65504, the largest of half precision, is written as it is.

    Args:
        path: The file to write.
        header: What the file says of itself.
        networks: Role name to network.
        half: False: matrices too are written as they are.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UserError: As `core.tensorfile.write_tensors`.
    """
    tensors: dict[str, Tensor] = {}
    for role, network in networks.items():
        for name, tensor in network.state_dict().items():
            tensors[f"{role}.{name}"] = _rounded(tensor) if half else tensor
    return write_tensors(path, tensors, header.model_dump(mode="json"), overwrite=overwrite)


def _rounded(tensor: Tensor) -> Tensor:
    # Norms' statistics and gains are few in number and wide in range.
    if not tensor.is_floating_point() or tensor.ndim < 2:
        return tensor
    rounded = tensor.to(torch.float16)
    return rounded if rounded.isfinite().all() else tensor


def read_header(path: str | Path) -> Header:
    """Returns the header of a model file.

    Raises:
        UserError: If there is no such file, or it is damaged, foreign, or newer than this program.
    """
    if kind_of_file(path) == WEIGHTS:
        raise UserError(
            f"{path} holds weights of another program: make a model file of it with `sakuga import {path} --out "
            f"{Path(path).stem}.safetensors`, and give that."
        )
    tree = read_value(path, _WHAT)
    for entry, told in _OTHERS.items():
        if isinstance(tree, dict) and (tree.get("kind") == entry or entry in tree):
            raise UserError(f"{path} holds {told}.")
    version = tree.get("format_version") if isinstance(tree, dict) else None
    if not isinstance(version, int):
        raise UserError(f"{path} is no model file of sakuga: choose one that `sakuga train` wrote.")
    if version > FORMAT_VERSION:
        raise UserError(f"{path} has format {version}, this program reads up to {FORMAT_VERSION}: update sakuga.")
    return validate(Header, tree, f"entry in the header of {path},")


def load_network(path: str | Path, role: str, header: Header | None = None) -> nn.Module:
    """Builds the network of one role and fills it, float32, on the CPU, in eval mode, its parameters frozen.

    Raises:
        UserError: As `read_header`, or if the file has no such role or its tensors do not fit the architecture.
    """
    header = header or read_header(path)
    found = getattr(header.roles, role)
    if found is None:
        raise UserError(f"{path} holds no {role}: choose a model that was saved with one.")
    with torch.device("meta"):
        network = build(found.architecture, header.labels)
    state, expected = read_tensors(path, _WHAT, f"{role}."), network.state_dict()
    if wrong := first_misfit(expected, state):
        raise UserError(f"{path} does not fit its own architecture, first at {role}.{wrong}: take an intact copy.")
    network.load_state_dict({name: tensor.to(expected[name].dtype) for name, tensor in state.items()}, assign=True)
    return network.eval().requires_grad_(False)
