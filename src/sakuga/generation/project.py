"""The w of a given picture.

Paper: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, appendix D. Written from that
description. Any generator whose w moves with z can be searched: what z does not move in w (the one-hot labels of a
DCGAN, say) is chosen beforehand and then stands still.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from sakuga.configs.conditions import Condition
from sakuga.configs.patch import validate
from sakuga.configs.projection import ProjectionConfig
from sakuga.core.decode import BadFile, to_rgb
from sakuga.core.device import autocast, has_fast_bf16
from sakuga.core.errors import UserError
from sakuga.core.images import fitted, to_tensor, to_uint8
from sakuga.core.picture import read_picture
from sakuga.core.progress import tracked
from sakuga.core.random import generator as stream
from sakuga.features.lpips import Perceptual
from sakuga.features.perceptual import at_most
from sakuga.generation.model import LoadedModel
from sakuga.generation.projection import Projection
from sakuga.models.base import Generator, Noise

_NEAR = 8  # pictures under which labels are compared


class Moments(NamedTuple):
    """Where w lies.

    Attributes:
        mean: float32 `[num_ws, w_dim]`.
        sigma: The root of the mean squared distance of w from its mean.
        moves: float32 `[w_dim]`: 1 where z moves w, 0 where only labels do.
    """

    mean: Tensor
    sigma: float
    moves: Tensor


def project(
    model: LoadedModel,
    target: np.ndarray,
    distance: Perceptual,
    config: ProjectionConfig | None = None,
    attributes: Condition | None = None,
    *,
    num_frames: int = 0,
    progress: bool = True,
) -> Projection:
    """Searches for the w whose picture is nearest to a given one.

    Args:
        model: The model; its G stays as it is.
        target: uint8 `[H, W, 3]` of the model's size.
        distance: What near means; on the model's device.
        config: How to search.
        attributes: Attributes of the picture, by name. The values of the others are searched for.
        num_frames: How many pictures of the way to keep.
        progress: Whether to draw progress bars on stderr.

    Raises:
        UserError: If the model has no such attributes, or w+ is asked of a model with one layer.
    """
    config, began = config or ProjectionConfig(), time.perf_counter()
    check_space(model, config)
    search = _Search(model.generator, to_tensor(target[None]).to(model.device), distance, config)
    samples = _Samples(model, search, config.samples, progress)
    labels = samples.nearest_labels(attributes or {})
    moments = moments_of(model, labels, config.mean_of)
    offset, noise = torch.zeros_like(moments.mean[:1]), search.first_noise()
    if w_is_z(model.generator):
        offset = (samples.nearest_w(labels) - moments.mean) * moments.moves
    first = search.draw((moments.mean + offset)[None], "const")
    stages = [("w", config.steps, config.lr)]
    if config.space == "w+":
        stages.append(("w+", max(1, config.steps // 2), config.lr_layers))
    frames, total = [], sum(steps for _, steps, _ in stages)
    keep_every = max(1, -(-total // num_frames)) if num_frames else 0
    for space, steps, lr in stages:
        offset = offset if space == "w" else offset.expand_as(moments.mean).clone()
        way = search.descend(offset, noise, moments, steps, lr, with_noise=space == "w")
        for step, drawn in enumerate(tracked(way, f"Searching {space}" if progress else "", steps)):
            if keep_every and step % keep_every == 0:
                frames.append(to_uint8(drawn))
    ws = (moments.mean + offset)[None]
    mean, found = search.draw(moments.mean[None], "const"), search.draw(ws, noise or "const")
    distances = [float(search.measure(p)[0]) for p in (mean, first, found, search.draw(ws, "const"))]
    picture = to_uint8(found)[0]
    return Projection(
        ws=ws[0].cpu(),
        noise=tuple(one.detach().cpu() for one in noise),
        labels=labels,
        target=target,
        start=to_uint8(first)[0],
        found=picture,
        distance_mean=distances[0],
        distance_start=distances[1],
        distance=distances[2],
        distance_plain=distances[3],
        seconds=time.perf_counter() - began,
        frames=np.concatenate([*frames, picture[None]]) if num_frames else picture[None],
    )


def project_picture(
    model: LoadedModel, picture: Image.Image | str | Path, distance: Perceptual, told: Mapping[str, Any]
) -> Projection:
    """Searches for the w of a picture of any size and mode.

    Args:
        model: The model.
        picture: The picture, or its file.
        distance: What near means; on the model's device.
        told: Fields of `ProjectionConfig` and attributes of the picture, by name.

    Raises:
        UserError: If the picture is too small or cannot be read, a field is out of range, or as `project`.
    """
    own = {name: value for name, value in told.items() if name in ProjectionConfig.model_fields}
    config = validate(ProjectionConfig, own, "value")
    if isinstance(picture, Image.Image):
        try:
            target = fitted(np.asarray(to_rgb(picture)), model.resolution, "The picture")
        except BadFile as error:
            raise UserError(f"The picture has {error}.") from None
    else:
        target = read_picture(picture, model.resolution)
    return project(model, target, distance, config, {name: v for name, v in told.items() if name not in own})


def w_is_z(generator: Generator) -> bool:
    """Tells whether w is z with labels appended, as in all networks with one layer that takes a w.

    The mean of such a w, zero, draws nothing: nearly all z that G has seen are about as long as the root of their
    dimension. Hence a search among them begins at the nearest of some samples and leads to no z that is longer.
    """
    return generator.num_ws == 1


def check_space(model: LoadedModel, config: ProjectionConfig) -> None:
    """Refuses a search in w+ where there is one layer, so that w+ is w.

    Raises:
        UserError: If so.
    """
    if config.space == "w+" and w_is_z(model.generator):
        raise UserError(f"{model.name} has one layer that takes a w, so that w+ is the same as w: search w.")


def moments_of(model: LoadedModel, labels: np.ndarray, count: int) -> Moments:
    """Returns where w lies for these labels, int64 `[num_attributes]`, over the z of the seeds below `count`."""
    total = squares = torch.zeros(())
    for first in range(0, count, 1024):
        z = model.z_of_seeds(range(first, min(first + 1024, count)))
        ws = model.ws_of(z, np.broadcast_to(labels, (len(z), len(labels))).copy()).cpu().double()
        total, squares = total + ws.sum(0), squares + ws.square().sum(0)
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0).mean(0)
    moves = variance > 1e-10 * variance.max()
    return Moments(mean.float().to(model.device), float(variance.sum().sqrt()), moves.float().to(model.device))


def regularity(noise: Sequence[Tensor]) -> Tensor:
    """Computes how far noise maps are from white noise (appendix D, eq. 9): 0 where neighbors are uncorrelated.

    Squared means of the product of each map with itself moved by one pixel, to the right and down, at full size and
    at all halves down to 8x8, which keep unit variance.

    Args:
        noise: float `[1, 1, H, W]` each, of zero mean and unit variance.

    Returns:
        float, a scalar.
    """
    total = noise[0].new_zeros(())
    for x in noise:
        while True:
            total = total + sum((x * x.roll(1, axis)).mean().square() for axis in (2, 3))
            if min(x.shape[2:]) <= 8:
                break
            x = F.avg_pool2d(x, 2) * 2
    return total


class _Search:
    """One target, and the networks that it is looked at with."""

    def __init__(self, generator: Generator, target: Tensor, distance: Perceptual, config: ProjectionConfig) -> None:
        self.generator, self.distance, self.config = generator, distance, config
        self.device = target.device
        # The search bears the rounding; what is reported is measured in float32.
        self.dtype = torch.bfloat16 if has_fast_bf16(self.device) else torch.float32
        with torch.no_grad():
            self.target = distance.embed(at_most(target))

    def draw(self, ws: Tensor, noise: Noise) -> Tensor:
        """Draws float32 `[N, 3, H, W]` of ws `[N, num_ws, w_dim]`."""
        with torch.no_grad():
            return self.generator.synthesis(ws, noise)

    def measure(self, pictures: Tensor) -> np.ndarray:
        """Returns the distance of each of float `[N, 3, H, W]` from the target, float64 `[N]`."""
        with torch.no_grad():
            found = self.distance.between(self.distance.embed(at_most(pictures)), self.target)
        return found.cpu().double().numpy()

    def first_noise(self) -> list[Tensor]:
        """Returns white noise maps that a gradient can move; none if the network has none or they are not searched."""
        if not self.config.noise_maps:
            return []
        random = stream("project", self.config.seed, "noise maps")
        drawn = [torch.randn(1, 1, *shape, generator=random) for shape in self.generator.noise_shapes]
        return [one.to(self.device).requires_grad_() for one in drawn]

    def descend(
        self, offset: Tensor, noise: list[Tensor], moments: Moments, steps: int, lr: float, with_noise: bool
    ) -> Iterator[Tensor]:
        """Moves `offset`, float `[1 or num_ws, w_dim]`, and the noise maps in place; yields each picture."""
        config, variables = self.config, [offset.requires_grad_(), *noise]
        optimizer = torch.optim.Adam(variables, lr)
        random = stream("project", config.seed, "w")
        for step in range(steps):
            t = (step + 0.5) / steps
            optimizer.param_groups[0]["lr"] = lr * ramp(t, config.ramp_up, config.ramp_down)
            strength = config.noise * moments.sigma * max(0.0, 1 - t / config.noise_until) ** 2
            shake = torch.randn(1, offset.shape[1], generator=random).to(self.device) * (strength * with_noise)
            ws = moments.mean + (offset + shake) * moments.moves
            with autocast(self.device, self.dtype):
                picture = self.generator.synthesis(ws[None], noise or "const")
            with autocast(self.device, self.dtype):
                embedded = self.distance.embed(at_most(picture))
            loss = self.distance.between(embedded, self.target).sum()
            if noise:
                loss = loss + config.noise_weight * regularity(noise)
            optimizer.zero_grad()
            loss.backward(inputs=variables)
            optimizer.step()
            with torch.no_grad():
                if w_is_z(self.generator):
                    offset.mul_((moments.sigma / offset.norm()).clamp(max=1))
                for one in noise:
                    one.sub_(one.mean()).mul_(one.square().mean().rsqrt())
            yield picture.detach()
        offset.requires_grad_(False)


def ramp(t: float, up: float, down: float) -> float:
    """Returns the factor of the learning rate at `t` in [0, 1]: linear over the first part, a cosine over the last."""
    fall = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / down))
    return fall * min(1.0, t / up)


class _Samples:
    """Pictures of the model's own that are near the target: where labels are compared, and where z is begun from."""

    def __init__(self, model: LoadedModel, search: _Search, count: int, progress: bool) -> None:
        self.model, self.search = model, search
        self.title = "Comparing samples" if progress else ""
        self.z = model.z_of_seeds(range(count))

    def distances(self, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Returns the distance of the pictures of some z under labels, int64 `[n, num_attributes]`, float64 `[n]`."""
        ws = self.model.ws_of(self.z[rows], labels)
        parts = tracked(ws.split(16), self.title)
        found = [self.search.measure(self.search.draw(part, "const")) for part in parts]
        return np.concatenate(found)

    def nearest_labels(self, given: Condition) -> np.ndarray:
        """Returns the labels with the values given under which a few near pictures come nearest.

        One attribute after the other, the same z under each of its values, because z matters more than many an
        attribute does.

        Returns:
            int64 `[num_attributes]`.
        """
        wanted = np.array(self.model.encode(given), np.int64)
        rows = np.arange(len(self.z))
        labels = self.model.labels_of(rows.tolist(), given)
        if (wanted >= 0).all():
            return wanted
        rows = rows[np.argsort(self.distances(rows, labels), kind="stable")[:_NEAR]]
        labels = labels[rows]
        for i in np.flatnonzero(wanted < 0).tolist():
            size = self.model.schema.sizes[i]
            tried = labels[None].repeat(size, 0)
            tried[:, :, i] = np.arange(size)[:, None]
            found = self.distances(np.tile(rows, size), tried.reshape(-1, labels.shape[1]))
            wanted[i] = labels[:, i] = found.reshape(size, -1).mean(1).argmin()
        return wanted

    def nearest_w(self, labels: np.ndarray) -> Tensor:
        """Returns the ws of the z whose picture is nearest under these labels, float32 `[num_ws, w_dim]`."""
        rows = np.arange(len(self.z))
        nearest = int(self.distances(rows, np.broadcast_to(labels, (len(rows), len(labels))).copy()).argmin())
        return self.model.ws_of(self.z[[nearest]], labels[None])[0]
