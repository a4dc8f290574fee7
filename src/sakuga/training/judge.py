"""Trains a judge, or a labeler: plain supervised learning on real labeled pictures. A judge is for measuring only."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.classifier import ClassifierConfig, JudgeConfig
from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.configs.modelfile import ClassifierRole, Header, Purpose, Roles
from sakuga.core.device import autocast, deterministic, has_fast_bf16, pick_device
from sakuga.core.errors import UserError
from sakuga.core.progress import progress_bar
from sakuga.core.random import random_scope, seed_of, uniform
from sakuga.core.words import ordinal
from sakuga.data.dataset import Dataset
from sakuga.data.labels import missing_values
from sakuga.evaluation.attributes import score_name
from sakuga.evaluation.pictures import Subset
from sakuga.generation.classifier import LoadedClassifier
from sakuga.losses.conditional import cross_entropy
from sakuga.models.classifier import Classifier
from sakuga.models.file import save_model

PURPOSES: dict[Purpose, str] = {
    "judge": "For measuring only: no training, labeling, choice of samples or search for directions may use a judge, "
    "or what it measures there means nothing.",
    "labeler": "For labeling samples, to find directions by: not for measuring what came of it, which a judge does.",
}
MAX_RESOLUTION = 96
_LEARNED = 0.25


@dataclass(frozen=True)
class HeldOut:
    """How a judge did on pictures that it was not trained on.

    Attributes:
        scores: Accuracy by `attributes.score_name`, of each attribute and of each of its values that was held out.
        counts: On how many pictures each of them was measured, by the same names.
    """

    scores: dict[str, float]
    counts: dict[str, int]

    def near_chance(self, schema: LabelSchema) -> list[str]:
        """Returns the attributes of which the judge has learned next to nothing.

        Its accuracy is averaged over the K values that were held out, so that a value that most pictures have helps no
        guess: always the same answer, or any at random, has 1/K. Less than a quarter of the way from there to 1 is next
        to nothing.
        """
        found = []
        for attribute in schema.attributes:
            names = [score_name(attribute.name, value) for value in attribute.values]
            accuracies = [self.scores[name] for name in names if name in self.scores]
            chance = 1 / max(len(accuracies), 1)
            if chance < 1 and np.mean(accuracies) < chance + _LEARNED * (1 - chance):
                found.append(attribute.name)
        return found


def train_judge(
    dataset: Dataset,
    out: str | Path,
    config: JudgeConfig,
    *,
    purpose: Purpose = "judge",
    minutes: float | None = None,
    device: str = "auto",
    overwrite: bool = True,
    progress: bool = True,
) -> HeldOut:
    """Trains a judge or a labeler, measures it on held-out pictures, and writes it with its scores.

    Both are the same network. A labeler's random streams have other names, so that it has other first weights, another
    order and other augmentation than the judge of the same seed.

    Args:
        dataset: Real labeled pictures.
        out: The model file to write.
        config: How to train; the same config gives the same judge on the same machine and threads.
        purpose: What it will be used for; written into the file, which is refused for the other.
        minutes: Train for so long instead of `config.epochs`; how much is seen then depends on the machine.
        device: auto, cpu, cuda or mps.
        overwrite: Whether `out` may be replaced.
        progress: Whether to draw a progress bar on stderr.

    Raises:
        UserError: If the data has no labels, or a value has no picture to train on.
    """
    learned, held = split(dataset, config.holdout)
    architecture = ClassifierConfig(resolution=min(dataset.resolution, MAX_RESOLUTION), channels=config.channels)
    where = pick_device(device)
    streams = config if purpose == "judge" else _with_seed(config, seed_of(purpose, config.seed))
    with deterministic(), random_scope(streams.seed, "judge", device=where):
        network = Classifier(architecture, dataset.schema.sizes)
        network.to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        images_seen = _learn(network, learned, streams, where, minutes, f"Training the {purpose}" if progress else "")
    _round_to_half(network)
    header = Header(
        name=purpose,
        roles=Roles(classifier=ClassifierRole(purpose=purpose, architecture=architecture)),
        labels=dataset.schema,
        data=f"{dataset.name}, {len(learned):,} pictures",
        images_seen=images_seen,
        provenance={
            "purpose": PURPOSES[purpose],
            "config": config.model_dump(mode="json"),
            "held_out": f"every {ordinal(config.holdout)} of {len(dataset):,} by name, from the first",
            "dataset_fingerprint": dataset.fingerprint,
        },
    )
    trained = LoadedClassifier(Path(out), header, network.eval().requires_grad_(False), where)
    answers = trained.answers(Subset(dataset.images, held), f"Measuring the {purpose}" if progress else "")
    found = held_out(dataset, held, answers)
    # A config is changed by validating it again.
    header = Header.model_validate({**header.model_dump(), "scores": found.scores})
    save_model(out, header, {"classifier": network}, overwrite=overwrite)
    return found


def split(dataset: Dataset, holdout: int) -> tuple[Dataset, np.ndarray]:
    """Returns the pictures to train on, and the indices of those that are held out, every `holdout`-th by name.

    Raises:
        UserError: If the data has no labels, or a value has no picture to train on.
    """
    if not (dataset.labels != UNKNOWN).any():
        raise UserError(
            f"{dataset.name} has no labels to learn from: give a labels.csv with --labels, or labeled data with --data."
        )
    held = dataset.indices_every(holdout)
    chosen = np.setdiff1d(np.arange(len(dataset)), held)
    for column, attribute in enumerate(dataset.schema.attributes):
        if missing := missing_values(attribute, dataset.labels[chosen, column]):
            raise UserError(
                f"{dataset.name} has no picture of {attribute.name} {', '.join(missing)} beside those held out, so "
                "that a classifier cannot learn it: add pictures, or take the value out of the labels."
            )
    learned = Dataset(dataset.images[chosen], dataset.labels[chosen], dataset.schema, name=dataset.name)
    return learned, held


def held_out(dataset: Dataset, held: np.ndarray, answers: np.ndarray) -> HeldOut:
    """Counts right answers on held-out pictures whose label is known.

    Args:
        dataset: The labeled pictures.
        held: int64 `[N]`, which of them were held out.
        answers: The judge's, int64 `[N, num_attributes]`.
    """
    scores, counts = {}, {}
    for column, attribute in enumerate(dataset.schema.attributes):
        labels = dataset.labels[held, column]
        groups = {None: labels != UNKNOWN, **{value: labels == i for i, value in enumerate(attribute.values)}}
        for value, group in groups.items():
            if group.any():
                name = score_name(attribute.name, value)
                scores[name] = float((answers[group, column] == labels[group]).mean())
                counts[name] = int(group.sum())
    return HeldOut(scores, counts)


def value_weights(dataset: Dataset, balance: float) -> tuple[Tensor, ...]:
    """Returns for each attribute what a picture of each value counts, float32 `[K]`: frequency to the power -balance.

    The mean over the pictures is 1. Every value must have a picture.
    """
    found = []
    for column, size in enumerate(dataset.schema.sizes):
        counts = np.bincount(dataset.labels[:, column] + 1, minlength=size + 1)[1:].astype(np.float64)
        weights = counts**-balance
        found.append(torch.from_numpy(weights * counts.sum() / (weights * counts).sum()).float())
    return tuple(found)


def augmented(images: Tensor, numbers: np.ndarray, config: JudgeConfig) -> Tensor:
    """Turns, shifts and zooms each picture a little; colors, which are what is judged, stay as they are.

    Args:
        images: float32 `[N, 3, H, H]`.
        numbers: int64 `[N]`, the image numbers, which name what is drawn.
        config: The ranges.

    Returns:
        float32 `[N, 3, H, H]`, interpolated bilinearly, reflected at the border.
    """

    def signed(name: str) -> Tensor:
        return torch.from_numpy(2 * uniform(numbers, config.seed, "judge", name) - 1).to(images.dtype)

    angle = signed("rotate") * math.radians(config.rotate)
    scale = 1 + signed("zoom") * config.zoom
    cos, sin = scale * angle.cos(), scale * angle.sin()
    x, y = (2 * config.shift * signed(name) for name in ("x", "y"))  # the picture reaches from -1 to 1
    maps = torch.stack([cos, -sin, x, sin, cos, y], 1).view(-1, 2, 3)
    places = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, places, "bilinear", "reflection", align_corners=False)


def rate_at(part: float, warm_up: float) -> float:
    """Returns the factor of the learning rate at a part of the training, 0..1: a linear rise, then half a cosine."""
    if part < warm_up:
        return part / warm_up
    return 0.5 + 0.5 * math.cos(math.pi * min((part - warm_up) / (1 - warm_up), 1))


def _learn(
    network: Classifier,
    dataset: Dataset,
    config: JudgeConfig,
    device: torch.device,
    minutes: float | None,
    title: str,
) -> int:
    batch_size = min(config.batch_size, len(dataset))
    total, images = config.epochs * len(dataset), 0
    dtype = torch.bfloat16 if has_fast_bf16(device) else torch.float32
    weights = tuple(weight.to(device) for weight in value_weights(dataset, config.balance))
    optimizer = torch.optim.AdamW(network.parameters(), config.lr, weight_decay=config.weight_decay)
    start, part = time.monotonic(), 0.0
    with progress_bar() as bar:
        task = bar.add_task(title, total=100, visible=bool(title))
        while part < 1:
            for group in optimizer.param_groups:
                group["lr"] = config.lr * max(rate_at(part, config.warm_up), 1e-3)
            numbers = np.arange(images, images + batch_size)
            batch = dataset.batch(numbers, config.seed, flip=True)
            pictures = augmented(batch.images, numbers, config).to(device)
            with autocast(device, dtype):
                logits = network(pictures.contiguous(memory_format=torch.channels_last))
            loss = cross_entropy(logits, batch.labels.to(device), weights, config.smoothing)
            if not torch.isfinite(loss):
                raise UserError(f"The classifier's loss is not finite after {images:,} pictures: use a lower --lr.")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            images += batch_size
            part = images / total if minutes is None else (time.monotonic() - start) / (60 * minutes)
            bar.update(task, completed=100 * min(part, 1))
    return images


def _with_seed(config: JudgeConfig, seed: int) -> JudgeConfig:
    return JudgeConfig.model_validate({**config.model_dump(), "seed": seed})


@torch.no_grad()
def _round_to_half(network: Classifier) -> None:
    """Rounds what the model file rounds, so that the scores are those of the file."""
    for tensor in network.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim > 1:
            tensor.copy_(tensor.half())
