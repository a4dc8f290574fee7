"""Pictures decoded once, kept as one memory-mapped file keyed by content."""

import contextlib
import hashlib
import json
import math
import os
import shlex
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sakuga.configs.labels import LabelSchema
from sakuga.core import files
from sakuga.core.decode import MIN_RESOLUTION, BadFile, read_rgb, sized
from sakuga.core.errors import UserError
from sakuga.core.progress import tracked
from sakuga.core.words import counted
from sakuga.data.labels import Annotations, annotate
from sakuga.data.problem import Problem
from sakuga.data.sources import Source, read_metadata

PREPROCESSING = 2
"""Raised whenever the same files would give other pixels or labels, so that older caches are not read."""

MIN_PICTURES = 16

_INDEX = "index.json"
_PIXELS = "images.uint8"


# Names, schema, labels, problems, and how many pictures are enlarged.
_Description = tuple[list[str], LabelSchema, list[Any], list[Problem], int]


class UnusableSet(UserError):
    """A data set that cannot be used; it still says what is wrong with each file.

    Attributes:
        plain: The message without the advice to list the problems.
        problems: Files and labels that were left out, and why.
    """

    def __init__(self, plain: str, problems: list[Problem], advice: str = "") -> None:
        super().__init__(plain + advice)
        self.plain, self.problems = plain, problems


def check_command(path: Path | str, resolution: int | None, labels: Path | str | None) -> str:
    """Returns the command that lists the problems of a data set, in backquotes."""
    words = ["sakuga", "data", "check", str(path)]
    words += ["--resolution", str(resolution)] if resolution is not None else []
    words += ["--labels", str(labels)] if labels is not None else []
    return f"`{shlex.join(words)}`"


@dataclass(frozen=True)
class Decoded:
    """Pixels uint8 `[N, R, R, 3]` (memory-mapped), labels int64 `[N, A]`, names, what was left out, and how
    many pictures were smaller and are enlarged."""

    images: np.ndarray
    labels: np.ndarray
    schema: LabelSchema
    names: list[str]
    problems: tuple[Problem, ...]
    fingerprint: str
    enlarged: int = 0


def load(source: Source, resolution: int | None = None, labels: Path | None = None) -> Decoded:
    """Returns the source's pictures from the cache, and decodes them into it first where they are not there yet.

    Raises:
        UnusableSet: If fewer than `MIN_PICTURES` are good, or the pictures differ in size and no resolution is given.
        UserError: If a label file is wrong, or the cache cannot be written.
    """
    digest = hashlib.blake2b(f"{PREPROCESSING}\0".encode(), digest_size=16)
    digest.update(source.key().encode())
    if labels is not None:
        digest.update(read_metadata(labels))
    return _kept(f"{digest.hexdigest()}-{resolution or 'own'}", lambda place: _build(source, resolution, labels, place))


def load_made(
    key: str, count: int, schema: LabelSchema, make: Callable[[int], tuple[np.ndarray, tuple[int, ...]]]
) -> Decoded:
    """Returns pictures that a function makes, from the cache or made now.

    Args:
        key: What names these pictures in the cache: all that they depend on.
        count: How many.
        schema: Of the labels.
        make: From a number to uint8 `[R, R, 3]` and the picture's label numbers.

    Raises:
        UserError: If the cache cannot be written.
    """

    def build(place: Path) -> None:
        labels: list[tuple[int, ...]] = []

        def images() -> Iterator[np.ndarray]:
            for number in tracked(range(count), f"Drawing {count:,} faces"):
                image, numbers = make(number)
                labels.append(numbers)
                yield image

        _store(place, images(), lambda: ([f"{i:08d}" for i in range(count)], schema, labels, [], 0))

    return _kept(key, build)


def _build(source: Source, resolution: int | None, labels: Path | None, place: Path) -> None:
    notes = annotate(source, labels)
    problems = [*source.problems, *notes.problems]
    kept: list[str] = []
    enlarged: list[str] = []

    def describe() -> _Description:
        if len(kept) < MIN_PICTURES:
            first = f" (the first: {problems[0]})" if problems else ""
            command = check_command(source.path, resolution, labels)
            raise UnusableSet(
                f"{source.path} holds {counted(len(kept), 'good picture')} and {counted(len(problems), 'problem')}"
                f"{first}, at least {MIN_PICTURES} pictures are needed.",
                problems,
                f" {command} lists the problems." if len(problems) > 1 else "",
            )
        problems.extend(notes.strays(kept))
        schema, numbers = notes.encode(kept)
        return (
            [notes.original_names.get(name, name) for name in kept],
            schema,
            numbers.tolist(),
            problems,
            len(enlarged),
        )

    _store(place, _good(source, notes, resolution, kept, enlarged, problems), describe)


def _good(
    source: Source,
    notes: Annotations,
    resolution: int | None,
    kept: list[str],
    enlarged: list[str],
    problems: list[Problem],
) -> Iterator[np.ndarray]:
    """Yields the good pictures in the order of their names and notes down which were kept, which of these were smaller,
    and what was left out."""
    names = sorted(source.names, key=lambda name: notes.original_names.get(name, name))
    seen: dict[bytes, str] = {}
    twins: list[tuple[int, str, str]] = []  # place among the problems, file, the same picture that was kept
    own: tuple[int, ...] | None = None
    refusal = ""
    decoded = _decode_all(source, names, resolution)
    for name, picture in tracked(decoded, f"Decoding {source.path.name}", len(names)):
        if isinstance(picture, BadFile):
            problems.append(Problem(name, str(picture)))
            continue
        image = picture.pixels
        if resolution is None:
            own = own or image.shape
            refusal = refusal or _mixture(source.path, kept[0] if kept else name, own, name, image.shape)
            if refusal:
                continue  # to find what is wrong with the others
        digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        if (twin := seen.setdefault(digest, name)) != name:
            twins.append((len(problems), name, twin))
            problems.append(Problem(name, f"exact duplicate: the same pixels as {twin}"))
            continue
        kept.append(name)
        if picture.is_enlarged:
            enlarged.append(name)
        yield image
    if refusal:
        raise UnusableSet(refusal, problems)
    told = notes.of_twins(kept, [(name, twin) for _, name, twin in twins])
    for (place, name, _), more in zip(twins, told, strict=True):
        problems[place] = Problem(name, problems[place].reason + more)


def _mixture(path: Path, first: str, own: tuple[int, ...], name: str, shape: tuple[int, ...]) -> str:
    """Returns why pictures of these shapes need a resolution; an empty text if they do not."""
    if own[0] != own[1]:
        return f"{first} in {path} is {own[1]}x{own[0]}, not square: choose a size, such as --resolution 64."
    if own[0] < MIN_RESOLUTION:
        return f"{first} in {path} is {own[1]}x{own[0]}: choose a size of at least {MIN_RESOLUTION}."
    if shape != own:
        return (
            f"The pictures of {path} differ in size ({first}: {own[1]}x{own[0]}, {name}: {shape[1]}x{shape[0]}): "
            "choose one for all, such as --resolution 64."
        )
    return ""


class _Picture(NamedTuple):
    pixels: np.ndarray
    is_enlarged: bool


def _decode_all(source: Source, names: list[str], resolution: int | None) -> Iterator[tuple[str, _Picture | BadFile]]:
    """Decodes in threads (Pillow releases the interpreter's lock), a few pictures ahead, and yields them in order."""

    def one(name: str) -> _Picture | BadFile:
        try:
            own = read_rgb(source.read(name), resolution)
        except BadFile as error:
            return error
        return _Picture(sized(own, resolution), resolution is not None and min(own.size) < resolution)

    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow warns of is decided here: a picture is good or listed
        ahead = deque()
        for name in names:
            ahead.append((name, pool.submit(one, name)))
            if len(ahead) > 4 * workers:
                earliest, future = ahead.popleft()
                yield earliest, future.result()
        for earliest, future in ahead:
            yield earliest, future.result()


def _kept(key: str, build: Callable[[Path], None]) -> Decoded:
    """Returns the cached data set of that key; builds it first, one process at a time, if it is not there."""
    place = files.cache_folder() / "datasets" / key
    if found := _read(place):
        return found
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _locked(place / "lock") as alone:
            if not _read(place):
                for left_by_a_crash in place.glob(".*.part") if alone else ():
                    left_by_a_crash.unlink()
                build(place)
    except OSError as error:
        raise UserError(
            f"The cache {place} cannot be written ({error.strerror}): set the environment variable SAKUGA_CACHE to a "
            "folder that can."
        ) from error
    found = _read(place)
    if found is None:
        raise UserError(f"The cache {place} does not keep what is written to it: remove that folder and try again.")
    return found


def _store(
    place: Path,
    images: Iterable[np.ndarray],
    describe: Callable[[], _Description],
) -> None:
    """Writes the pixels, then the index, whose presence says that all is there."""
    digest = hashlib.blake2b(digest_size=16)
    resolution = 0
    with files.writing(place / _PIXELS) as temporary:
        with open(temporary, "wb") as file:
            for image in images:
                pixels = image.tobytes()
                resolution = len(image)
                digest.update(pixels)
                file.write(pixels)
        names, schema, labels, problems, enlarged = describe()
    index = {"resolution": resolution, "schema": schema.model_dump(mode="json"), "names": names, "labels": labels}
    digest.update(json.dumps(index).encode())
    index["problems"] = [[problem.file, problem.reason] for problem in problems]
    index |= {"fingerprint": digest.hexdigest(), "enlarged": enlarged}
    files.write_text(place / _INDEX, json.dumps(index))


def _read(place: Path) -> Decoded | None:
    """Returns what lies there, None if it is not all there."""
    try:
        index = json.loads((place / _INDEX).read_bytes())
        names, resolution = index["names"], index["resolution"]
        shape = (len(names), resolution, resolution, 3)
        if (place / _PIXELS).stat().st_size != math.prod(shape):
            return None
        return Decoded(
            images=np.memmap(place / _PIXELS, np.uint8, "r", shape=shape),
            labels=np.array(index["labels"], np.int64).reshape(len(names), -1),
            schema=LabelSchema.model_validate(index["schema"]),
            names=names,
            problems=tuple(Problem(*problem) for problem in index["problems"]),
            fingerprint=index["fingerprint"],
            enlarged=index.get("enlarged", 0),  # older caches do not know
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Holds a lock that ends with the process and yields True; False where there is none, and work is done twice."""
    try:
        import fcntl
    except ImportError:
        yield False
        return
    with open(path, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            alone = True
        except OSError:  # some network file systems have no locks
            alone = False
        yield alone
