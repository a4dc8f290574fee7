"""Named tensors and one JSON value in one `.safetensors` file; nothing in it is ever executed.

What a file says of itself is read without torch.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from safetensors import SafetensorError, safe_open

from sakuga.core.errors import UserError
from sakuga.core.filekinds import SAFETENSORS, kind_of_file
from sakuga.core.files import writing

if TYPE_CHECKING:
    from torch import Tensor

_KEY = "sakuga"


def write_tensors(path: str | Path, tensors: Mapping[str, "Tensor"], value: Any, *, overwrite: bool = True) -> Path:
    """Writes tensors and a JSON value, whole or not at all.

    Args:
        path: The file to write.
        tensors: Name to tensor, on any device, in any memory format.
        value: Anything that JSON holds.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UserError: If the file cannot be written or the disk is full.
    """
    from safetensors.torch import save_file

    with writing(path, overwrite=overwrite) as temporary:
        try:
            save_file(_plain(tensors), temporary, {_KEY: json.dumps(value)})
        except SafetensorError as error:
            raise UserError(
                f"{path} could not be written ({error}): see that there is space, then run again."
            ) from error
    return Path(path)


def tensor_bytes(tensors: Mapping[str, "Tensor"], value: Any) -> bytes:
    """Returns what `write_tensors` writes."""
    from safetensors.torch import save as serialized

    return serialized(_plain(tensors), {_KEY: json.dumps(value)})


def read_value(path: str | Path, what: str) -> Any:
    """Returns the JSON value of a file that `write_tensors` wrote.

    Args:
        path: The file.
        what: What the file should be, for the error.

    Raises:
        UserError: If there is no such file, or it is damaged or foreign.
    """
    with _opened(path, what, "np") as file:
        text = (file.metadata() or {}).get(_KEY)
    if text is None:
        raise UserError(f"{path} is a safetensors file but no {what} of sakuga: choose one that sakuga wrote.")
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} has a damaged header: take an intact copy of the file.") from error


def read_tensors(path: str | Path, what: str, prefix: str = "") -> dict[str, "Tensor"]:
    """Returns the tensors whose names begin with `prefix`, without it, on the CPU; errors as `read_value`."""
    with _opened(path, what) as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (no mapping)
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def count_numbers(path: str | Path, what: str, prefix: str = "") -> int:
    """Returns how many numbers are in the tensors whose names begin with `prefix`; errors as `read_value`."""
    with _opened(path, what, "np") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (no mapping)
        return sum(math.prod(file.get_slice(name).get_shape()) for name in names)


def first_misfit(expected: Mapping[str, "Tensor"], found: Mapping[str, "Tensor"]) -> str | None:
    """Returns a name that only one side has, or whose shapes differ; None if all fit."""
    names = sorted(expected.keys() ^ found.keys()) or [n for n in expected if expected[n].shape != found[n].shape]
    return names[0] if names else None


def copy_into(targets: Mapping[str, "Tensor"], tensors: Mapping[str, "Tensor"], where: str) -> None:
    """Copies tensors into live ones of the same names, which keep their device, type and memory format.

    Raises:
        UserError: If a name is missing on either side or a shape differs.
    """
    if wrong := first_misfit(targets, tensors):
        raise UserError(f"{where} does not fit the networks, first at {wrong}: it belongs to another configuration.")
    import torch

    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(tensors[name])


def _plain(tensors: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    # safetensors refuses the channels_last format and tensors that share memory.
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def _opened(path: str | Path, what: str, framework: Literal["pt", "np"] = "pt"):
    if not Path(path).is_file():
        raise UserError(f"{path} is not there or is no file: give the path of a {what} (.safetensors).")
    try:
        return safe_open(path, framework=framework, device="cpu")
    except (SafetensorError, OSError) as error:
        kind = kind_of_file(path)
        if kind not in (None, SAFETENSORS):
            raise UserError(f"{path} is {kind} and no {what}: give the path of a {what} (.safetensors).") from error
        raise UserError(f"{path} is no intact safetensors file ({error}): take an intact copy.") from error
