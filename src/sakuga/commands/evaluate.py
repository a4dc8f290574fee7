"""`sakuga evaluate`: a model, or anybody's pictures, against a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sakuga.commands.options import ANY_MACHINE, Machine
from sakuga.configs.sampling import USUAL, Sampling

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sakuga.evaluation.result import AttributeReport, EvaluationResult


def evaluate(
    model: str | None = None,
    /,
    *,
    data: str,
    images: Path | None = None,
    extractor: Literal["auto", "inception", "efficientnet"] = "auto",
    weights: Path | None = None,
    num_images: int = 5000,
    real_every: int = 4,
    resolution: int | None = None,
    batch_size: int = 16,
    seed: int = 0,
    out: Path | None = None,
    sheet: Path | None = None,
    judge: str | None = None,
    faces: bool = False,
    path_length: int | None = None,
    path_space: Literal["w", "z"] = "w",
    path_sampling: Literal["full", "end"] = "full",
    overwrite: bool = False,
    sampling: Sampling = USUAL,
    machine: Machine = ANY_MACHINE,
) -> None:
    """Measures a model, or pictures of any origin, against a data set.

    Prints FID, KID, precision, recall, density, coverage, closeness to the training pictures, colors and sharpness,
    each with its ruler; with --judge first how far the judge itself is right on real pictures, then also control over
    attributes, with --faces also how often a face is broken, with --path-length how evenly pictures change with the
    latents. The real side is kept in the cache.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder. Sample i has the z of seed `seed + i`.
        data: The real pictures: a folder, a zip, or `synthetic`.
        images: A folder or zip of pictures to measure instead of a model, evenly spaced by name.
        extractor: The network to measure with. Only with the Inception is the distance a FID.
        weights: The extractor's weights file, if it is not to be looked for.
        num_images: How many samples to measure.
        real_every: Measure against every n-th real picture by name; 1 for all.
        resolution: Height and width of the pictures on both sides; the model's, or the data set's own.
        batch_size: Pictures a forward pass.
        seed: Names the samples, their labels and the random subsets.
        out: Write the numbers and their ruler here, a .json file.
        sheet: Write a PNG here: samples beside the training pictures nearest to them.
        judge: A file that `sakuga judge` wrote: measure how often samples show the attributes asked for, and how varied
            they are within one condition.
        faces: Measure in what share of the samples no face is found (needs OpenCV: pip install "sakuga[faces]").
        path_length: Measure the perceptual path length over so many pairs of latents, with LPIPS on VGG16 if its
            weights are here (`make lpips`), else with features of EfficientNet-Lite0 and pixels.
        path_space: Go along straight lines in w, or along arcs in z.
        path_sampling: Anywhere between the two latents of a pair, or at the first of them.
        overwrite: Replace files that exist.
        sampling: How z becomes a picture.
        machine: Where to compute.
    """
    from sakuga.commands.options import check_suffix, refuse_existing
    from sakuga.core.errors import UserError

    if out is not None and out.is_dir():
        raise UserError(f"{out} is a folder: give the name of the file to write.")
    check_suffix(out, "--out", ".json")
    check_suffix(sheet, "--sheet", ".png")
    refuse_existing([out, sheet], overwrite)
    machine.prepare()

    from sakuga.core.files import write_json
    from sakuga.evaluation import start

    result = start.evaluate(
        model,
        data,
        images=images,
        extractor=extractor,
        weights=weights,
        num_images=num_images,
        real_every=real_every,
        resolution=resolution,
        batch_size=batch_size,
        seed=seed,
        sheet=sheet,
        judge=judge,
        faces=faces,
        path_length=path_length,
        path_space=path_space,
        path_sampling=path_sampling,
        device=machine.device,
        **sampling.model_dump(),
    )
    if out is not None:
        write_json(out, result.model_dump())
    _show(result)


def _show(result: "EvaluationResult") -> None:
    from sakuga.commands import options
    from sakuga.core.words import counted

    console = options.console()
    if result.attributes:
        _show_judge(result.attributes, console)
    console.print(_metrics(result), end="\n\n")
    console.print(_statistics(result), end="\n\n")
    if result.attributes:
        _show_attributes(result.attributes, console)
    if result.faces:
        console.print(f"Faces: {result.faces.detector}; {result.faces.num_real:,} real pictures.", soft_wrap=True)
    if result.path:
        path = result.path
        console.print(
            f"Path length: {path.pairs:,} pairs in {path.space}, {path.sampling}, epsilon {path.epsilon:g}, "
            f"{path.distance} ({path.weights_sha256[:8]}) at {path.side}x{path.side}, without the {path.outliers:g}% "
            "on either side.",
            soft_wrap=True,
        )
    ruler = result.ruler
    console.print(
        f"Ruler: {ruler.extractor} ({ruler.weights_sha256[:8]}), {ruler.resize}, {ruler.precision}; "
        f"{ruler.num_samples:,} samples ({ruler.samples}; labels: {ruler.labels}) against {ruler.num_real:,} real "
        f"({ruler.data}, {ruler.real}) at {ruler.resolution}x{ruler.resolution}; KID over "
        f"{counted(ruler.kid_subsets, 'subset')} of {ruler.kid_subset_size:,}.",
        soft_wrap=True,
    )
    if min(ruler.num_samples, ruler.num_real) < ruler.num_features:
        console.print(
            f"Fewer than {ruler.num_features:,} pictures on a side: the Frechet distance is too high; compare it only "
            "at the same number of pictures (the KID does not have this bias).",
            soft_wrap=True,
        )


def _metrics(result: "EvaluationResult") -> "Table":
    from rich.table import Table

    numbers = Table("metric", "value", box=None, pad_edge=False)
    for metric in result.metrics:
        if metric.name.endswith("kid_std"):
            continue
        if metric.name.endswith("kid"):
            std = f" +- {1000 * result[f'{metric.name}_std']:.2f}" if result.ruler.kid_subsets > 1 else ""
            numbers.add_row(f"{metric.name} x 1000", f"{1000 * metric.value:.2f}{std}")
        else:
            numbers.add_row(metric.name, f"{metric.value:.{2 if metric is result.distance else 3}f}")
    return numbers


def _statistics(result: "EvaluationResult") -> "Table":
    from rich.table import Table

    plain = Table("statistic", "samples", "real", "difference in deviations of the real", box=None, pad_edge=False)
    for row in result.statistics:
        shift = (row.samples - row.real) / max(row.real_std, 1e-12)
        plain.add_row(row.name, f"{row.samples:.4g}", f"{row.real:.4g}", f"{shift:+.2f}")
    return plain


def _show_judge(report: "AttributeReport", console: "Console") -> None:
    """Shows first how far the judge is right on real pictures: no claim about samples reaches further."""
    from rich.table import Table

    console.print(
        f"Judge: {report.judge}. Its accuracy on real pictures that it was not trained on bounds what it says of "
        "samples:",
        soft_wrap=True,
    )
    for attribute in report.attributes:
        table = Table(attribute.attribute, "judge on real", box=None, pad_edge=False)
        table.add_row("all", _share(attribute.judge))
        for value in attribute.values:
            table.add_row(value.value, _share(value.judge))
        console.print(table, end="\n\n")


def _show_attributes(report: "AttributeReport", console: "Console") -> None:
    from rich.table import Table

    from sakuga.core.words import counted

    for attribute in report.attributes:
        table = Table(attribute.attribute, "samples", "accuracy", "judge on real", box=None, pad_edge=False)
        total = sum(value.samples for value in attribute.values)
        table.add_row("all", f"{total:,}", _share(attribute.accuracy), _share(attribute.judge))
        table.add_row("mean of values", "", _share(attribute.balanced), _share(attribute.judge_balanced))
        for value in attribute.values:
            table.add_row(value.value, f"{value.samples:,}", _share(value.accuracy), _share(value.judge))
        console.print(table, end="\n\n")
        if missing := [value.value for value in attribute.values if not value.samples]:
            console.print(
                f"No sample was asked for {attribute.attribute} {', '.join(missing)}: the data has no such picture; "
                "measure on data that has, or give more --num-images.",
                soft_wrap=True,
            )
    if report.diversity:
        conditions = counted(report.diversity.conditions, "condition")
        console.print(f"Diversity within a condition is the mean of {conditions}.", soft_wrap=True)
    else:
        console.print(
            "No diversity within a condition: the data has no combination of the model's labels with enough pictures "
            "on both sides; measure on labeled data, with more --num-images.",
            soft_wrap=True,
        )


def _share(number: float | None) -> str:
    return "-" if number is None else f"{100 * number:.1f}%"
