"""The data sets of a comparison: found before anything starts, and parts of them written as zips of their own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sakuga.configs.comparison import COLORED_SHARE, FRAME, WHITE, WHITE_SHARE, ComparedData
from sakuga.core.errors import UserError
from sakuga.core.words import listed
from sakuga.data.archive import write_archive
from sakuga.data.cache import MIN_PICTURES
from sakuga.data.dataset import Dataset, drawn_count, is_drawn, open_dataset
from sakuga.data.sources import open_source
from sakuga.evaluation import evaluate


def check_data(data: Sequence[ComparedData], is_preset: bool = False) -> None:
    """Refuses a comparison with a data set that is not there.

    Args:
        data: The data sets.
        is_preset: Whether their names are those of a preset, so that only their folder can be wrong.

    Raises:
        UserError: That names all that are missing, or what is wrong with one.
    """
    files = [d for d in data if not is_drawn(d.path)]
    missing = list(dict.fromkeys(d.path for d in files if not Path(d.path).exists()))
    if missing:
        is_one = len(missing) == 1
        among = f" among the {len(data)} data sets of the comparison" if len(data) > 1 else ""
        folder = f"name the folder that holds {'it' if is_one else 'them'} with --data-folder"
        paths = "give its path with --data" if is_one else "give their paths with --data"
        raise UserError(
            f"{listed(missing)} {'is' if is_one else 'are'} missing{among}, and nothing was started: "
            f"{folder if is_preset else paths}."
        )
    for path in dict.fromkeys(d.path for d in files):
        open_source(path)


def real_of(data: ComparedData, among: Sequence[ComparedData]) -> ComparedData:
    """Returns the one of several data sets that samples are measured against after training on `data`."""
    return next((d for d in among if d.label == data.judged_by), data)


def check_real(data: Sequence[ComparedData], real_every: int) -> None:
    """Refuses data sets of which too few pictures would be measured, by how many they hold at most.

    Raises:
        UserError: If there is one; what cannot be told before the pictures are decoded is left to the measurement.
    """
    for real in dict.fromkeys(data):
        most = _most(real)
        remedy = "give --real-every 1" if most >= evaluate.MIN_PICTURES else "choose another data set"
        evaluate.check_real(most, real.label, real_every, remedy)


def _most(data: ComparedData) -> int:
    """Returns how many pictures there are if every file is one, and all have the background that `data` asks for."""
    count = drawn_count(data.path) if is_drawn(data.path) else len(open_source(data.path).names)
    count = -(-count // 2) if data.filter == "every_second" else count
    return count if data.limit is None else min(count, data.limit)


def key_of(data: ComparedData) -> str:
    """Returns what tells a data set from another of the same name: a hash of its names and contents."""
    return data.path if is_drawn(data.path) else open_source(data.path).key()


def prepare(data: ComparedData, folder: Path) -> str:
    """Returns the path to train on; writes a part of a data set as a zip first where it is not there yet.

    Args:
        data: Which pictures of which file.
        folder: Where zips of parts are kept.

    Raises:
        UserError: If too few pictures are left, or the zip cannot be written.
    """
    if not data.is_part:
        return data.path
    path = folder / data.part_name
    if not path.exists():
        write_archive(_part(data), path, format="webp")
    return str(path)


def opened(data: ComparedData, resolution: int | None) -> Dataset:
    """Returns the pictures of a data set, or of a part of one, and writes no zip.

    Args:
        data: Which pictures of which file.
        resolution: Pixels a side; the set's own if None. A part has its own one.

    Raises:
        UserError: If the data set cannot be used, or too few pictures are left.
    """
    return _part(data) if data.is_part else open_dataset(data.path, resolution)


def chosen_pictures(dataset: Dataset, data: ComparedData) -> np.ndarray:
    """Returns the indices of the pictures that `data` means, int64 `[N]`, ascending."""
    if data.filter == "all":
        chosen = np.arange(len(dataset))
    elif data.filter == "every_second":
        chosen = np.arange(0, len(dataset), 2)
    else:
        share = white_share(dataset.images)
        chosen = np.flatnonzero(share >= WHITE_SHARE if data.filter == "white_background" else share < COLORED_SHARE)
    if data.limit is not None and data.limit < len(chosen):
        chosen = chosen[np.linspace(0, len(chosen) - 1, data.limit).astype(np.int64)]
    return chosen


def white_share(images: np.ndarray) -> np.ndarray:
    """Computes how much of the frame around each picture is white.

    Args:
        images: uint8 `[N, H, W, 3]`.

    Returns:
        float64 `[N]`: the share of pixels of the frame, `1 / FRAME` of the side wide, with all channels at least
        `WHITE`.
    """
    side = images.shape[1]
    width = max(1, side // FRAME)
    frame = np.ones((side, side), bool)
    frame[width:-width, width:-width] = False
    parts = np.array_split(np.arange(len(images)), max(1, len(images) // 1000))
    return np.concatenate([(images[part][:, frame].min(-1) >= WHITE).mean(1) for part in parts])


def _part(data: ComparedData) -> Dataset:
    dataset = open_dataset(data.path, data.resolution)
    chosen = chosen_pictures(dataset, data)
    if len(chosen) < MIN_PICTURES:
        raise UserError(
            f"{data.label}: only {len(chosen)} of the {len(dataset):,} pictures of {data.path} are of the kind "
            f"{data.filter}, at least {MIN_PICTURES} are needed: choose another data set."
        )
    names = [dataset.names[i] for i in chosen]
    return Dataset(dataset.images[chosen], dataset.labels[chosen], dataset.schema, names=names, name=dataset.name)
