"""The model file: one `.safetensors` that explains itself. Nothing in it is ever executed."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from sakuga.configs.modelfile import Header, read_header
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import first_misfit, read_tensors, write_tensors
from sakuga.models.registry import build

_WHAT = "model file"


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
