"""`sakuga evaluate`: a model, or anybody's pictures, against a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table

    from sakuga.data.dataset import Dataset
    from sakuga.evaluation.result import EvaluationResult


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
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Measures a model, or pictures of any origin, against a data set.

    Prints FID, KID, precision, recall, density, coverage, closeness to the training pictures, colors and sharpness,
    each with its ruler. The real side is kept in the cache.

    Args:
        model: A model of the zoo, a .safetensors file, or a run folder. Sample i has the z of seed `seed + i`.
        data: The real pictures: a folder, a zip, or `synthetic`.
        images: A folder or zip of pictures to measure instead of a model, evenly spaced by name.
        extractor: The network to measure with. Only with the Inception is the distance a FID.
        weights: The extractor's weights file, if it is not to be looked for.
        num_images: How many samples to measure.
        real_every: Measure against every so-many-th real picture by name; 1 for all.
        resolution: Height and width of the pictures on both sides; the model's, or the data set's own.
        batch_size: Pictures a forward pass.
        seed: Names the samples, their labels and the random subsets.
        out: Write the numbers and their ruler here, as JSON.
        sheet: Write a PNG here: samples beside the training pictures nearest to them.
        device: auto, cpu, cuda or mps.
        threads: How many threads torch may use.
    """
    from sakuga.core.errors import UserError

    if (model is None) == (images is None):
        raise UserError("Give either a model or --images, a folder or zip of pictures to measure.")
    counts = {"--num-images": num_images, "--batch-size": batch_size, "--threads": 1 if threads is None else threads}
    for option, count in counts.items():
        if count < 1:
            raise UserError(f"{option} {count} is not a count: give 1 or more.")
    for path in (out, sheet):
        if path is not None and path.is_dir():
            raise UserError(f"{path} is a folder: give the name of the file to write.")
    import torch

    from sakuga.core.files import write_json
    from sakuga.data.dataset import open_dataset
    from sakuga.evaluation import evaluate as evaluation
    from sakuga.features.extractor import load_extractor

    if threads is not None:
        torch.set_num_threads(threads)
    network = load_extractor(extractor, weights, device)
    if images is not None:
        dataset = open_dataset(data, resolution)
        source = _from_files(images, dataset, num_images)
    else:
        dataset, source = _from_model(str(model), data, num_images, resolution, batch_size, seed, device)
    result = evaluation.evaluate(
        dataset=dataset,
        extractor=network,
        real_every=real_every,
        batch_size=batch_size,
        sheet=sheet,
        seed=seed,
        **source,
    )
    _show(result)
    if out is not None:
        write_json(out, result.model_dump())


def _from_model(
    name: str, data: str, num_images: int, resolution: int | None, batch_size: int, seed: int, device: str
) -> tuple["Dataset", dict]:
    import numpy as np

    from sakuga.core.errors import UserError
    from sakuga.core.latents import MAX_SEED
    from sakuga.data.dataset import open_dataset
    from sakuga.evaluation.conditions import labels_like_data
    from sakuga.evaluation.pictures import Samples
    from sakuga.generation.model import load

    if not 0 <= seed <= MAX_SEED - num_images:
        raise UserError(f"--seed {seed} leaves no {num_images:,} seeds up to {MAX_SEED}: choose a smaller one.")
    model = load(name, device)
    if resolution not in (None, model.resolution):
        raise UserError(
            f"{name} draws {model.resolution}x{model.resolution}, not {resolution}: leave --resolution out."
        )
    dataset = open_dataset(data, model.resolution)
    labels, chosen = labels_like_data(dataset, model.schema, num_images, seed)

    def draw(numbers: np.ndarray) -> np.ndarray:
        z = model.z_of_seeds([seed + number for number in numbers.tolist()])
        return model.sample_images(z, labels[numbers], batch_size)

    number = f"{seed} + i" if seed else "i"
    source = {
        "images": Samples(num_images, draw),
        "described": f"{model.describe()}, sha256 {model.sha256[:8]}; z of sample i of seed {number}",
        "labels": chosen,
        "ema": True,
    }
    return dataset, source


def _from_files(path: Path, dataset: "Dataset", num_images: int) -> dict:
    import sys

    from sakuga.evaluation.pictures import read_pictures

    images, problems = read_pictures(path, dataset.resolution, num_images)
    for problem in problems[:10]:
        print(f"passed over {problem}", file=sys.stderr)
    if len(problems) > 10:
        print(f"and {len(problems) - 10} more files of {path}", file=sys.stderr)
    return {"images": images, "described": f"{path.name}, evenly spaced by name"}


def _show(result: "EvaluationResult") -> None:
    from rich.console import Console

    console = Console()
    console.print(_metrics(result), end="\n\n")
    console.print(_statistics(result), end="\n\n")
    ruler = result.ruler
    console.print(
        f"Ruler: {ruler.extractor} ({ruler.weights_sha256[:8]}), {ruler.resize}, {ruler.precision}; "
        f"{ruler.num_samples:,} samples ({ruler.samples}; labels: {ruler.labels}) against {ruler.num_real:,} real "
        f"({ruler.data}, {ruler.real}) at {ruler.resolution}x{ruler.resolution}; KID over {ruler.kid_subsets} subsets "
        f"of {ruler.kid_subset_size:,}.",
        highlight=False,
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
            spread = result[f"{metric.name}_std"]
            numbers.add_row(f"{metric.name} x 1000", f"{1000 * metric.value:.2f} +- {1000 * spread:.2f}")
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
