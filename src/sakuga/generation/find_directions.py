"""Finds directions in w: in the weights (SeFa), in the spread of w (PCA), or by labels (linear models)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sakuga.configs.directions import DirectionInfo, DirectionsHeader, Method
from sakuga.core.errors import UserError, choice
from sakuga.generation.directions import Directions, safe_name
from sakuga.generation.linear_models import Whitening, auc, logistic, ridge_regression, without
from sakuga.generation.progress import batches
from sakuga.generation.seed_labels import Column
from sakuga.models.base import Generator
from sakuga.models.stacked import StackedGenerator

if TYPE_CHECKING:
    from sakuga.generation.model import LoadedModel

FIRST_SEED = 3_000_000_000
"""Of the stream of seeds whose w are looked at, far from those that people look at."""

MIN_SAMPLES = 8
_HELD_OUT, _SPREAD = 5, 4096


class Found(NamedTuple):
    """Directions, and the values that too few samples showed, each with their number."""

    directions: Directions
    missing: dict[str, int]


def stream(count: int) -> list[int]:
    """Returns the seeds whose w are looked at."""
    return list(range(FIRST_SEED, FIRST_SEED + count))


def w_of(model: "LoadedModel", seeds: Sequence[int], batch_size: int = 256) -> np.ndarray:
    """Returns the w of each seed, float32 `[N, w_dim]`, with zeros where nothing but labels decides."""
    free = free_part(model)
    w = np.empty((len(seeds), len(free)), np.float32)
    for part in batches(len(seeds), batch_size, "Mapping"):
        chosen = seeds[part]
        w[part] = model.ws_of(model.z_of_seeds(chosen), model.labels_of(chosen))[:, 0].cpu().numpy()
    return w * free


def free_part(model: "LoadedModel") -> np.ndarray:
    """Returns which numbers of w depend on z, bool `[w_dim]`; where w is z and labels, those of z."""
    seeds = stream(16)
    labels = np.repeat(model.labels_of(seeds[:1]), len(seeds), 0)
    w = model.ws_of(model.z_of_seeds(seeds, sigma=1.0), labels)[:, 0].cpu().numpy()
    return w.std(0) > 0


def style_weights(generator: Generator) -> dict[int, torch.Tensor]:
    """Returns the linear maps that w meets first, float32 `[M, w_dim]` each, by the layer whose w they take.

    Of a StyleGAN2 the affine layer of each convolution, and of the last layer, which makes the picture. Of a network
    with one w, its first layer, with zeros for the part of w that comes in later.
    """
    if isinstance(generator, StackedGenerator):
        return style_weights(generator.base)
    affine = [(name, module) for name, module in generator.named_modules() if name.endswith(".affine")]
    styles = [module for name, module in affine if ".torgb." not in name]
    if affine:
        return {i: _matrix(module) for i, module in enumerate([*styles, affine[-1][1]])}
    for module in generator.modules():
        if isinstance(module, nn.Linear | nn.ConvTranspose2d | nn.Conv2d):
            first = _matrix(module)
            return {0: functional.pad(first, (0, generator.w_dim - first.shape[1]))}
    raise ValueError("a generator without linear layers")


def sefa(model: "LoadedModel", layers: Sequence[int], count: int = 10) -> Directions:
    """Finds what the weights amplify most (Shen and Zhou 2021, equation 7).

    The eigenvectors of the sum of A^T A over the style matrices A of the layers, largest eigenvalue first. As in the
    equation, the rows of A have the lengths that training gave them; the authors' program makes them unit vectors.

    Args:
        model: Any model.
        layers: Whose matrices are summed, and which the directions move.
        count: How many directions.

    Raises:
        UserError: If w has not so many numbers.
    """
    free, matrices = free_part(model), style_weights(model.generator)
    _check_count(count, int(free.sum()))
    total = sum(m.T @ m for m in (matrices[layer].cpu().double().numpy() * free for layer in layers))
    values, vectors = np.linalg.eigh(total)
    spread = Whitening(w_of(model, stream(_SPREAD)))
    infos, vectors = {}, [_signed(vector) for vector in vectors.T[::-1][:count]]
    for i, vector in enumerate(vectors):
        what = f"eigenvector {i} of the weights, {100 * values[-1 - i] / values.sum():.1f}% of the sum"
        infos[f"sefa:{i}"] = DirectionInfo(what=what, deviation=spread.deviation(vector))
    return _directions(model, "sefa", layers, infos, vectors, {})


def pca(model: "LoadedModel", layers: Sequence[int], count: int = 10, samples: int = 10_000) -> Directions:
    """Finds along what w varies most (Harkonen et al. 2020, section 2.1): the principal components of a fixed stream.

    Args:
        model: Any model.
        layers: Which the directions move.
        count: How many directions.
        samples: How many z.

    Raises:
        UserError: If w has not so many numbers, or there are too few samples.
    """
    if samples <= count:
        raise UserError(f"{samples} samples are too few for {count} directions: give {count + 1:,} or more.")
    w = w_of(model, stream(samples)).astype(np.float64)
    _check_count(count, int((w.std(0) > 0).sum()))
    centered = w - w.mean(0)
    values, vectors = np.linalg.eigh(centered.T @ centered / (samples - 1))
    infos, vectors = {}, [_signed(vector) for vector in vectors.T[::-1][:count]]
    for i in range(count):
        what = f"principal component {i} of w, {100 * values[-1 - i] / values.sum():.1f}% of the variance"
        infos[f"pca:{i}"] = DirectionInfo(what=what, deviation=float(np.sqrt(values[-1 - i])))
    return _directions(model, "pca", layers, infos, vectors, {"samples": f"{samples:,} from seed {FIRST_SEED}"})


def by_labels(
    model: "LoadedModel",
    seeds: Sequence[int],
    columns: Sequence[Column],
    layers: Sequence[int],
    *,
    conditional_on: Sequence[str] = (),
    ridge: float = 0.25,
    provenance: dict[str, str] | None = None,
) -> Found:
    """Finds what in w goes with a label: one direction towards each value, by multinomial logistic regression.

    The models see whitened w (`Whitening`). A column of numbers is one direction, towards more, by ridge regression.

    Args:
        model: Any model.
        seeds: Of the labeled samples.
        columns: Their labels.
        layers: Which the directions move.
        conditional_on: Attributes or directions whose models a step along any other attribute's must leave as they are:
            directions are made orthogonal to their weights (Shen et al. 2020, "Interpreting the Latent Space of GANs",
            section 3.3).
        ridge: How strongly large weights are punished, a sample.
        provenance: Where the labels came from.

    Raises:
        UserError: If no value has enough samples with it and without it, or `conditional_on` names nothing found.
    """
    check_conditional_on(conditional_on, {column.name: column.values for column in columns})
    spread = Whitening(w_of(model, stream(_SPREAD)))
    x = spread(w_of(model, seeds))
    infos: dict[str, DirectionInfo] = {}
    weights: dict[str, np.ndarray] = {}
    owner: dict[str, str] = {}
    missing: dict[str, int] = {}
    for column in columns:
        for name, (weight, info) in _fitted(x, column, ridge, missing).items():
            weights[name], infos[name], owner[name] = weight, info, column.name
    if not weights:
        raise UserError(
            f"No value has {MIN_SAMPLES} samples with it and as many without it among {len(seeds):,}: label more of "
            "them."
        )
    vectors = []
    for name, weight in weights.items():
        kept = [w for n, w in weights.items() if owner[n] != owner[name] and {n, owner[n]} & {*conditional_on}]
        vector = spread.step(without(weight, np.array(kept)))
        vectors.append(vector)
        infos[name] = DirectionInfo(**{**infos[name].model_dump(), "deviation": spread.deviation(vector)})
    for name in conditional_on:
        if name not in {*owner, *owner.values()}:
            raise UserError(
                f"Nothing is {name!r} to be conditional on: {choice(name, dict.fromkeys([*owner.values(), *owner]))}"
            )
    told = {**(provenance or {}), "samples": f"{len(seeds):,}"}
    told |= {"conditional_on": ", ".join(conditional_on)} if conditional_on else {}
    return Found(_directions(model, "labels", layers, infos, vectors, told), missing)


def check_conditional_on(names: Sequence[str], columns: Mapping[str, Sequence[str]]) -> None:
    """Refuses names that no direction could have.

    Args:
        names: Of attributes or directions.
        columns: Each attribute that directions are to be found of, with its values.

    Raises:
        UserError: If one is no attribute and no value of one.
    """
    values = [safe_name(f"{name}:{value}") for name, values in columns.items() for value in values]
    known = dict.fromkeys([*columns, *(safe_name(name) for name in columns), *values])
    for name in names:
        if name not in known:
            raise UserError(f"Nothing is {name!r} to be conditional on: {choice(name, known)}")


def _fitted(
    x: np.ndarray, column: Column, ridge: float, missing: dict[str, int]
) -> dict[str, tuple[np.ndarray, DirectionInfo]]:
    """Returns the weights of each direction of a column and what it is; values of too few samples go to `missing`."""
    if not column.values:
        return _fitted_number(x, column, ridge, missing)
    known = column.targets.sum(1) > 0
    x, targets = x[known], column.targets[known]
    best = np.where(targets.max(1, keepdims=True, initial=0) == targets, 1, 0)
    counts = best.sum(0)
    names = [safe_name(f"{column.name}:{value}") for value in column.values]
    enough = (counts >= MIN_SAMPLES) & (len(x) - counts >= MIN_SAMPLES)
    missing |= {name: int(n) for name, n, ok in zip(names, counts, enough, strict=True) if not ok}
    if not enough.any():
        return {}
    weights, held = logistic(x, targets, ridge), np.arange(len(x)) % _HELD_OUT == 0
    trial = x[held] @ logistic(x[~held], targets[~held], ridge).T
    found = {}
    for k in np.flatnonzero(enough).tolist():
        info = DirectionInfo(
            what=f"towards {column.name} {column.values[k]}",
            deviation=0,
            samples=int(counts[k]),
            auc=auc(trial[:, k], best[held, k] > 0),
            held_out=_split(best[held, k] > 0),
        )
        found[names[k]] = (weights[k], info)
    return found


def _fitted_number(
    x: np.ndarray, column: Column, ridge: float, missing: dict[str, int]
) -> dict[str, tuple[np.ndarray, DirectionInfo]]:
    known = ~np.isnan(column.targets[:, 0])
    x, numbers, name = x[known], column.targets[known, 0], safe_name(column.name)
    if len(numbers) < 2 * MIN_SAMPLES or not numbers.std() > 0:
        missing[name] = len(numbers)
        return {}
    held = np.arange(len(x)) % _HELD_OUT == 0
    trial = x[held] @ ridge_regression(x[~held], numbers[~held], ridge)
    above = numbers[held] > np.median(numbers)
    info = DirectionInfo(
        what=f"towards more {column.name}",
        deviation=0,
        samples=len(numbers),
        auc=auc(trial, above),
        held_out=_split(above),
    )
    return {name: (ridge_regression(x, numbers, ridge), info)}


def _split(shown: np.ndarray) -> tuple[int, int]:
    return int(shown.sum()), int((~shown).sum())


def _directions(
    model: "LoadedModel",
    method: Method,
    layers: Sequence[int],
    infos: dict[str, DirectionInfo],
    vectors: Sequence[np.ndarray],
    provenance: dict[str, str],
) -> Directions:
    """Gives each direction, float64 `[w_dim]` of any length, the length of its deviation, on the layers alone."""
    steps = {}
    for (name, info), vector in zip(infos.items(), vectors, strict=True):
        length = np.linalg.norm(vector)
        if not (length > 0 and info.deviation > 0):
            raise UserError(f"Nothing is left of the direction {name}: w does not vary along it.")
        step = torch.zeros(model.generator.num_ws, model.generator.w_dim)
        step[list(layers)] = torch.from_numpy(vector / length * info.deviation).float()
        steps[name] = step
    header = DirectionsHeader(
        model=model.name,
        model_sha256=model.sha256,
        method=method,
        layers=tuple(layers),
        directions=infos,
        provenance=provenance,
    )
    return Directions(header, steps)


def _check_count(count: int, limit: int) -> None:
    if not 1 <= count <= limit:
        raise UserError(f"{count} directions cannot be found: w varies along {limit} directions, choose 1 to {limit}.")


def _matrix(module: nn.Module) -> torch.Tensor:
    weight = module.get_parameter("weight").detach()
    if isinstance(module, nn.ConvTranspose2d):  # its input comes first
        return weight.flatten(1).T
    return weight.flatten(1)


def _signed(vector: np.ndarray) -> np.ndarray:
    """Returns the one of a vector and its opposite whose largest number is positive, so that runs agree."""
    return vector * np.sign(vector[np.abs(vector).argmax()])
