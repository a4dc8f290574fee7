"""The networks of a model file, loaded and ready to draw: seeds to z to w to pictures, all of them arrays."""

import difflib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sakuga.configs.conditions import Condition, expanded
from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.configs.modelfile import Purpose, read_header
from sakuga.configs.sampling import USUAL, Sampling, checked_sigma
from sakuga.core import images
from sakuga.core.errors import UserError
from sakuga.core.files import sha256_of
from sakuga.core.label_distribution import LabelDistribution
from sakuga.core.latents import MAX_SEED, z_of_seeds
from sakuga.core.layers import fix_minibatch_std
from sakuga.generation.progress import batches
from sakuga.generation.truncation import mean_w, truncated
from sakuga.models.base import Discriminator, Generator, Noise
from sakuga.models.file import load_network

_USUAL_SAMPLES = 64
"""Over how many pictures of seeds the deviations that D looks at are taken."""


_USE: dict[Purpose, str] = {
    "judge": "it measures a model with `sakuga evaluate MODEL --judge FILE`",
    "labeler": "it finds directions of a model with `sakuga directions MODEL --labeler FILE`",
}


class LoadedNetworks:
    """The networks of a model file, float32 in eval mode, and what the file says of them; in and out go arrays.

    Args:
        path: A model file.
        device: Where to compute.

    Attributes:
        path: The file.
        header: What it says of itself.
        device: Where the networks are.
        generator: G, the moving average of the trained weights.
        means_of_w: The means of w that were asked for, float32 `[1, w_dim]`, by labels; `()` for all.

    Raises:
        UserError: If the file is damaged, foreign or holds no generator.
    """

    def __init__(self, path: Path, device: torch.device):
        self.path, self.header, self.device = path, read_header(path), device
        if (classifier := self.header.roles.classifier) and self.header.roles.generator is None:
            raise UserError(f"{path} is a {classifier.purpose} and draws nothing: {_USE[classifier.purpose]}.")
        network = load_network(path, "generator", self.header)
        assert isinstance(network, Generator)
        self.generator: Generator = network.to(device)
        self.means_of_w: dict[tuple[int, ...], Tensor] = {}

    @property
    def name(self) -> str:
        """The name in the header."""
        return self.header.name

    @property
    def schema(self) -> LabelSchema:
        """The attributes that G is told; empty for an unconditional model."""
        return self.header.labels

    @property
    def z_dim(self) -> int:
        """The length of z."""
        return self.generator.z_dim

    @property
    def resolution(self) -> int:
        """Height and width of the pictures."""
        return self.generator.resolution

    @functools.cached_property
    def discriminator(self) -> Discriminator | None:
        """D, loaded when first asked for, which judges each picture by itself; None if the file has none."""
        if self.header.roles.discriminator is None:
            return None
        network = load_network(self.path, "discriminator", self.header)
        assert isinstance(network, Discriminator)
        fix_minibatch_std(network.to(self.device), functools.partial(self._judge_samples, network))
        return network

    def _judge_samples(self, network: Discriminator, batch_size: int) -> None:
        """Shows D some pictures of G."""
        for first in range(0, _USUAL_SAMPLES, batch_size):
            seeds = range(first, min(first + batch_size, _USUAL_SAMPLES))
            labels = self.labels_of(seeds)
            self._judged(network, self.sample_images(self.z_of_seeds(seeds), labels, batch_size), labels)

    def _judged(self, network: Discriminator, pictures: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        with torch.no_grad():
            judgement = network(images.to_tensor(pictures).to(self.device), self._told(labels))
        return judgement.logits.mean(1).cpu().numpy()

    @functools.cached_property
    def sha256(self) -> str:
        """The hash of the file, 64 hexadecimal digits."""
        return sha256_of(self.path)

    def __repr__(self) -> str:
        return f"<{self.describe()}>"

    def describe(self) -> str:
        """Returns the model in a few words."""
        return f"{self.name}, {self.resolution}x{self.resolution}, {self.header.images_seen:,} images seen"

    def z_of_seeds(
        self, seeds: Sequence[int], sigma: float | None = None, threshold: float | None = None
    ) -> np.ndarray:
        """Returns the z of each seed, float32 `[len(seeds), z_dim]`, from the distribution that the model learned with.

        Args:
            seeds: Each in 0..2^32-1.
            sigma: Replaces the standard deviation of that distribution: smaller is more alike, larger bolder.
            threshold: As in `latents.z_of_seeds`.

        Raises:
            UserError: If a seed or sigma is out of range.
        """
        for seed in seeds:
            if not 0 <= seed <= MAX_SEED:
                raise UserError(f"{seed} is not a seed: use whole numbers from 0 to {MAX_SEED}.")
        return z_of_seeds(seeds, self.z_dim, self.header.latent.mean, self.checked_sigma(sigma), threshold)

    def checked_sigma(self, sigma: float | None) -> float:
        """Returns `sigma`, the header's if None.

        Raises:
            UserError: If it is negative or not finite.
        """
        return self.header.latent.sigma if sigma is None else checked_sigma(sigma)

    def labels_of(self, seeds: Sequence[int], attributes: Condition | None = None) -> np.ndarray:
        """Returns the labels of pictures, int64 `[len(seeds), num_attributes]`.

        Args:
            seeds: One for each picture. The value of an attribute that is not named is a function of the seed, as
                frequent as among those training pictures that had the named ones; every value is equally frequent
                where the file does not say what these had.
            attributes: Attribute name to value, for example `{"hair": "aqua"}`.

        Raises:
            UserError: If the model has no such attribute or value, or no attributes at all.
        """
        wanted = self.encode(attributes or {})
        streams = [("label", a.name) for a in self.schema.attributes]
        return self.label_counts.draw(np.asarray(seeds, np.int64), streams, wanted)

    def encode(self, attributes: Condition) -> tuple[int, ...]:
        """Returns a label for each attribute of the model, -1 for those that are not named; errors as `labels_of`."""
        self._check_attributes(attributes)
        return self.schema.encode(attributes)

    def expanded(self, conditions: Sequence[Condition]) -> list[dict[str, str]]:
        """Returns conditions with `all` replaced by every value of its attribute; errors as `labels_of`."""
        for condition in conditions:
            self._check_attributes(condition)
        return expanded(self.schema, conditions)

    def _check_attributes(self, asked: Condition) -> None:
        known = [attribute.name for attribute in self.schema.attributes]
        for name in asked:
            if (near := difflib.get_close_matches(name, Sampling.model_fields, 1)) and name not in known:
                raise UserError(f"{self.name} has no attribute {name!r}: did you mean {near[0]!r}?")
        if asked and not self.schema.attributes:
            raise UserError(
                f"{self.name} was trained without attributes, so {' and '.join(asked)} cannot be chosen: "
                f"leave {'them' if len(asked) > 1 else 'it'} out."
            )

    @functools.cached_property
    def label_counts(self) -> LabelDistribution:
        """What labels the training pictures had; empty where the file does not say."""
        counted, sizes = self.header.label_counts, self.schema.sizes
        rows = np.array([row for row, _ in counted], np.int64).reshape(len(counted), len(sizes))
        return LabelDistribution(rows, sizes, np.array([count for _, count in counted], np.float64))

    def is_new(self, attributes: Condition) -> bool:
        """Returns whether the file says that no training picture had these attributes; errors as `labels_of`."""
        return bool(self.label_counts) and self.label_counts.count(self.encode(attributes)) == 0

    def sample_images(self, z: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 64) -> np.ndarray:
        """Draws one picture for each z.

        Args:
            z: float32 `[N, z_dim]`.
            labels: int64 `[N, num_attributes]`, all known; None for a model without attributes.
            batch_size: Pictures a forward pass.

        Returns:
            uint8 `[N, H, W, 3]`.

        Raises:
            UserError: If z or labels have another shape, the model needs labels and gets none, or its pictures are not
                finite.
        """
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise UserError(f"z is {_shape(z)}: {self.name} takes an array of [N, {self.z_dim}].")
        if self.schema.attributes and labels is None:
            raise UserError(f"{self.name} needs labels: {', '.join(a.name for a in self.schema.attributes)}.")
        self._check_labels(labels, len(z))
        return self.sample_ws(
            lambda part: self.ws_of(z[part], None if labels is None else labels[part]), len(z), batch_size
        )

    def _check_labels(self, labels: np.ndarray | None, count: int, lowest: int = 0) -> None:
        sizes = self.schema.sizes
        if labels is None:
            return
        if labels.shape != (count, len(sizes)):
            raise UserError(f"Labels are {_shape(labels)}: give [{count}, {len(sizes)}], a number for each attribute.")
        if ((labels < lowest) | (labels >= np.array(sizes))).any():
            known = ", ".join(f"{a.name} 0 to {len(a.values) - 1}" for a in self.schema.attributes)
            raise UserError(f"There is a label that {self.name} does not have: its numbers are {known}.")

    def ws_of(self, z: np.ndarray, labels: np.ndarray | None = None, sampling: Sampling = USUAL) -> Tensor:
        """Maps z to w, and w towards its mean where `sampling` says so.

        Args:
            z: float32 `[N, z_dim]`.
            labels: int64 `[N, num_attributes]`, all known; None for a model without attributes.
            sampling: Its psi, cutoff and mean, where `truncation` is `interpolate`.

        Returns:
            float32 `[N, num_ws, w_dim]`.
        """
        with torch.no_grad():
            ws = self.generator.mapping(torch.from_numpy(z).to(self.device), self._told(labels))
        return self.pulled(ws, labels, sampling)

    def pulled(self, ws: Tensor, labels: np.ndarray | None, sampling: Sampling) -> Tensor:
        """Returns ws, float `[N, num_ws, w_dim]`, after what `sampling` does to w; labels as in `mean_w`."""
        if sampling.psi is None or not sampling.pulls_w:
            return ws
        return truncated(
            ws, self.mean_w(labels if sampling.psi_mean == "class" else None), sampling.psi, sampling.cutoff
        )

    def ws_of_seeds(self, seeds: Sequence[int], labels: np.ndarray, sampling: Sampling = USUAL) -> Tensor:
        """Returns the ws of seeds and labels, int64 `[N, num_attributes]`, as `ws_of`; errors as `z_of_seeds`."""
        return self.ws_of(self.z_of_seeds(seeds, sampling.sigma, sampling.threshold), labels, sampling)

    def mean_w(self, labels: np.ndarray | None = None) -> Tensor:
        """Returns the mean of w, of all pictures or of those with given labels; as `truncation.mean_w`."""
        return mean_w(self, labels)

    def _told(self, labels: np.ndarray | None) -> Tensor | None:
        return torch.from_numpy(labels).to(self.device) if labels is not None and labels.shape[1] else None

    def sample_ws(
        self,
        ws_of: Callable[[slice], Tensor],
        count: int,
        batch_size: int = 64,
        noise_of: Callable[[slice], Noise] = lambda _: "const",
    ) -> np.ndarray:
        """Draws pictures from ws.

        Args:
            ws_of: Gives the ws of a part of the pictures, float32 `[n, num_ws, w_dim]`.
            count: How many pictures.
            batch_size: Pictures a forward pass.
            noise_of: Gives the noise of a part of the pictures.

        Returns:
            uint8 `[count, H, W, 3]`.

        Raises:
            UserError: If the pictures are not finite.
        """
        drawn = np.empty((count, self.resolution, self.resolution, 3), np.uint8)
        for part in batches(count, batch_size, "Drawing"):
            with torch.no_grad():
                made = self.generator.synthesis(ws_of(part), noise_of(part))
            if not torch.isfinite(made).all():
                raise UserError(f"{self.path} draws pictures that are not finite: take a model of an intact run.")
            drawn[part] = images.to_uint8(made)
        return drawn

    def score(self, pictures: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 64) -> np.ndarray:
        """Returns how real D finds each picture: its mean logit in eval mode, float32 `[N]`.

        It depends on no other picture: minibatch standard deviations are those of the model's first samples.

        Args:
            pictures: uint8 `[N, H, W, 3]`, of the model's resolution.
            labels: int64 `[N, num_attributes]`, for a D that is told them; -1 where unknown.
            batch_size: Pictures a forward pass.

        Raises:
            UserError: If the file holds no D, or pictures or labels are of another shape or type.
        """
        if self.discriminator is None:
            raise UserError(f"{self.path} holds no discriminator, so it cannot judge: choose a model with one.")
        side = self.resolution
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (side, side, 3):
            raise UserError(
                f"Pictures are {pictures.dtype} {_shape(pictures)}: {self.name} judges uint8 [N, {side}, {side}, 3]."
            )
        self._check_labels(labels, len(pictures), UNKNOWN)
        scores = np.empty(len(pictures), np.float32)
        for part in batches(len(pictures), batch_size, "Judging"):
            scores[part] = self._judged(self.discriminator, pictures[part], None if labels is None else labels[part])
        return scores


def _shape(array: np.ndarray) -> str:
    return str(list(array.shape))
