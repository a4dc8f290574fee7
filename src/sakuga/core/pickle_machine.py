"""The stack machine that pickles are programs for (PEP 307, PEP 574), without any means to import or call.

`core.unpickle` reads files with it; what may become of a name is in `core.pickle_values`.
"""

import mmap
import pickletools
from collections.abc import Callable
from typing import Any

from sakuga.core.pickle_values import BrokenError, Budget, Inert, construct, key_of, with_state


class Stream:
    """A file in memory that never gives fewer bytes than asked for."""

    def __init__(self, data: bytes | mmap.mmap):
        self._data, self._at = data, 0

    def tell(self) -> int:
        """Returns the place of the next byte."""
        return self._at

    def read(self, count: int) -> bytes:
        """Returns so many bytes."""
        if not 0 <= count <= len(self._data) - self._at:
            raise BrokenError("it ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def readline(self) -> bytes:
        """Returns the bytes up to the end of the line, with it."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise BrokenError("it ends too early")
        return self.read(end + 1 - self._at)


_MARK = object()


class Machine:
    """The stack machine of one pickle.

    Args:
        stream: Where the pickle begins; afterwards just behind it.
        budget: What may be copied.
        load: What reads a file within the file.
        persistent: What stands for a persistent id; None: an `Inert`.
    """

    def __init__(
        self,
        stream: Stream,
        budget: Budget,
        load: Callable[[bytes], Any],
        persistent: Callable[[Any], Any] | None = None,
    ):
        self.stream, self.budget, self.load = stream, budget, load
        self.persistent = persistent or (lambda ident: Inert("", "persistent id", (ident,)))
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.keys_of: dict[int, list[int]] = {}  # where in the memo an Inert is, which may yet become something

    def run(self) -> Any:
        """Returns what the pickle describes."""
        for opcode, argument, _ in pickletools.genops(self.stream):  # type: ignore[arg-type]
            if opcode.name == "STOP":
                return self.pop()
            if opcode.name in _LITERALS:
                self.stack.append(argument)
            else:
                step = _STEPS.get(opcode.name)
                if step is None:
                    raise BrokenError(f"it uses {opcode.name}")
                if opcode.name in _MAKING:
                    self.budget.count()
                step(self, argument)
        raise BrokenError("it ends too early")

    def pop(self) -> Any:
        """Takes the top value away and returns it."""
        if not self.stack or self.stack[-1] is _MARK:
            raise BrokenError("its stack runs empty")
        return self.stack.pop()

    def top(self) -> Any:
        """Returns the top value."""
        value = self.pop()
        self.stack.append(value)
        return value

    def pop_to_mark(self) -> list[Any]:
        """Takes all values above the last mark away, and the mark, and returns them."""
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                values = self.stack[place + 1 :]
                del self.stack[place:]
                return values
        raise BrokenError("its stack has no mark")

    def put(self, key: int) -> None:
        """Remembers the top value."""
        value = self.top()
        self.memo[key] = value
        if isinstance(value, Inert):
            self.keys_of.setdefault(id(value), []).append(key)

    def replace_top(self, value: Any) -> None:
        """Puts a finished value where an `Inert` was, on the stack and in the memo."""
        old = self.stack.pop()
        self.stack.append(value)
        for key in self.keys_of.pop(id(old), ()):
            if self.memo[key] is old:
                self.memo[key] = value

    def call(self, function: Any, args: Any, kwargs: Any = None) -> None:
        """Puts on the stack what a call gives."""
        self.stack.append(construct(self, function, args, kwargs))

    def build(self, state: Any) -> None:
        """Sets the state of what is on top; finished values have none."""
        target = self.top()
        if isinstance(target, Inert):
            self.replace_top(with_state(self, target, state))

    def append(self, values: list[Any]) -> None:
        """Appends to the list on top."""
        target = self.top()
        if isinstance(target, Inert):
            target.elements.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise BrokenError("it appends to what is no list")

    def set_items(self, values: list[Any]) -> None:
        """Puts keys and values, in turns, into the dict on top."""
        target = self.top()
        entries = target.entries if isinstance(target, Inert) else target
        if not isinstance(entries, dict):
            raise BrokenError("it puts items into what is no dict")
        entries.update(_pairs(values))

    def add(self, values: list[Any]) -> None:
        """Adds to the set on top."""
        target = self.top()
        if not isinstance(target, set):
            raise BrokenError("it adds to what is no set")
        target.update(key_of(value) for value in values)


def _pairs(values: list[Any]) -> dict[Any, Any]:
    if len(values) % 2:
        raise BrokenError("a key has no value")
    return {key_of(key): value for key, value in zip(values[::2], values[1::2], strict=True)}


def _global(machine: Machine, argument: str) -> None:
    # pickletools joins the two lines by a blank.
    module, _, name = argument.partition(" ")
    machine.stack.append(Inert(module, name))


def _stack_global(machine: Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(module, str) or not isinstance(name, str):
        raise BrokenError("a name is no text")
    machine.stack.append(Inert(module, name))


def _reduce(machine: Machine, _: Any) -> None:
    args, function = machine.pop(), machine.pop()
    machine.call(function, args)


def _new_object(machine: Machine, with_kwargs: bool) -> None:
    kwargs = machine.pop() if with_kwargs else None
    args, kind = machine.pop(), machine.pop()
    machine.call(kind, args, kwargs)


def _instance(machine: Machine, argument: str) -> None:
    args = tuple(machine.pop_to_mark())
    _global(machine, argument)
    machine.call(machine.pop(), args)


def _object(machine: Machine, _: Any) -> None:
    values = machine.pop_to_mark()
    if not values:
        raise BrokenError("its stack runs empty")
    machine.call(values[0], tuple(values[1:]))


def _get(machine: Machine, key: int) -> None:
    if key not in machine.memo:
        raise BrokenError("it recalls what it never kept")
    machine.stack.append(machine.memo[key])


def _tuple_of(count: int) -> Callable[[Machine, Any], None]:
    def step(machine: Machine, _: Any) -> None:
        values = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(values)))

    return step


def _push(make: Callable[[Machine], Any]) -> Callable[[Machine, Any], None]:
    return lambda machine, _: machine.stack.append(make(machine))


def _set_item(machine: Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


def _pop(machine: Machine, _: Any) -> None:
    if not machine.stack:
        raise BrokenError("its stack runs empty")
    machine.stack.pop()


# Words whose argument is the value itself.
_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
}

# Words of few bytes that make, or remember, an object of many.
_MAKING = {
    *("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "LIST", "DICT", "FROZENSET", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "INST", "OBJ", "PERSID", "BINPERSID"),
    *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
}

_STEPS: dict[str, Callable[[Machine, Any], Any]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": _push(lambda machine: _MARK),
    "POP": _pop,
    "POP_MARK": lambda machine, _: machine.pop_to_mark(),
    "DUP": _push(lambda machine: machine.top()),
    "NONE": _push(lambda machine: None),
    "NEWTRUE": _push(lambda machine: True),
    "NEWFALSE": _push(lambda machine: False),
    "EMPTY_LIST": _push(lambda machine: []),
    "EMPTY_TUPLE": _push(lambda machine: ()),
    "EMPTY_DICT": _push(lambda machine: {}),
    "EMPTY_SET": _push(lambda machine: set()),
    "LIST": _push(lambda machine: machine.pop_to_mark()),
    "TUPLE": _push(lambda machine: tuple(machine.pop_to_mark())),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "DICT": _push(lambda machine: _pairs(machine.pop_to_mark())),
    "FROZENSET": _push(lambda machine: frozenset(map(key_of, machine.pop_to_mark()))),
    "APPEND": lambda machine, _: machine.append([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.pop_to_mark()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "ADDITEMS": lambda machine, _: machine.add(machine.pop_to_mark()),
    "PUT": lambda machine, key: machine.put(key),
    "BINPUT": lambda machine, key: machine.put(key),
    "LONG_BINPUT": lambda machine, key: machine.put(key),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": lambda machine, _: _new_object(machine, with_kwargs=False),
    "NEWOBJ_EX": lambda machine, _: _new_object(machine, with_kwargs=True),
    "INST": _instance,
    "OBJ": _object,
    "BUILD": lambda machine, _: machine.build(machine.pop()),
    "PERSID": lambda machine, ident: machine.stack.append(machine.persistent(ident)),
    "BINPERSID": lambda machine, _: machine.stack.append(machine.persistent(machine.pop())),
}
