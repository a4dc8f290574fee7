"""What an adapter returns: named tensors and what their shapes do not tell."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sakuga.core.errors import printable
from sakuga.core.unpickle import Budget, Inert

_FILTER = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
_MOST_TENSORS = 4096  # a StyleGAN2 of 1024 pixels has some 150
_LONGEST_NAME = 200


class UnfitError(Exception):
    """Why a network cannot be imported: the end of a sentence that begins with the file's name."""

    def __init__(self, why: str):
        super().__init__(printable(why))


@dataclass(frozen=True)
class Found:
    """A network as it was found, under our names.

    Attributes:
        tensors: Name to tensor.
        mapping_lr: The relative learning rate of the mapping network, by which its weights are scaled when used.
        minibatch_group: Of D: pictures whose standard deviation is one more channel.
    """

    tensors: dict[str, Tensor]
    mapping_lr: float = 0.01
    minibatch_group: int = 4


@dataclass(frozen=True)
class Foreign:
    """What a file holds.

    Attributes:
        layout: The program that wrote it.
        generator: G, the moving average where there is one.
        discriminator: Reads D, and raises `UnfitError` where that is none of ours; None without one.
    """

    layout: str
    generator: Found
    discriminator: Callable[[], Found] | None = None


def entries_of(value: Any) -> Mapping[Any, Any] | None:
    """Returns a dict, or what an unknown kind of dict was to hold; None for anything else."""
    if isinstance(value, Inert):
        return value.entries or None
    return value if isinstance(value, dict) else None


def fact(value: Any) -> Any:
    """Returns a text, a number, or a list of them; for all else, which may not compare, the name of its type."""
    if isinstance(value, list | tuple):
        return [fact(part) for part in value[:16] if not isinstance(part, list | tuple)]
    if isinstance(value, int) and value.bit_length() > 64:
        return "a very large number"
    return value if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def checked_lr(value: Any) -> float:
    """Returns the relative learning rate of a mapping network.

    Raises:
        UnfitError: If it is none.
    """
    if not isinstance(value, int | float) or not 0 < value < 1e3:
        raise UnfitError("its mapping network has no learning rate")
    return float(value)


def checked_group(value: Any) -> int:
    """Returns the pictures of which D takes the standard deviation.

    Raises:
        UnfitError: If that is another number for each batch.
    """
    if type(value) is not int or not 1 <= value <= 4096:
        raise UnfitError("its minibatch standard deviation is not that of groups of one size")
    return value


def name_of(key: Any) -> str:
    """Returns a key as text, cut where it is longer than any name of ours: names may be many, and joined."""
    return key[:_LONGEST_NAME] if isinstance(key, str) else str(key if isinstance(key, int) else fact(key))[:60]


def check_count(count: int) -> None:
    """Refuses more tensors than any network of ours has, though each of them may be small.

    Raises:
        UnfitError: If there are so many.
    """
    if count > _MOST_TENSORS:
        raise UnfitError("it holds too many tensors")


def first_names(value: Any, count: int = 3) -> str:
    """Returns the first keys of a dict, printable and short."""
    keys = list(entries_of(value) or ())
    shown = [printable(name_of(key)[:60]) for key in keys[:count]]
    return ", ".join(shown) + (", ..." if len(keys) > count else "") if keys else "none"


def tensor_of(name: str, value: Any, budget: Budget) -> Tensor:
    """Returns an array or a number as a float32 tensor of its own.

    One tensor may have many names in a file, and is as many in ours.

    Raises:
        UnfitError: If it is none, or not finite.
        BrokenError: If all tensors together are larger than the file explains.
    """
    is_array = isinstance(value, np.ndarray | np.generic | float | int) and np.asarray(value).dtype.kind in "fiu"
    if not is_array and (not isinstance(value, Tensor) or value.is_complex()):
        raise UnfitError(f"its {name[:60]} is no tensor")
    count = value.numel() if isinstance(value, Tensor) else np.size(value)
    if not count:
        raise UnfitError(f"its {name[:60]} is empty")
    budget.spend(4 * count)
    if isinstance(value, Tensor):
        tensor = value.detach().to(torch.float32, copy=True).contiguous()
    else:
        tensor = torch.from_numpy(np.array(value, dtype=np.float32))
    if not tensor.isfinite().all():
        raise UnfitError(f"its {name[:60]} has numbers that are not finite")
    return tensor


def check_filter(name: str, value: Any, budget: Budget) -> None:
    """Refuses another resampling filter than that of the paper, whatever its sum.

    Raises:
        UnfitError: If it is another one.
        BrokenError: As `tensor_of`.
    """
    kernel = tensor_of(name, value, budget)
    if kernel.shape == _FILTER.shape[:1]:
        kernel = torch.outer(kernel, kernel)
    if kernel.shape != _FILTER.shape or not torch.allclose(kernel / kernel.sum(), _FILTER, atol=1e-6):
        raise UnfitError(f"its filter {name[:60]} is not 1, 3, 3, 1, the only one that sakuga has")


Rule = tuple[str, str, Callable[[Tensor], Tensor]]


def renamed(
    values: Collection[tuple[str, Any]],
    rules: Iterable[Rule],
    budget: Budget,
    place: Callable[[str], str] = str,
) -> dict[str, Tensor]:
    """Returns tensors under our names.

    Args:
        values: Their names and values.
        rules: A pattern for the whole of their name, ours (with the groups of theirs), and what becomes of the tensor.
        budget: What may be copied.
        place: What becomes of our name.

    Raises:
        UnfitError: If a name fits no pattern, or there are too many.
        BrokenError: As `tensor_of`.
    """
    check_count(len(values))
    compiled = [(re.compile(pattern), ours, change) for pattern, ours, change in rules]
    tensors: dict[str, Tensor] = {}
    for name, value in values:
        for pattern, ours, change in compiled:
            if match := pattern.fullmatch(name):
                tensors[place(match.expand(ours))] = _changed(name, tensor_of(name, value, budget), change)
                break
        else:
            raise UnfitError(f"it has {name[:60]!r}, which a StyleGAN2 has not")
    return tensors


def _changed(name: str, tensor: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    try:
        return change(tensor).contiguous()
    except (RuntimeError, IndexError, ValueError) as error:
        raise UnfitError(f"its {name[:60]} has the shape {tuple(tensor.shape)}, which does not fit") from error


def as_it_is(tensor: Tensor) -> Tensor:
    """Returns the tensor."""
    return tensor


def only_one(tensor: Tensor) -> Tensor:
    """Takes away a first axis of length 1."""
    if tensor.shape[0] != 1:
        raise ValueError
    return tensor[0]


def plane(tensor: Tensor) -> Tensor:
    """Returns the only picture, `[1, 1, H, W]`, as `[H, W]`."""
    return only_one(only_one(tensor))


def number(tensor: Tensor) -> Tensor:
    """Returns the only number, whatever its shape."""
    return tensor.reshape(())
