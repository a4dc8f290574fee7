"""`sakuga judge`: train the classifier that `sakuga evaluate --judge` measures with, or one to find directions by."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sakuga.commands.options import ANY_MACHINE, Machine

if TYPE_CHECKING:
    from sakuga.configs.labels import LabelSchema
    from sakuga.training.judge import HeldOut


def judge(
    *,
    data: str,
    out: Path,
    purpose: Literal["judge", "labeler"] = "judge",
    labels: Path | None = None,
    resolution: int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    holdout: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Trains a small classifier on real labeled pictures, to measure with: `sakuga evaluate MODEL --judge FILE`.

    Prints its accuracy on pictures that it was not trained on, which bounds what it can say of samples. A judge is for
    measuring only: never train, label, choose samples or look for directions with it. For that, train a labeler.

    Args:
        data: Real labeled pictures: a folder, a zip, or `synthetic`.
        out: The .safetensors file to write.
        purpose: A judge measures; a labeler tells `sakuga directions --labeler FILE` what samples show. Neither verb
            takes the other.
        labels: A table `file,hair,eyes,...` to use instead of the labels that come with the pictures.
        resolution: Height and width of the pictures; their own, if all are the same square. At most 96 are looked at.
        epochs: How often each picture is seen; 14 if neither this nor --minutes is given.
        minutes: Train for so long instead.
        holdout: Every n-th picture by name is never trained on; 5 if not given.
        lr: The highest learning rate.
        seed: Names the first weights, the order and the augmentation.
        overwrite: Replace `out` if it exists.
        machine: Where to compute.
    """
    from sakuga.commands.options import check_suffix, refuse_existing
    from sakuga.configs.classifier import JudgeConfig
    from sakuga.configs.patch import validate
    from sakuga.core.errors import UserError

    check_suffix(out, "--out", ".safetensors")
    if epochs is not None and minutes is not None:
        raise UserError("--epochs and --minutes both say how long to train: give one of them.")
    if minutes is not None and not 0 < minutes < 1e6:
        raise UserError(f"--minutes {minutes:g} is no time to train: give more than 0.")
    refuse_existing([out], overwrite)
    given = {"epochs": epochs, "holdout": holdout, "lr": lr, "seed": seed}
    config = validate(JudgeConfig, {name: value for name, value in given.items() if value is not None}, "option --")
    machine.prepare()

    from sakuga.data.dataset import open_dataset
    from sakuga.training.judge import train_judge

    dataset = open_dataset(data, resolution, labels=labels)
    found = train_judge(
        dataset, out, config, purpose=purpose, minutes=minutes, device=machine.device, overwrite=overwrite
    )
    _show(found, dataset.schema)
    if doubtful := found.near_chance(dataset.schema):
        print(
            f"Of {' and '.join(doubtful)} this {purpose} knows little more than a guess, too little to be used: train "
            "longer, with more --minutes or --epochs, or on more labeled pictures.",
            file=sys.stderr,
        )
    use = {"judge": "for measuring only", "labeler": "for finding directions, not for measuring them"}[purpose]
    print(f"{out}: a {purpose} of {', '.join(a.name for a in dataset.schema.attributes)}, {use}")


def _show(found: "HeldOut", schema: "LabelSchema") -> None:
    from rich.table import Table

    from sakuga.commands import options
    from sakuga.evaluation.attributes import score_name

    console = options.console()
    for attribute in schema.attributes:
        table = Table(attribute.name, "held out", "accuracy", box=None, pad_edge=False)
        for value in (None, *attribute.values):
            name = score_name(attribute.name, value)
            accuracy = f"{100 * found.scores[name]:.1f}%" if name in found.scores else "-"
            table.add_row(value or "all", f"{found.counts.get(name, 0):,}", accuracy)
        console.print(table, end="\n\n")
