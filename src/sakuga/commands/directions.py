"""`sakuga directions`: find directions in a model's w, to edit pictures along."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from sakuga.commands.options import ANY_MACHINE, Machine, console

if TYPE_CHECKING:
    from sakuga.configs.directions import Method
    from sakuga.generation.directions import Directions
    from sakuga.generation.model import LoadedModel

_USUAL_COUNT, _USUAL_SAMPLES = 10, 4000


def directions(
    model: str,
    /,
    *,
    out: Path,
    method: Literal["sefa", "pca", "labels"] | None = None,
    layers: str = "all",
    count: int | None = None,
    labeler: str | None = None,
    labels: Path | None = None,
    only: str | None = None,
    conditional_on: str | None = None,
    samples: int | None = None,
    measure: int | None = None,
    judge: str | None = None,
    overwrite: bool = False,
    batch_size: int = 64,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Finds directions in w along which pictures change: `sakuga edit MODEL --directions FILE --direction NAME`.

    Without labels, what the weights amplify most (sefa) or along what w varies most (pca). With labels, a direction
    towards each value, such as hair:aqua. Strength 1 of a direction is one standard deviation of w along it.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder.
        out: The .safetensors file to write. MODEL.directions.safetensors beside a model is found without being named.
        method: sefa, pca or labels; labels if there are any, else sefa.
        layers: The layers of w that move, for example 0-5 or coarse: the first change pose and shape, the last colors.
        count: How many directions, of sefa and pca; 10 if not given.
        labeler: A file that `sakuga judge --purpose labeler` wrote: what it sees in samples are the labels.
        labels: A table seed,hair,eyes of samples that somebody looked at; a column of numbers is more or less of it.
        only: The attributes to find directions of, as hair,eyes. All of the labeler's or the table's if not given.
        conditional_on: Attributes or directions that a step along another must leave as they are: eyes, or hair:red.
        samples: How many samples the labeler looks at (4000), or pca (10000).
        measure: Print what each direction does to so many samples: whether a judge sees the value, and how much of the
            identity goes (needs EfficientNet-Lite0: pip install "sakuga[evaluation]").
        judge: A file that `sakuga judge` wrote, for --measure.
        overwrite: Replace `out` if it exists.
        batch_size: Pictures a forward pass.
        machine: Where to compute.
    """
    from sakuga.commands.identity import check_measure, load_ruler, show_cost
    from sakuga.commands.options import check_positive, check_suffix, refuse_existing
    from sakuga.core.errors import UserError

    check_positive(count=count, samples=samples, batch_size=batch_size)
    check_suffix(out, "--out", ".safetensors")
    check_measure(measure, judge)
    method = method or ("labels" if labeler or labels else "sefa")
    if method == "labels" and (labeler is None) == (labels is None):
        raise UserError("--method labels learns from labels: give --labeler FILE, or --labels FILE.csv, one of them.")
    foreign = {"--labeler": labeler, "--labels": labels, "--only": only, "--conditional-on": conditional_on}
    foreign = (
        {"--count": count} if method == "labels" else foreign | ({"--samples": samples} if method == "sefa" else {})
    )
    for option, given in foreign.items():
        if given is not None:
            raise UserError(f"{option} means nothing to --method {method}: leave it out, or choose another method.")
    refuse_existing([out], overwrite)
    machine.prepare()

    from sakuga.configs.layers import parse_layers
    from sakuga.generation.directions import write_directions
    from sakuga.generation.model import load

    job = _Job(
        load(model, machine.device), method, count or _USUAL_COUNT, samples, _names(only), _names(conditional_on)
    )
    chosen = parse_layers(layers, job.model.generator.num_ws)
    ruler = None if measure is None else load_ruler(judge, machine.device)
    found = (
        _by_labels(job, chosen, labeler, labels, batch_size, machine.device)
        if method == "labels"
        else _unlabeled(job, chosen)
    )
    write_directions(out, found, overwrite=overwrite)
    _show(found)
    print(f"{out}: {len(found.steps)} directions of {job.model.describe()}")
    if ruler is not None and measure is not None:
        show_cost(job.model, found, list(found.steps), ruler, measure, batch_size)


class _Job(NamedTuple):
    model: "LoadedModel"
    method: "Method"
    count: int
    samples: int | None
    only: list[str]
    conditional_on: list[str]


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _unlabeled(job: _Job, layers: tuple[int, ...]) -> "Directions":
    from sakuga.generation.find_directions import pca, sefa

    if job.method == "sefa":
        return sefa(job.model, layers, job.count)
    return pca(job.model, layers, job.count, **({"samples": job.samples} if job.samples else {}))


def _by_labels(
    job: _Job, layers: tuple[int, ...], labeler: str | None, table: Path | None, batch_size: int, device: str
) -> "Directions":
    from sakuga.core.files import sha256_of
    from sakuga.generation.classifier import load_labeler
    from sakuga.generation.find_directions import by_labels, check_conditional_on, stream
    from sakuga.generation.seed_labels import read_seed_labels, seen_by

    if table is not None:
        seeds, columns = read_seed_labels(table)
        names = _wanted(job, [column.name for column in columns], str(table))
        source = {"labels": f"{table.name}, sha256 {sha256_of(table)[:8]}"}
    else:
        seeing = load_labeler(str(labeler), device)
        names = _wanted(job, [attribute.name for attribute in seeing.schema.attributes], str(labeler))
        check_conditional_on(job.conditional_on, {name: seeing.schema.attribute(name).values for name in names})
        seeds = stream(job.samples or _USUAL_SAMPLES)
        columns = seen_by(seeing, job.model, seeds, batch_size)
        source = {"labels": f"labeler trained on {seeing.header.data}, sha256 {sha256_of(seeing.path)[:8]}"}
    chosen = [column for column in columns if column.name in names]
    found = by_labels(job.model, seeds, chosen, layers, conditional_on=job.conditional_on, provenance=source)
    if found.missing:
        few = ", ".join(f"{name} ({count})" for name, count in found.missing.items())
        print(f"Too few of {len(seeds):,} samples show, or do not show: {few}: left out.", file=sys.stderr)
    return found.directions


def _wanted(job: _Job, known: list[str], source: str) -> list[str]:
    """Returns the attributes that were asked for and that the model is not told anyway."""
    from sakuga.core.errors import UserError, choice

    for name in job.only:
        if name not in known:
            raise UserError(f"--only {name}: {source} knows no such attribute, {choice(name, known)}")
    told = {attribute.name for attribute in job.model.schema.attributes}
    asked = [name for name in known if not job.only or name in job.only]
    left = [name for name in asked if name not in told]
    if not left:
        raise UserError(
            f"{job.model.name} is told {' and '.join(asked)}, so that no direction is needed: choose with "
            f"--attributes {asked[0]}=... of `sakuga generate` or `edit`, or find others by --method sefa or pca."
        )
    return left


def _show(found: "Directions") -> None:
    from rich.table import Table

    from sakuga.configs.directions import FEW, LOW_AUC

    labeled = found.header.method == "labels"
    columns = ("samples", "AUC", "held out") if labeled else ()
    table = Table("direction", "what", *columns, box=None, pad_edge=False)
    for name, info in found.header.directions.items():
        auc = "-" if info.auc is None else f"{info.auc:.3f}"
        held = "-" if info.held_out is None else f"{info.held_out[0]:,} of {sum(info.held_out):,}"
        table.add_row(name, info.what, *((f"{info.samples or 0:,}", auc, held) if labeled else ()))
    console().print(table, end="\n\n")
    if doubtful := [name for name, info in found.header.directions.items() if info.is_doubtful]:
        print(
            f"In doubt, with an AUC below {LOW_AUC:g}, or fewer than {FEW} held-out samples that show the value, or "
            f"that do not: {', '.join(doubtful)}. More labels help.",
            file=sys.stderr,
        )
