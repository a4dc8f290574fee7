"""Where pictures come from: a folder or a zip, read by name, and never unpacked."""

import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from sakuga.core.decode import MAX_BYTES, BadFile
from sakuga.core.errors import UserError, printable
from sakuga.core.progress import tracked
from sakuga.data.problem import Problem

METADATA = ("labels.csv", "dataset.json")
"""Files that describe the others; read beside the pictures, or in their common folder."""

_METHODS = {9: "deflate64", zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "lzma", 93: "zstandard"}


class Source(Protocol):
    """Files by name."""

    path: Path
    names: list[str]  # sorted; everything that may be a picture
    problems: list[Problem]  # entries that cannot even be read by name

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file; raises BadFile if they cannot be had."""
        ...

    def metadata(self, name: str) -> bytes | None:
        """Returns the bytes of `labels.csv` or `dataset.json`, None if there is no such file."""
        ...

    def key(self) -> str:
        """Returns a hash of names and contents."""
        ...


def open_source(path: str | Path) -> Source:
    """Opens a folder or a zip.

    Raises:
        UserError: If there is no such path, or it is neither.
    """
    path = Path(path)
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise UserError(f"There is no {path}: give a folder or a zip of pictures, or `synthetic`.")
    if not path.is_file():
        raise UserError(f"{path} is neither a file nor a folder: give a folder or a zip of pictures, or `synthetic`.")
    return ZipSource(path)


class FolderSource:
    """All files of a folder and its subfolders; hidden ones are left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._files: dict[str, Path] = {}
        for file in self._walk():
            name = _printable(file.relative_to(path).as_posix())
            if name in self._files:
                self.problems.append(Problem(name, "bad name: another file's differs only in unprintable characters"))
            else:
                self._files[name] = file
        self._metadata = _split_metadata(self._files)
        self.names = sorted(self._files)

    def _walk(self) -> Iterator[Path]:
        def unreadable(error: OSError) -> None:
            name = _printable(os.path.relpath(error.filename, self.path))
            self.problems.append(Problem(name, f"cannot be read ({error.strerror})"))

        seen: set[str] = set()  # linked folders are followed, but not in circles
        for folder, subfolders, files in os.walk(self.path, onerror=unreadable, followlinks=True):
            real = os.path.realpath(folder)
            subfolders[:] = sorted(name for name in subfolders if real not in seen and not _hidden(name))
            if real not in seen:
                yield from (Path(folder, name) for name in sorted(files) if not _hidden(name))
            seen.add(real)

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file; raises BadFile if they cannot be had."""
        return _read_file(self._files[name])

    def metadata(self, name: str) -> bytes | None:
        """Returns the bytes of `labels.csv` or `dataset.json`, None if there is no such file."""
        return read_metadata(self._metadata[name]) if name in self._metadata else None

    def key(self) -> str:
        """Returns a hash of names and contents."""
        digest = hashlib.blake2b(digest_size=16)
        files = sorted({**self._files, **self._metadata}.items())
        for name, file in tracked(files, f"Reading {self.path.name}"):
            try:
                data = _read_file(file)
            except BadFile as error:
                data = str(error).encode()
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
        return digest.hexdigest()


class ZipSource:
    """All files of a zip; nothing is ever extracted, so that a name cannot lead out of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        try:
            self._zip = zipfile.ZipFile(path)
            entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, OverflowError) as error:
            raise UserError(
                f"{path} is not a zip, or a damaged one ({error}): give a folder or a whole zip."
            ) from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            if reason := self._refusal(entry):
                self.problems.append(Problem(_printable(entry.orig_filename), reason))
            elif not _hidden(entry.filename):
                self._entries[_printable(entry.filename)] = entry
        self._metadata = _split_metadata(self._entries)
        self.names = sorted(self._entries)

    def _refusal(self, entry: zipfile.ZipInfo) -> str | None:
        name = entry.orig_filename.replace("\\", "/")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            return "bad entry: its name leads out of the archive"
        if "\0" in name:
            return "bad entry: its name holds a zero byte"
        if _printable(entry.filename) in self._entries:
            return "bad entry: a second file of this name"
        return None

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file; raises BadFile if they cannot be had."""
        return self._read(self._entries[name])

    def _read(self, entry: zipfile.ZipInfo) -> bytes:
        if entry.flag_bits & 0x1:
            raise BadFile("encrypted: pack it without a password")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # those inflate without limit
            method = _METHODS.get(entry.compress_type, f"method {entry.compress_type}")
            raise BadFile(f"another compression than deflate: {method}, pack it with deflate or without compression")
        if entry.file_size > MAX_BYTES:
            raise BadFile(f"decompression bomb: {entry.file_size} bytes announced, more than {MAX_BYTES} are not read")
        try:
            with self._zip.open(entry) as file:
                return file.read(entry.file_size + 1)  # without a number, it inflates more than was announced
        except Exception as error:  # zipfile and zlib raise nearly everything on damaged data
            raise BadFile(f"damaged in the archive ({error})") from None

    def metadata(self, name: str) -> bytes | None:
        """Returns the bytes of `labels.csv` or `dataset.json`, None if there is no such file."""
        if name not in self._metadata:
            return None
        try:
            return self._read(self._metadata[name])
        except BadFile as error:
            raise UserError(f"{name} in {self.path} cannot be read: {error}.") from None

    def key(self) -> str:
        """Returns a hash of the central directory: names, sizes and checksums."""
        digest = hashlib.blake2b(digest_size=16)
        for problem in self.problems:
            digest.update(f"{problem}\0".encode())
        for name, entry in sorted({**self._entries, **self._metadata}.items()):
            digest.update(f"{name}\0{entry.file_size}\0{entry.CRC}\0{entry.flag_bits & 1}\0".encode())
        return digest.hexdigest()


def read_metadata(file: Path) -> bytes:
    """Returns the bytes of a file that describes others.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        return _read_file(file)
    except BadFile as error:
        raise UserError(f"{file}: {error}: give the path of a file that can be read.") from None


def common_folder(names: Sequence[str]) -> str:
    """Returns the deepest folder that holds all the names, with a trailing slash, or an empty string."""
    if not names:
        return ""
    first, last = (name.split("/")[:-1] for name in (min(names), max(names)))  # what they share, all between share
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(f"{folder}/" for folder, _ in shared)


def _split_metadata(files: dict) -> dict:
    """Takes the describing files out of `files`, from the top or from the common folder."""
    found = {}
    top = common_folder([name for name in files if name.rpartition("/")[2] not in METADATA])
    for name in METADATA:
        for place in dict.fromkeys(("", top)):
            if place + name in files:
                found.setdefault(name, files.pop(place + name))
    return found


def _hidden(name: str) -> bool:
    parts = name.split("/")
    return any(p.startswith(".") or p == "__MACOSX" for p in parts) or parts[-1] in ("Thumbs.db", "desktop.ini")


def _read_file(file: Path) -> bytes:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadFile("not a regular file")
        if status.st_size > MAX_BYTES:
            raise BadFile(f"too large: {status.st_size} bytes, more than {MAX_BYTES} are not read")
        return file.read_bytes()
    except OSError as error:
        raise BadFile(f"cannot be read ({error.strerror})") from None


def _printable(name: str) -> str:
    """Returns a name that can go into JSON, too."""
    return printable(name, "\ufffd")
