"""From names and paths to numbers: what `sakuga evaluate` and `sakuga.evaluate` do."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from sakuga.configs.sampling import USUAL, Sampling, split
from sakuga.core.errors import UserError
from sakuga.core.latents import MAX_SEED
from sakuga.data.dataset import Dataset, open_dataset
from sakuga.evaluation.attributes import Judge, Judged, load_judge
from sakuga.evaluation.broken_faces import FaceFinder
from sakuga.evaluation.conditions import labels_like_data
from sakuga.evaluation.evaluate import checked_step, evaluate_pictures
from sakuga.evaluation.path_length import PathSampling, PathSpace, check_path
from sakuga.evaluation.path_length import path_length as measure_paths
from sakuga.evaluation.pictures import Samples, read_pictures
from sakuga.evaluation.result import EvaluationResult
from sakuga.features.extractor import load_extractor
from sakuga.features.perceptual import load_perceptual
from sakuga.generation.model import LoadedModel, load
from sakuga.generation.starts import starts_with
from sakuga.generation.truncation import check_sampling

_LISTED = 10


def evaluate(
    model: str | Path | None,
    data: str | Path,
    *,
    images: str | Path | None = None,
    extractor: str = "auto",
    weights: str | Path | None = None,
    num_images: int = 5000,
    real_every: int = 4,
    resolution: int | None = None,
    batch_size: int = 16,
    seed: int = 0,
    sheet: str | Path | None = None,
    judge: str | Path | None = None,
    faces: bool = False,
    path_length: int | None = None,
    path_space: PathSpace = "w",
    path_sampling: PathSampling = "full",
    device: str = "auto",
    **told: Any,
) -> EvaluationResult:
    """Measures a model, or pictures of any origin, against a data set.

    Args:
        model: A model of the zoo, a `.safetensors` file, or a run folder; None with `images`. Sample i has the z of
            seed `seed + i`, and labels as frequent as in the data.
        data: The real pictures: a folder, a zip, or `synthetic`.
        images: A folder or zip of pictures to measure instead of a model, evenly spaced by name.
        extractor: `inception`, `efficientnet` or `auto`; only with the Inception is the distance a FID.
        weights: The extractor's weights file, if it is not to be looked for.
        num_images: How many samples to measure.
        real_every: The real side is every n-th picture by name.
        resolution: Height and width of the pictures on both sides; the model's, or the data set's own.
        batch_size: Pictures a forward pass.
        seed: Names the samples, their labels and the random subsets.
        sheet: Where to write a PNG of samples beside their nearest training pictures.
        judge: A file that `sakuga judge` wrote: measure also how often samples show the attributes asked for, and how
            varied they are within one condition.
        faces: Measure also in what share of the pictures no face is found.
        path_length: Over how many pairs the perceptual path length is measured; None to leave it out.
        path_space: `w` or `z`.
        path_sampling: `full` or `end`, as `path_length.path_length`.
        device: auto, cpu, cuda or mps.
        **told: Fields of `configs.sampling.Sampling`, for example `psi=0.7`.

    Raises:
        UserError: If a number is out of range, psi, cutoff or noise do not fit the model, the model, the pictures, the
            data, the weights or the judge cannot be used, or faces are asked for and OpenCV is not installed.
    """
    sampling, unknown = split(told)
    if unknown:
        raise UserError(f"evaluate() takes no {', '.join(unknown)}: labels are drawn as frequent as in the data.")
    if (model is None) == (images is None):
        raise UserError("Give either a model or images, a folder or zip of pictures to measure.")
    if model is None:
        _refuse_without_model(sampling, judge, path_length)
    _check_numbers(num_images, batch_size, real_every, seed)
    if sheet is not None and Path(sheet).is_dir():
        raise UserError(f"{sheet} is a folder: give the name of the file to write.")
    if path_length is not None:
        if sampling != USUAL:
            raise UserError("A path length is that of the whole space: leave psi, sigma, noise and the like out.")
        check_path(path_length, seed, path_space, path_sampling)
    finder = FaceFinder() if faces else None
    judging = None if judge is None else load_judge(judge, device)
    network = load_extractor(extractor, weights, device)
    if images is not None:
        dataset = open_dataset(data, resolution)
        source = _from_files(Path(images), dataset, num_images)
    else:
        loaded = load(str(model), device)
        if resolution not in (None, loaded.resolution):
            size = f"{loaded.resolution}x{loaded.resolution}"
            raise UserError(f"{model} draws {size}, not {resolution}: leave the resolution out.")
        dataset = open_dataset(data, loaded.resolution)
        source = _from_model(loaded, dataset, num_images, batch_size, seed, judging, sampling)
        if path_length is not None:
            labels, _ = labels_like_data(dataset, loaded.schema, path_length, seed)
            near = load_perceptual("auto", loaded.device)
            options = {"space": path_space, "sampling": path_sampling, "seed": seed, "batch_size": batch_size}
            source["path"] = measure_paths(loaded, near, labels, **options)
    return evaluate_pictures(
        dataset=dataset,
        extractor=network,
        real_every=real_every,
        batch_size=batch_size,
        sheet=sheet,
        seed=seed,
        faces=finder,
        **source,
    )


def _refuse_without_model(sampling: Sampling, judge: object, path_length: int | None) -> None:
    if sampling != USUAL:
        raise UserError("psi, sigma, noise and the like need a model: the pictures given as images are drawn already.")
    if judge is not None:
        raise UserError("A judge needs a model: nobody knows what pictures given as images were asked to show.")
    if path_length is not None:
        raise UserError("A path length needs a model: pictures given as images have no latents to go along.")


def _check_numbers(num_images: int, batch_size: int, real_every: int, seed: int) -> None:
    for what, count in {"number of images": num_images, "batch size": batch_size}.items():
        if count < 1:
            raise UserError(f"A {what} of {count} cannot be: give 1 or more.")
    if num_images > 1_000_000:  # whose features are 8 GB
        raise UserError(f"{num_images:,} images are too many to measure: give at most 1,000,000.")
    checked_step(real_every)
    if not 0 <= seed <= MAX_SEED - num_images:
        raise UserError(f"The seed {seed} leaves no {num_images:,} seeds up to {MAX_SEED}: choose a smaller one.")


def _from_model(
    model: LoadedModel,
    dataset: Dataset,
    num_images: int,
    batch_size: int,
    seed: int,
    judge: Judge | None,
    sampling: Sampling,
) -> dict:
    check_sampling(model, sampling)
    if judge is not None:
        judge.check_knows(model.schema, model.name)
    labels, chosen = labels_like_data(dataset, model.schema, num_images, seed)

    def draw(numbers: np.ndarray) -> np.ndarray:
        starts = starts_with(model, [seed + number for number in numbers.tolist()], labels[numbers], sampling)
        return starts.draw(model, sampling.noise, batch_size)

    number = f"{seed} + i" if seed else "i"
    options = {"sigma": f"{sampling.sigma:g}"} if sampling.sigma is not None else {}
    way = "".join(f", {name} {value}" for name, value in (options | sampling.entries()).items())
    return {
        "images": Samples(num_images, draw),
        "described": f"{model.describe()}, sha256 {model.sha256[:8]}; z of sample i of seed {number}{way}",
        "labels": chosen,
        "ema": True,
        "judged": judge and Judged(judge, model.schema, labels),
    }


def _from_files(path: Path, dataset: Dataset, num_images: int) -> dict:
    images, problems = read_pictures(path, dataset.resolution, num_images)
    for problem in problems[:_LISTED]:
        print(f"passed over {problem}", file=sys.stderr)
    if len(problems) > _LISTED:
        print(f"and {len(problems) - _LISTED} more files of {path}", file=sys.stderr)
    return {"images": images, "described": f"{path.name}, evenly spaced by name"}
