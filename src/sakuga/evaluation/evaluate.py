"""Pictures against a data set: all numbers of one ruler in one call."""

from pathlib import Path

import numpy as np

from sakuga.core.errors import UserError
from sakuga.core.images import save_png
from sakuga.core.words import ordinal
from sakuga.data.dataset import Dataset
from sakuga.evaluation.attributes import Judged, measure_attributes
from sakuga.evaluation.broken_faces import FaceFinder, measure_faces
from sakuga.evaluation.diversity import diversity
from sakuga.evaluation.fid import frechet_distance, gaussian_of
from sakuga.evaluation.kid import kernel_distance
from sakuga.evaluation.measured import Measured, measure, measure_real
from sakuga.evaluation.memorization import closeness, neighbor_sheet, pixel_closeness
from sakuga.evaluation.path_length import metric_name as path_metric
from sakuga.evaluation.pictures import Kept
from sakuga.evaluation.prdc import prdc
from sakuga.evaluation.result import (
    AttributeReport,
    Comparison,
    EvaluationResult,
    FaceReport,
    Metric,
    PathLength,
    Ruler,
)
from sakuga.evaluation.statistics import STATISTICS
from sakuga.features.extractor import Extractor, Pictures

NEIGHBOR, NEIGHBOR_DENSITY = 3, 5
MIN_PICTURES = 16
DURING_TRAINING = 2000


def evaluate_pictures(
    images: Pictures,
    dataset: Dataset,
    extractor: Extractor,
    *,
    real_every: int = 4,
    batch_size: int = 16,
    described: str = "pictures",
    labels: str = "none",
    ema: bool | None = None,
    sheet: str | Path | None = None,
    seed: int = 0,
    judged: Judged | None = None,
    faces: FaceFinder | None = None,
    path: PathLength | None = None,
    progress: bool = True,
) -> EvaluationResult:
    """Measures pictures against a data set.

    Args:
        images: uint8 `[N, H, W, 3]`, or anything that gives such arrays by slices.
        dataset: The real pictures. What is computed of them is kept in the cache.
        extractor: The network to measure with; only with the Inception is the distance called `fid`.
        real_every: The real side is every n-th picture of the sorted names.
        batch_size: Pictures a forward pass.
        described: What the pictures are, for the ruler.
        labels: How their labels were chosen, for the ruler.
        ema: Whether they came from averaged weights, for the ruler.
        sheet: Where to write a PNG of samples beside their nearest training pictures.
        seed: Names the random subsets.
        judged: A judge, and what each picture was asked to show; None to leave attributes out.
        faces: Finds faces; None to leave that out.
        path: The path length of the model, measured before; None to leave it out.
        progress: Whether to draw progress bars on stderr.

    Raises:
        UserError: If there are fewer than 16 pictures on a side.
    """
    indices = dataset.indices_every(checked_step(real_every))
    if len(images) < MIN_PICTURES:
        raise UserError(f"{len(images)} pictures cannot be measured: give at least {MIN_PICTURES}.")
    check_real(len(dataset), dataset.name, real_every, "measure every real picture")
    if not isinstance(images, np.ndarray):
        images = Kept(images)
    real = measure_real(dataset, indices, extractor, batch_size, progress)
    fake = measure(images, extractor, batch_size, f"Measuring {len(images):,} samples" if progress else "")
    kernel = kernel_distance(real.features, fake.features, seed=seed)
    spread = prdc(real.features, fake.features, NEIGHBOR, NEIGHBOR_DENSITY)
    by_features = closeness(fake.features, real.features)
    by_pixels = pixel_closeness(images, dataset, progress=progress)
    if sheet is not None:
        save_png(sheet, neighbor_sheet(images, dataset, by_features, indices, by_pixels))
    distance = frechet_distance(gaussian_of(real.features), gaussian_of(fake.features))
    of_network = {"kid": kernel.mean, "kid_std": kernel.std, **spread._asdict()}
    of_network["diversity"] = diversity(fake.features, real.features)
    of_network |= {"nearest_ratio": by_features.ratio, "near_copies": by_features.near_copies}
    of_pixels = {"pixel_nearest_ratio": by_pixels.ratio, "pixel_near_copies": by_pixels.near_copies}
    control = measure_attributes(images, judged, fake.features, dataset, indices, real.features, progress)
    broken = measure_faces(images, faces, dataset, indices, progress)
    numbers = {
        metric_name(extractor): distance,
        **{_named(extractor, name): value for name, value in of_network.items()},
        **of_pixels,
        **_of_reports(control, broken, path),
    }
    return EvaluationResult(
        metrics=tuple(Metric(name=name, value=value) for name, value in numbers.items()),
        statistics=_compare_statistics(real, fake),
        ruler=Ruler(
            extractor=extractor.name,
            weights_sha256=extractor.sha256,
            num_features=extractor.num_features,
            resize=extractor.resize,
            precision="float32",
            samples=described,
            num_samples=len(images),
            labels=labels,
            ema=ema,
            data=dataset.name,
            data_fingerprint=dataset.fingerprint,
            resolution=dataset.resolution,
            real=_described_real(real_every, len(dataset)),
            num_real=len(indices),
            kid_subsets=kernel.subsets,
            kid_subset_size=kernel.subset_size,
            neighbor=NEIGHBOR,
            neighbor_density=NEIGHBOR_DENSITY,
            seed=seed,
        ),
        attributes=control,
        faces=broken,
        path=path,
    )


def checked_step(real_every: int) -> int:
    """Returns the step.

    Raises:
        UserError: If it is below 1.
    """
    if real_every < 1:
        raise UserError(
            f"A step of {real_every} over the real pictures cannot be: use 1 for all real pictures, 4 for every fourth."
        )
    return real_every


def metric_name(extractor: Extractor) -> str:
    """Returns what the Frechet distance on this network is called: `fid` on the Inception, else by the network."""
    return "fid" if extractor.name == "inception" else f"{extractor.name}_frechet"


def distance_during_training(
    images: np.ndarray, dataset: Dataset, extractor: Extractor, batch_size: int = 16, progress: bool = False
) -> float:
    """Computes the Frechet distance alone, with at most 2,000 pictures on each side; call it by `metric_name`.

    With few pictures it is larger than with many: compare it only with itself, at the same number of pictures.

    Args:
        images: uint8 `[N, H, W, 3]`; the first 2,000 are used.
        dataset: The real pictures, of which evenly spaced ones are used; their features are kept in the cache.
        extractor: The network to measure with.
        batch_size: Pictures a forward pass.
        progress: Whether to draw progress bars on stderr.
    """
    indices = dataset.indices_every(max(1, -(-len(dataset) // DURING_TRAINING)))
    real = measure_real(dataset, indices, extractor, batch_size, progress)
    images = images[:DURING_TRAINING]
    fake = extractor.features(images, batch_size, f"Measuring {len(images):,} samples" if progress else "")
    return frechet_distance(gaussian_of(real.features), gaussian_of(fake))


def _named(extractor: Extractor, name: str) -> str:
    return name if extractor.name == "inception" else f"{extractor.name}_{name}"


def _described_real(every: int, total: int) -> str:
    return f"every {ordinal(every)} of {total:,} by name, from the first" if every > 1 else "all"


def _of_reports(
    control: AttributeReport | None, broken: FaceReport | None, path: PathLength | None
) -> dict[str, float]:
    numbers = {}
    if control:
        numbers = {f"{row.attribute}_accuracy": row.accuracy for row in control.attributes}
        numbers["all_attributes_accuracy"] = control.all_right
        if control.diversity:
            numbers["diversity_within"] = control.diversity.within
    if broken:
        numbers |= {"broken_faces": broken.broken, "broken_faces_real": broken.real}
    if path:
        numbers[path_metric(path.distance)] = path.value
    return numbers


def _compare_statistics(real: Measured, fake: Measured) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(
            name=name,
            samples=float(fake.statistics[:, i].mean(dtype=np.float64)),
            real=float(real.statistics[:, i].mean(dtype=np.float64)),
            real_std=float(real.statistics[:, i].std(dtype=np.float64)),
        )
        for i, name in enumerate(STATISTICS)
    )


def check_real(count: int, name: str, real_every: int, remedy: str) -> None:
    """Refuses to measure against every n-th of so many real pictures, if that leaves too few.

    Raises:
        UserError: With the data set's name and the remedy, if so.
    """
    left = -(-count // real_every)
    if left < MIN_PICTURES:
        raise UserError(
            f"Every {ordinal(real_every)} of the {count:,} pictures of {name} leaves {left}, at least {MIN_PICTURES} "
            f"are needed: {remedy}."
        )
