"""`sakuga data`: pack, check, describe and show a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sakuga.data.dataset import Dataset
    from sakuga.data.problem import Problem


def pack(
    source: str,
    /,
    *,
    out: Path,
    resolution: int | None = None,
    labels: Path | None = None,
    format: Literal["png", "webp", "jpeg"] = "png",
    overwrite: bool = False,
) -> None:
    """Writes the good pictures of a data set as one zip with their labels, which NVIDIA's StyleGAN tools read too.

    Args:
        source: A folder or a zip of pictures, `synthetic`, or `synthetic:COUNT`.
        out: The zip to write.
        resolution: Height and width of the pictures; their own, if all are the same square.
        labels: A table `file,hair,eyes,...` to use instead of the labels that come with the pictures.
        format: How pictures are stored; png and webp lose nothing, webp is the smaller one, jpeg has quality 95.
        overwrite: Replace `out` if it exists.
    """
    from sakuga.commands.options import check_suffix, refuse_existing
    from sakuga.data.archive import write_archive
    from sakuga.data.dataset import open_dataset

    check_suffix(out, "--out", ".zip")
    refuse_existing([out], overwrite)
    dataset = open_dataset(source, resolution, labels=labels)
    write_archive(dataset, out, format=format, overwrite=overwrite)
    print(f"{out}: {_summary(dataset)}, {_bytes(out.stat().st_size)}")


def check(source: str, /, *, resolution: int | None = None, labels: Path | None = None) -> None:
    """Loads a data set exactly as training does and names every bad file and label, with the reason.

    Exit status 0 if it can be trained on, else 2.

    Args:
        source: A folder or a zip of pictures, `synthetic`, or `synthetic:COUNT`.
        resolution: Height and width of the pictures; their own, if all are the same square.
        labels: A table `file,hair,eyes,...` to use instead of the labels that come with the pictures.
    """
    from sakuga.core.errors import UserError
    from sakuga.data.cache import UnusableSet
    from sakuga.data.dataset import open_dataset

    try:
        dataset = open_dataset(source, resolution, labels=labels, tell=False)
    except UnusableSet as error:
        _list(error.problems)
        raise UserError(error.plain) from error
    _list(dataset.problems)
    print(f"{source}: usable, {_summary(dataset)}")


def info(source: str, /, *, resolution: int | None = None, labels: Path | None = None) -> None:
    """Describes a data set: how many pictures, how large, their colors, their labels, what was left out.

    Args:
        source: A folder or a zip of pictures, `synthetic`, or `synthetic:COUNT`.
        resolution: Height and width of the pictures; their own, if all are the same square.
        labels: A table `file,hair,eyes,...` to use instead of the labels that come with the pictures.
    """
    from rich.table import Table

    from sakuga.commands import options
    from sakuga.data.dataset import open_dataset
    from sakuga.data.report import channel_statistics, label_counts, size_on_disk

    dataset = open_dataset(source, resolution, labels=labels, tell=False)
    mean, deviation = channel_statistics(dataset.images)
    duplicates = sum(problem.kind == "exact duplicate" for problem in dataset.problems)
    facts = {
        "pictures": f"{len(dataset):,}",
        "size": f"{dataset.resolution}x{dataset.resolution}",
        "on disk": _bytes(size) if (size := size_on_disk(source)) else "built in",
        "decoded": _bytes(dataset.images.nbytes),
        "mean of red, green, blue": " ".join(f"{x:.1f}" for x in mean),
        "deviation": " ".join(f"{x:.1f}" for x in deviation),
        "exact duplicates left out": f"{duplicates:,}",
        "other problems": f"{len(dataset.problems) - duplicates:,}",
        "fingerprint": dataset.fingerprint,
    }
    console = options.console()
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, fact in facts.items():
        table.add_row(name, fact)
    console.print(dataset.name, style="bold")
    console.print(table)
    for attribute, counts in label_counts(dataset).items():
        histogram = Table(attribute, "pictures", "", box=None, pad_edge=False)
        for value, count in counts.items():
            histogram.add_row(value, f"{count:,}", "█" * round(40 * count / max(counts.values())))
        console.print("", histogram, sep="\n")


def preview(
    source: str,
    /,
    *,
    out: Path = Path("preview.png"),
    count: int = 25,
    seed: int = 0,
    flip: bool = False,
    rotate: float = 0.0,
    resolution: int | None = None,
    labels: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Draws a sheet of pictures, the ones that training with this seed would see first, and as it would see them.

    Args:
        source: A folder or a zip of pictures, `synthetic`, or `synthetic:COUNT`.
        out: The PNG to write.
        count: How many pictures.
        seed: Names the choice of pictures.
        flip: Mirror half of them.
        rotate: Turn each by up to so many degrees to either side.
        resolution: Height and width of the pictures; their own, if all are the same square.
        labels: A table `file,hair,eyes,...` to use instead of the labels that come with the pictures.
        overwrite: Replace `out` if it exists.
    """
    import numpy as np

    from sakuga.commands.drawing import check_amount
    from sakuga.commands.options import check_suffix, refuse_existing
    from sakuga.core import images
    from sakuga.core.errors import UserError
    from sakuga.data.dataset import open_dataset

    check_suffix(out, "--out", ".png")
    if not 1 <= count <= 10_000:
        raise UserError(f"--count {count} is not within 1..10000.")
    if not 0 <= rotate <= 180:
        raise UserError(f"--rotate {rotate:g} is not within 0..180 degrees.")
    refuse_existing([out], overwrite)
    dataset = open_dataset(source, resolution, labels=labels)
    check_amount(count, dataset.resolution, f"--count {count}")
    batch = dataset.batch(np.arange(min(count, len(dataset))), seed, flip=flip, rotate=rotate)
    images.save_png(out, images.grid(images.to_uint8(batch.images)), overwrite=overwrite)
    print(f"{out}: {len(batch.indices)} of {len(dataset):,} pictures")


def _list(problems: "Sequence[Problem]") -> None:
    from collections import Counter

    for problem in problems:
        print(problem)
    for kind, count in Counter(problem.kind for problem in problems).most_common():
        print(f"{count:>8,} x {kind}")


def _summary(dataset: "Dataset") -> str:
    from sakuga.core.words import counted

    known = ", ".join(f"{len(a.values)} {a.name}" for a in dataset.schema.attributes)
    size = f"{len(dataset):,} pictures of {dataset.resolution}x{dataset.resolution}"
    return f"{size}, labels: {known or 'none'}, {counted(len(dataset.problems), 'problem')}"


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
