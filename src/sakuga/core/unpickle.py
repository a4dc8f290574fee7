"""Reads pickles without running them: containers, arrays and tensors are built, everything else stays an inert name.

A pickle is a program that may name any function and have it called. It is read here by a machine of our own
(`core.pickle_machine`), for which a name is only ever looked up in a fixed table of harmless constructors
(`core.pickle_values`).
"""

import io
import mmap
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from sakuga.core.errors import UserError, printable
from sakuga.core.filekinds import CUT_SHORT, WEIGHTS, kind_of_file
from sakuga.core.pickle_machine import Machine, Stream
from sakuga.core.pickle_values import BrokenError, Budget, Inert

__all__ = ["BrokenError", "Budget", "Inert", "first_inert", "read_pickle"]

_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_ZIP = b"PK\x03\x04"
_DEEPEST = 4  # files of torch within files of torch

_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}


_REFUSED = (
    BrokenError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    EOFError,
    RuntimeError,
    MemoryError,
    NotImplementedError,
    struct.error,
    zipfile.BadZipFile,
)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return printable(text[:100])


def read_pickle(source: Path | bytes, what: str) -> Any:
    """Reads a pickle, or a file of `torch.save` (zip or older), and executes nothing of it.

    What is built: None, numbers, text, bytes, lists, tuples, dicts, sets, `OrderedDict`, numpy arrays and scalars (as
    any version of numpy and of Python wrote them), torch's tensors, parameters and storages (as 1-d tensors), on the
    CPU. Every other class or function becomes an `Inert`.

    Args:
        source: The file, or its bytes.
        what: What the file should be, for the error.

    Raises:
        UserError: If there is no such file, or if it is damaged, no pickle, or wants more memory than it has bytes.
    """
    where = "The pickle" if isinstance(source, bytes) else str(source)
    if not isinstance(source, bytes):
        if not source.is_file():
            raise UserError(f"{source} is not there or is no file: give the path of a {what}.")
        if not source.stat().st_size:
            raise UserError(f"{source} is empty: give the path of a {what}.")
    try:
        if isinstance(source, bytes):
            return _File(Budget(len(source))).within(source)
        with open(source, "rb") as file:
            reader = _File(Budget(source.stat().st_size))
            if file.read(len(_ZIP)) == _ZIP:
                return reader.zipped(file)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return reader.plain(data)
    except _REFUSED as error:
        kind = None if isinstance(source, bytes) else kind_of_file(source)
        if kind == CUT_SHORT:
            raise UserError(f"{where} is {kind}, not an intact {what}: download or copy it again.") from error
        if kind not in (None, WEIGHTS):
            raise UserError(f"{where} is {kind} and no {what}: give the path of a {what}.") from error
        raise UserError(f"{where} is no intact {what} ({_short(error)}): take an intact copy.") from error


def first_inert(value: Any) -> Inert | None:
    """Returns the outermost `Inert` within containers, None if there is none."""
    seen: set[int] = set()
    level = [value]
    while level:
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, Inert):
                return item
            if isinstance(item, dict | list | tuple | set | frozenset) and id(item) not in seen:
                seen.add(id(item))
                deeper += item.values() if isinstance(item, dict) else item
        level = deeper
    return None


class _File:
    """A file, or one within it.

    Args:
        budget: What may be copied in all.
        depth: How many files this one is in.
    """

    def __init__(self, budget: Budget, depth: int = 0):
        self.budget, self.depth = budget, depth

    def within(self, data: bytes) -> Any:
        if self.depth == _DEEPEST:
            raise BrokenError("files are nested too deeply")
        inner = _File(self.budget, self.depth + 1)
        return inner.zipped(io.BytesIO(data)) if data.startswith(_ZIP) else inner.plain(data)

    def unpickled(self, stream: Stream, storage: Callable[[Any], Tensor] | None = None) -> Any:
        return Machine(stream, self.budget, self.within, storage).run()

    def plain(self, data: bytes | mmap.mmap) -> Any:
        stream = Stream(data)
        value = self.unpickled(stream)
        is_torch = isinstance(value, int) and value == _TORCH_MAGIC
        return self.legacy(stream) if is_torch else value

    def legacy(self, stream: Stream) -> Any:
        """Reads what `torch.save` wrote before it wrote zips: pickles, then the storages' numbers."""
        if self.unpickled(stream) != 1001:
            raise BrokenError("an unknown version of torch.save")
        system = self.unpickled(stream)
        if not isinstance(system, dict) or system.get("little_endian") is False:
            raise BrokenError("it was written on a big-endian machine")
        storages: dict[str, tuple[Tensor, int]] = {}

        def storage(ident: Any) -> Tensor:
            dtype, key, count = _storage_ident(ident)
            if key not in storages:
                self.budget.spend(count * dtype.itemsize)
                storages[key] = torch.zeros(count * dtype.itemsize, dtype=torch.uint8), dtype.itemsize
            return storages[key][0].view(dtype)

        value = self.unpickled(stream, storage)
        keys = self.unpickled(stream)
        is_list = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        if not is_list or sorted(keys) != sorted(storages):
            raise BrokenError("its storages are not those it lists")
        for key in keys:
            memory, itemsize = storages[key]
            (count,) = struct.unpack("<q", stream.read(8))
            if count * itemsize != len(memory):
                raise BrokenError(f"storage {key} has {count} numbers")
            if count:
                memory.copy_(torch.frombuffer(bytearray(stream.read(len(memory))), dtype=torch.uint8))
        return value

    def zipped(self, file: IO[bytes]) -> Any:
        """Reads what `torch.save` writes; the names in the archive are keys, never paths: nothing is unpacked."""
        try:
            return self.archived(file)
        except OSError as error:  # the archive points outside itself
            raise BrokenError(f"its archive cannot be read: {error.strerror}") from error

    def archived(self, file: IO[bytes]) -> Any:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            roots = [name.removesuffix("data.pkl") for name in entries if name.endswith("data.pkl")]
            if len(roots) != 1:
                raise BrokenError("a zip that torch.save did not write")

            def entry(name: str) -> bytes:
                info = entries[roots[0] + name]
                # torch.save never compresses, and what is not compressed is no larger than the file.
                if info.compress_type != zipfile.ZIP_STORED:
                    raise BrokenError(f"{name} is compressed")
                self.budget.spend(info.file_size)
                return archive.read(info)

            if f"{roots[0]}byteorder" in entries and entry("byteorder") != b"little":
                raise BrokenError("it was written on a big-endian machine")
            storages: dict[str, Tensor] = {}

            def storage(ident: Any) -> Tensor:
                dtype, key, count = _storage_ident(ident)
                if key not in storages:
                    content = bytearray(entry(f"data/{key}"))
                    if len(content) != count * dtype.itemsize:
                        raise BrokenError(f"data/{key} has {len(content)} bytes for {count} numbers")
                    # torch makes no tensor of an empty buffer.
                    storages[key] = torch.frombuffer(content, dtype=torch.uint8) if content else torch.empty(0).byte()
                return storages[key].view(dtype)

            return self.unpickled(Stream(entry("data.pkl")), storage)


def _storage_ident(ident: Any) -> tuple[torch.dtype, str, int]:
    """Returns the type, key and count of numbers that `torch.save` writes in place of a storage."""
    is_storage = isinstance(ident, tuple) and len(ident) in (5, 6) and ident[0] == "storage"
    if not is_storage or ident[5:] not in ((), (None,)):
        raise BrokenError("it refers to something outside itself")
    _, kind, key, _, count = ident[:5]
    dtype = _STORAGES.get(kind.name) if isinstance(kind, Inert) and kind.module.split(".")[0] == "torch" else None
    if dtype is None or not isinstance(key, str) or type(count) is not int or count < 0:
        raise BrokenError("it holds numbers of an unknown type")
    return dtype, key, count
