"""What a pickle may become: arrays, tensors, containers, and inert names; see `core.unpickle`."""

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sakuga.core.errors import printable


@dataclass(eq=False, repr=False)
class Inert:
    """A class or function that a pickle named, and what the pickle wanted to do with it; nothing was done.

    Attributes:
        module: The module it named.
        name: The name in it; "f()" for what a call of `f` was to return.
        args: What it was to be called with; None if it was only named.
        kwargs: The same by keyword.
        state: What was to become its state, mostly a dict of its attributes.
        entries: What was to be put into it as into a dict.
        elements: What was to be appended to it as to a list.
    """

    module: str
    name: str
    args: tuple[Any, ...] | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    state: Any = None
    entries: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<inert {self.path}>"

    @property
    def path(self) -> str:
        """The dotted name, printable and short."""
        text = f"{self.module}.{self.name}".strip(".")
        return printable(text[:80])


class BrokenError(Exception):
    """What the file says makes no sense."""


_MOST_OBJECTS = 1 << 20


class Budget:
    """What may be copied in all: a file can hold no more than a few times its own size, unless it lies.

    And how many objects may be made, since one takes some hundred bytes of memory and one or two of the file.
    """

    def __init__(self, size: int):
        self.left = 8 * size + (1 << 16)
        self.objects = 0

    def count(self) -> None:
        """Counts one object.

        Raises:
            BrokenError: If there are more than weights can have.
        """
        self.objects += 1
        if self.objects > _MOST_OBJECTS:
            raise BrokenError(f"it has more than {_MOST_OBJECTS:,} objects")

    def spend(self, size: int) -> None:
        """Counts so many bytes.

        Raises:
            BrokenError: If that is too many.
        """
        self.left -= size
        if size < 0 or self.left < 0:
            raise BrokenError("it asks for more memory than its size explains")


class Maker(Protocol):
    """What constructors need of the machine: its budget, and how bytes within the file are read."""

    budget: Budget
    load: Callable[[bytes], Any]


_KEYS = (str, bytes, int, float, complex, type(None), Inert)


def key_of(value: Any) -> Hashable:
    """Returns a value that may be a key.

    Raises:
        BrokenError: If it is none; the hash of tuples of tuples of tuples can take for ever, though they are few, and
            numbers can be too long to be shown.
    """
    for part in value if isinstance(value, tuple) else (value,):
        if not isinstance(part, _KEYS) or (isinstance(part, int) and part.bit_length() > 64):
            break
    else:
        return value
    raise BrokenError("a key is no plain value")


def construct(maker: Maker, function: Any, args: Any, kwargs: Any = None) -> Any:
    """Returns what our own constructor of a function's name makes, an `Inert` where there is none of that name.

    Raises:
        BrokenError: If the arguments make no sense.
    """
    if not isinstance(args, tuple) or not isinstance(kwargs or {}, dict):
        raise BrokenError("it calls with no tuple")
    if not isinstance(function, Inert):
        return Inert("", f"{type(function).__name__}()", args, kwargs or {})
    if function.args is not None:
        return Inert(function.module, f"{function.name[:80]}()", args, kwargs or {})
    constructor = _CONSTRUCTORS.get((function.module, function.name))
    if constructor is not None and not kwargs:
        try:
            made = constructor(maker, *args)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BrokenError(f"{function.path} does not go with what it is given") from error
        if made is not NotImplemented:
            return made
    return Inert(function.module, function.name, args, kwargs or {})


def with_state(maker: Maker, target: Inert, state: Any) -> Any:
    """Returns the array, or numpy's type, that an `Inert` becomes by its state; else the `Inert` with its state."""
    if target.args is not None and target.state is None:
        if (target.module, target.name) in _ARRAYS:
            array = _array_of_state(maker, state)
            if array is not None:
                return array
        if (target.module, target.name) == ("numpy", "dtype"):
            dtype = _dtype(target.args, state)
            if dtype is not None:
                return dtype
    target.state = state
    return target


def _dtype(args: tuple[Any, ...], state: Any) -> np.dtype[Any] | None:
    """Returns a type of numbers or text; None for types of objects, records and dates."""
    name = args[0] if args else None
    # As numpy writes them: it knows a language of its own for others.
    if not isinstance(name, str) or not re.fullmatch(r"[biufcSU][0-9]{1,6}", name):
        return None
    if not isinstance(state, tuple) or len(state) < 2 or not (dtype := np.dtype(name)).itemsize:
        return None
    return dtype.newbyteorder(state[1]) if state[1] in ("<", ">", "|", "=") else None


def _numbers(maker: Maker, data: Any, dtype: Any, shape: Any, order: str) -> Any:
    """Returns an array of its bytes, which old pickles hold as Latin-1 text; None for a type that is not built."""
    if not isinstance(dtype, np.dtype) or not isinstance(data, str | bytes | bytearray):
        return None
    if isinstance(shape, int):
        shape = (shape,)
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(shape, tuple) or len(shape) > 32 or not all(type(n) is int and n >= 0 for n in shape):
        raise BrokenError("an array has no shape")
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise BrokenError(f"an array of shape {shape} has {len(raw)} bytes")
    maker.budget.spend(len(raw))
    # The copy is ours to write to.
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if order == "F" else "C").copy()


def _array_of_state(maker: Maker, state: Any) -> Any:
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        raise BrokenError("an array has no state")
    shape, dtype, is_fortran, data = state[-4:]
    return _numbers(maker, data, dtype, shape, "F" if is_fortran else "C")


def _array_of_buffer(maker: Maker, data: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> Any:
    array = _numbers(maker, data, dtype, shape, order)
    return NotImplemented if array is None else array


def _scalar(maker: Maker, dtype: Any, data: Any = None) -> Any:
    array = _numbers(maker, data, dtype, (1,), "C")
    return NotImplemented if array is None else array[0]


def _encode(maker: Maker, text: Any, encoding: Any = "utf-8") -> Any:
    # What a bytes object is in a pickle of protocol 2.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        return NotImplemented
    maker.budget.spend(len(text))
    return text.encode("latin1")


def _plain(kind: Callable[..., Any], sources: type | tuple[type, ...]) -> Callable[..., Any]:
    def make(maker: Maker, *args: Any) -> Any:
        if len(args) == 0:
            return kind()
        values, *rest = args
        if rest or not isinstance(values, sources):
            return NotImplemented
        maker.budget.spend(len(values) * (1 if isinstance(values, bytes | bytearray) else 8))
        return kind(values)

    return make


def _set_of(kind: Callable[..., Any]) -> Callable[..., Any]:
    return _plain(lambda values=(): kind(map(key_of, values)), (list, tuple, set, frozenset))


def _ordered(maker: Maker, pairs: Any = ()) -> Any:
    # Python 2 gives the pairs, Python 3 adds them later.
    if not isinstance(pairs, list | tuple) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
        return NotImplemented
    maker.budget.spend(8 * len(pairs))
    return OrderedDict((key_of(key), value) for key, value in pairs)


def _complex(maker: Maker, real: Any, imaginary: Any) -> Any:
    numbers = isinstance(real, int | float) and isinstance(imaginary, int | float)
    return complex(real, imaginary) if numbers else NotImplemented


def _nested(maker: Maker, data: Any) -> Any:
    if not isinstance(data, bytes | bytearray):
        return NotImplemented
    maker.budget.spend(len(data))
    return maker.load(bytes(data))


def _tensor(maker: Maker, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Any:
    """Returns a view of a storage, which is a 1-d tensor here."""
    numbers = (offset, *size, *stride)
    if not isinstance(storage, Tensor) or storage.ndim != 1 or len(size) != len(stride) or len(size) > 32:
        raise BrokenError("a tensor has no storage")
    if not all(type(n) is int and 0 <= n < 2**62 for n in numbers):
        raise BrokenError("a tensor has no size")
    # More numbers than the storage has: repeated ones, which no trained weights are.
    if math.prod(size) > len(storage):
        raise BrokenError("a tensor is larger than its storage")
    if math.prod(size) and offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) >= len(storage):
        raise BrokenError("a tensor reaches beyond its storage")
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _tensor_of_type(maker: Maker, storage: Any, *rest: Any) -> Any:
    # _rebuild_tensor_v3: the storage has bytes, the type comes last.
    dtype = getattr(torch, rest[-1].name, None) if isinstance(rest[-1], Inert) and rest[-1].module == "torch" else None
    if not isinstance(dtype, torch.dtype) or not isinstance(storage, Tensor):
        return NotImplemented
    return _tensor(maker, storage.view(dtype), *rest[:3])


def _first(maker: Maker, value: Any, *_: Any) -> Any:
    # A parameter is its tensor.
    return value if isinstance(value, Tensor) else NotImplemented


def _size(maker: Maker, numbers: Any = ()) -> Any:
    if not isinstance(numbers, list | tuple):
        return NotImplemented
    maker.budget.spend(8 * len(numbers))
    return tuple(numbers)


def _of_function(maker: Maker, function: Any, kind: Any, args: Any, state: Any = None) -> Any:
    # _rebuild_from_type_v2: a tensor with attributes, or of a class of its own.
    made = construct(maker, function, args)
    return made if isinstance(made, Tensor) else NotImplemented


_NUMPY = ("numpy.core", "numpy._core")
_ARRAYS = {(f"{room}.multiarray", "_reconstruct") for room in _NUMPY}

_CONSTRUCTORS: dict[tuple[str, str], Callable[..., Any]] = {
    **{(f"{room}.multiarray", "scalar"): _scalar for room in _NUMPY},
    **{(f"{room}.numeric", "_frombuffer"): _array_of_buffer for room in _NUMPY},
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): _ordered,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_of_type,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch._tensor", "_rebuild_from_type_v2"): _of_function,
    ("torch.storage", "_load_from_bytes"): _nested,
    ("torch", "Size"): _size,
}
for _room in ("builtins", "__builtin__"):
    _CONSTRUCTORS |= {
        (_room, "list"): _plain(list, (list, tuple)),
        (_room, "tuple"): _plain(tuple, (list, tuple)),
        (_room, "dict"): _plain(dict, dict),
        (_room, "bytes"): _plain(bytes, (bytes, bytearray)),
        (_room, "bytearray"): _plain(bytearray, (bytes, bytearray)),
        (_room, "set"): _set_of(set),
        (_room, "frozenset"): _set_of(frozenset),
        (_room, "complex"): _complex,
    }
