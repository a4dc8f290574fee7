"""Perceptual path length: how much pictures change when z or w moves a little.

Paper: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019, section
4.1, on whole pictures: faces of anime fill them, so that nothing is cropped. As in the authors' program, pairs below
the 1st and above the 99th percentile are left out, where a percentile between two pairs is the one further out: a few
across a torn place of the space would decide the mean.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sakuga.core.errors import UserError, check_choice
from sakuga.core.latents import MAX_SEED, slerp
from sakuga.core.progress import tracked
from sakuga.core.random import uniform
from sakuga.evaluation.result import PathLength
from sakuga.features.lpips import Perceptual
from sakuga.features.perceptual import LARGEST, at_most
from sakuga.generation.model import LoadedModel

PathSpace = Literal["z", "w"]
PathSampling = Literal["full", "end"]

EPSILON = 1e-4
OUTLIERS = 1.0  # percent, on either side
MIN_PAIRS = 16


def path_length(
    model: LoadedModel,
    distance: Perceptual,
    labels: np.ndarray,
    *,
    space: PathSpace = "w",
    sampling: PathSampling = "full",
    seed: int = 0,
    batch_size: int = 16,
    progress: bool = True,
) -> PathLength:
    """Computes the mean of `distance(G(x(t)), G(x(t + epsilon))) / epsilon^2` over pairs of z.

    `x(t)` is the way from one latent to another: an arc in z, a straight line in w. All in float32 and with the
    network's own noise maps, the same on both sides: a difference of 1e-4 leaves nothing for rounder numbers.

    Args:
        model: The model.
        distance: The perceptual distance, on the model's device.
        labels: For each pair the labels that both ends share, int64 `[N, num_attributes]`.
        space: Where the way leads.
        sampling: full: `t` anywhere on the way. end: at its beginning, where in w a drawn point lies.
        seed: Names z and t.
        batch_size: Pairs a forward pass.
        progress: Whether to draw a progress bar on stderr.

    Raises:
        UserError: As `check_path`.
    """
    count = len(labels)
    check_path(count, seed, space, sampling)
    numbers = np.arange(count)
    moments = uniform(numbers, seed, "path length") if sampling == "full" else np.zeros(count)
    lengths = np.empty(count)
    for start in tracked(range(0, count, batch_size), "Measuring paths" if progress else ""):
        rows = numbers[start : start + batch_size]
        z = [model.z_of_seeds([seed + number for number in (2 * rows + side).tolist()]) for side in (0, 1)]
        ends = [_between(model, z, labels[rows], moments[rows] + moved, space) for moved in (0.0, EPSILON)]
        lengths[rows] = _distances(model, distance, ends) / EPSILON**2
    low = np.percentile(lengths, OUTLIERS, method="lower")
    high = np.percentile(lengths, 100 - OUTLIERS, method="higher")
    kept = lengths[(low <= lengths) & (lengths <= high)]
    return PathLength(
        value=float(kept.mean()),
        distance=distance.name,
        weights_sha256=distance.sha256,
        space=space,
        sampling=sampling,
        epsilon=EPSILON,
        pairs=count,
        outliers=OUTLIERS,
        side=min(model.resolution, LARGEST),
    )


def check_path(count: int, seed: int, space: PathSpace, sampling: PathSampling) -> None:
    """Refuses too few pairs for a mean, more than there are seeds, and ways that there are not.

    Raises:
        UserError: If so.
    """
    check_choice("space", space, PathSpace)
    check_choice("sampling", sampling, PathSampling)
    if count < MIN_PAIRS:
        raise UserError(f"{count} are too few pairs for a path length: give {MIN_PAIRS} or more, for example 10000.")
    if not 0 <= seed <= MAX_SEED - 2 * count:
        raise UserError(f"The seed {seed} leaves no {2 * count:,} seeds up to {MAX_SEED}: choose a smaller one.")


def metric_name(distance: str) -> str:
    """Returns what the path length is called with that distance: `path_length` on LPIPS with VGG16, else by it."""
    return "path_length" if distance == "lpips-vgg" else f"{distance.replace('-', '_')}_path_length"


def _between(model: LoadedModel, z: list[np.ndarray], labels: np.ndarray, t: np.ndarray, space: str) -> Tensor:
    """Returns the ws at `t`, float64 `[N]`, of the ways between two z, float32 `[N, z_dim]` each."""
    if space == "z":
        center = np.float32(model.header.latent.mean)
        a, b = (one.astype(np.float64) - center for one in z)
        return model.ws_of((slerp(a, b, t[:, None]) + center).astype(np.float32), labels)
    a, b = (model.ws_of(one, labels) for one in z)
    return torch.lerp(a, b, torch.from_numpy(t).to(a)[:, None, None])


def _distances(model: LoadedModel, distance: Perceptual, ends: list[Tensor]) -> np.ndarray:
    with torch.no_grad():
        a, b = (at_most(part) for part in model.generator.synthesis(torch.cat(ends), "const").chunk(2))
        return distance.distance(a, b).cpu().double().numpy()
