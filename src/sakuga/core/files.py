"""The one way to write a file: whole or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sakuga.core.errors import UserError

# What the system says of a path where no file can be.
_NO_PLACE = {
    errno.EACCES,
    errno.ENOENT,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
}


@contextlib.contextmanager
def writing(path: str | Path, *, overwrite: bool = True, durable: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on success it replaces `path` in one step, on failure it is removed.

    Args:
        path: The file to write. Missing parent folders are made.
        overwrite: Whether an existing file may be replaced.
        durable: Whether the data reach the disk (fsync) before the rename, so that even after a power cut `path` holds
            either its old content or all of the new one. That takes longer than to write a small file.

    Raises:
        UserError: If `path` exists and may not be replaced, if the folder cannot be written, or if the disk is full.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        if path.exists() and not overwrite:
            raise UserError(f"{path} exists and is not overwritten: give another name, or remove it first.")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _new_file(path.parent, path.name[:80])
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some writers (safetensors) put a file of their own there, for its owner alone
        if durable:
            _sync(temporary)
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(f"No space left to write {path}: free some space and run the command again.") from error
        if error.errno in _NO_PLACE:
            raise UserError(f"{path} cannot be written ({error.strerror}): choose a folder that can.") from error
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes, *, overwrite: bool = True, durable: bool = True) -> Path:
    """Writes `data` to `path` whole or not at all and returns the path; all else as in `writing`."""
    with writing(path, overwrite=overwrite, durable=durable) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def write_text(path: str | Path, text: str, *, overwrite: bool = True) -> Path:
    """Writes `text` as UTF-8; as `write_bytes`."""
    return write_bytes(path, text.encode(), overwrite=overwrite)


def write_json(path: str | Path, value: Any, *, overwrite: bool = True) -> Path:
    """Writes `value` as indented JSON; as `write_bytes`."""
    return write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n", overwrite=overwrite)


def is_untouched(folder: Path) -> bool:
    """Tells whether a folder is not there, or holds nothing but what a killed `writing` left of its first file."""
    return not folder.exists() or all(path.match(".*.part") for path in folder.iterdir())


def check_place(folder: Path, path: Path) -> None:
    """Refuses a folder that no file can be made in, before the work whose result belongs there.

    Args:
        folder: The folder; of one that is not there the nearest parent that is.
        path: What is to be written, for the error.

    Raises:
        UserError: If no file can be made there.
    """
    try:
        folder = next(place for place in (folder, *folder.parents) if place.exists())
        _new_file(folder, "").unlink()
    except OSError as error:
        if error.errno in _NO_PLACE:
            raise UserError(f"{path} cannot be written ({error.strerror}): choose a folder that can.") from error
        raise


def write_together(files: Mapping[Path, bytes | Callable[[Path], None]], *, overwrite: bool = True) -> None:
    """Writes several files: no name is taken before all data are on the disk; errors as in `writing`.

    Args:
        files: Path to content, or to a function that writes it into a given path; the first is named last, so that it
            can vouch for the others.
        overwrite: Whether existing files may be replaced.
    """
    with contextlib.ExitStack() as stack:
        for path, data in files.items():
            temporary = stack.enter_context(writing(path, overwrite=overwrite, durable=False))
            if isinstance(data, bytes):
                temporary.write_bytes(data)
            else:
                data(temporary)
            _sync(temporary)
    for folder in dict.fromkeys(path.parent for path in files):
        _sync_folder(folder)


class Journal:
    """A text file that grows by whole lines; what a crash left half written is cut off when it is opened again.

    Args:
        path: The file.
        keep: Which of the lines that are there already are kept.
    """

    def __init__(self, path: str | Path, keep: Callable[[str], bool] = lambda line: True):
        path = Path(path)
        if path.exists():
            *lines, _ = path.read_text(encoding="utf-8", errors="replace").split("\n")  # the last is no whole line
            write_text(path, "".join(f"{line}\n" for line in lines if keep(line)))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 (it stays open)

    def append(self, line: str) -> None:
        """Appends one line and hands it to the system."""
        self._file.write(f"{line}\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Returns the folder for what can be computed again: `$SAKUGA_CACHE`, or `sakuga` in the user's cache folder."""
    if chosen := os.environ.get("SAKUGA_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sakuga"


def _new_file(folder: Path, name: str) -> Path:
    """Makes an empty hidden file of a name of its own, with the permissions of any new file."""
    path = folder / f".{name}.{secrets.token_hex(4)}.part"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return path


def _sync(path: Path) -> None:
    # Windows syncs no handle that is only for reading; elsewhere any does, and a writer may have left a read-only file.
    with open(path, "r+b" if os.access(path, os.W_OK) else "rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
