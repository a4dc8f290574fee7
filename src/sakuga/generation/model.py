"""A model file, loaded and ready to draw."""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sakuga import zoo
from sakuga.configs.conditions import Condition, expanded
from sakuga.configs.labels import LabelSchema
from sakuga.core import images
from sakuga.core.device import pick_device
from sakuga.core.errors import UserError
from sakuga.core.latents import MAX_SEED, z_of_seeds
from sakuga.features.find import sha256_of
from sakuga.generation.conditions import LabelCounts, free_labels
from sakuga.generation.interpolate import Kind, interpolate
from sakuga.generation.progress import batches
from sakuga.generation.sample import best_of
from sakuga.models.base import Discriminator, Generator
from sakuga.models.file import load_network, read_header


def load(name_or_path: str | Path, device: str = "auto") -> "LoadedModel":
    """Loads a model for drawing.

    Args:
        name_or_path: A model of the zoo, a `.safetensors` file, or a run folder.
        device: auto, cpu, cuda or mps.

    Raises:
        UserError: If there is no such model, the file is damaged, foreign or holds no generator, or there is no such
            device.
    """
    return LoadedModel(find_model(name_or_path), pick_device(device))


def generate(
    model: str | Path,
    seeds: Sequence[int] = range(16),
    sigma: float | None = None,
    device: str = "auto",
    **attributes: str,
) -> list[Image.Image]:
    """Loads a model and draws one picture for each seed; as `load` and `LoadedModel.generate`."""
    return load(model, device).generate(seeds, sigma, **attributes)


def find_model(name_or_path: str | Path) -> Path:
    """Returns the file of a model of the zoo, of a run folder, or the path itself; errors as `load`."""
    text = str(name_or_path)
    if text in zoo.names():
        return zoo.path(text)
    given = Path(name_or_path)
    if given.is_dir():
        if not (given / "model.safetensors").is_file():
            raise UserError(f"The folder {given} holds no model.safetensors: give a model file, or a run that has one.")
        return given / "model.safetensors"
    if given.is_file() or given.suffix == ".safetensors" or len(given.parts) > 1:
        return given  # what is wrong with it, its reader tells best
    return zoo.path(text)


class LoadedModel:
    """A generator, float32 in eval mode, and what its file says of it.

    Args:
        path: A model file.
        device: Where to compute.

    Attributes:
        path: The file.
        header: What it says of itself.
        device: Where the networks are.
        generator: G, the moving average of the trained weights.

    Raises:
        UserError: If the file is damaged, foreign or holds no generator.
    """

    def __init__(self, path: Path, device: torch.device):
        self.path, self.header, self.device = path, read_header(path), device
        network = load_network(path, "generator", self.header)
        assert isinstance(network, Generator)
        self.generator: Generator = network.to(device)

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
        """D, loaded when first asked for; None if the file has none."""
        if self.header.roles.discriminator is None:
            return None
        network = load_network(self.path, "discriminator", self.header)
        assert isinstance(network, Discriminator)
        return network.to(self.device)

    @functools.cached_property
    def sha256(self) -> str:
        """The hash of the file, 64 hexadecimal digits."""
        return sha256_of(self.path)

    def describe(self) -> str:
        """Returns the model in a few words."""
        return f"{self.name}, {self.resolution}x{self.resolution}, {self.header.images_seen:,} images seen"

    def z_of_seeds(self, seeds: Sequence[int], sigma: float | None = None) -> np.ndarray:
        """Returns the z of each seed, float32 `[len(seeds), z_dim]`, from the distribution that the model learned with.

        Args:
            seeds: Each in 0..2^32-1.
            sigma: Replaces the standard deviation of that distribution: smaller is more alike, larger bolder.

        Raises:
            UserError: If a seed or sigma is out of range.
        """
        for seed in seeds:
            if not 0 <= seed <= MAX_SEED:
                raise UserError(f"{seed} is not a seed: use whole numbers from 0 to {MAX_SEED}.")
        return z_of_seeds(seeds, self.z_dim, self.header.latent.mean, self.checked_sigma(sigma))

    def checked_sigma(self, sigma: float | None) -> float:
        """Returns `sigma`, the header's if None.

        Raises:
            UserError: If it is negative or not finite.
        """
        if sigma is None:
            return self.header.latent.sigma
        if not (math.isfinite(sigma) and sigma >= 0):
            raise UserError(f"A sigma of {sigma} is no standard deviation: use 0 or more, for example 0.7.")
        return sigma

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
        return free_labels(self.schema, self.label_counts, wanted, np.asarray(seeds, np.int64))

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
        if asked and not self.schema.attributes:
            raise UserError(
                f"{self.name} was trained without attributes, so {' and '.join(asked)} cannot be chosen: "
                f"leave {'them' if len(asked) > 1 else 'it'} out."
            )

    @functools.cached_property
    def label_counts(self) -> LabelCounts:
        """What labels the training pictures had; empty where the file does not say."""
        return LabelCounts(self.header.label_counts, len(self.schema.attributes))

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
            UserError: If the model needs labels and gets none, or its pictures are not finite.
        """
        if self.schema.attributes and labels is None:
            raise UserError(f"{self.name} needs labels: {', '.join(a.name for a in self.schema.attributes)}.")
        return self.sample_ws(
            lambda part: self.ws_of(z[part], None if labels is None else labels[part]), len(z), batch_size
        )

    def ws_of(self, z: np.ndarray, labels: np.ndarray | None = None) -> Tensor:
        """Returns float32 `[N, num_ws, w_dim]` for z, float32 `[N, z_dim]`, and labels, int64 `[N, num_attributes]`."""
        with torch.no_grad():
            return self.generator.mapping(torch.from_numpy(z).to(self.device), self._told(labels))

    def _told(self, labels: np.ndarray | None) -> Tensor | None:
        return torch.from_numpy(labels).to(self.device) if labels is not None and labels.shape[1] else None

    def sample_ws(self, ws_of: Callable[[slice], Tensor], count: int, batch_size: int = 64) -> np.ndarray:
        """Draws pictures from ws.

        Args:
            ws_of: Gives the ws of a part of the pictures, float32 `[n, num_ws, w_dim]`.
            count: How many pictures.
            batch_size: Pictures a forward pass.

        Returns:
            uint8 `[count, H, W, 3]`.

        Raises:
            UserError: If the pictures are not finite.
        """
        drawn = np.empty((count, self.resolution, self.resolution, 3), np.uint8)
        for part in batches(count, batch_size, "Drawing"):
            with torch.no_grad():
                made = self.generator.synthesis(ws_of(part), "const")
            if not torch.isfinite(made).all():
                raise UserError(f"{self.path} draws pictures that are not finite: take a model of an intact run.")
            drawn[part] = images.to_uint8(made)
        return drawn

    def score(self, pictures: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 64) -> np.ndarray:
        """Returns how real D finds each picture: its mean logit in eval mode, float32 `[N]`.

        Args:
            pictures: uint8 `[N, H, W, 3]`, of the model's resolution.
            labels: int64 `[N, num_attributes]`, for a D that is told them.
            batch_size: Pictures a forward pass.

        Raises:
            UserError: If the file holds no D.
        """
        if self.discriminator is None:
            raise UserError(f"{self.path} holds no discriminator, so it cannot judge: choose a model with one.")
        scores = np.empty(len(pictures), np.float32)
        for part in batches(len(pictures), batch_size, "Judging"):
            told = self._told(None if labels is None else labels[part])
            with torch.no_grad():
                judged = self.discriminator(images.to_tensor(pictures[part]).to(self.device), told)
            scores[part] = judged.logits.mean(1).cpu().numpy()
        return scores

    def generate(
        self, seeds: Sequence[int] = range(16), sigma: float | None = None, **attributes: str
    ) -> list[Image.Image]:
        """Draws one picture for each seed.

        Args:
            seeds: Each in 0..2^32-1.
            sigma: As in `z_of_seeds`.
            **attributes: As in `labels_of`, for example `hair="aqua"`.

        Raises:
            UserError: As `z_of_seeds` and `labels_of`.
        """
        labels = self.labels_of(seeds, attributes)
        return list(images.to_pil(self.sample_images(self.z_of_seeds(seeds, sigma), labels)))

    def best_of(
        self, seeds: Sequence[int] = range(512), keep: int = 64, sigma: float | None = None, **attributes: str
    ) -> list[Image.Image]:
        """Draws one picture for each seed and returns the `keep` that D finds most real, best first.

        Args:
            seeds: As in `generate`.
            keep: How many.
            sigma: As in `generate`.
            **attributes: As in `generate`.

        Raises:
            UserError: As `generate` and `score`, or if there are fewer seeds than pictures to keep.
        """
        return list(images.to_pil(best_of(self, seeds, keep, sigma=sigma, attributes=attributes).images))

    def interpolate(
        self,
        seeds: Sequence[int],
        frames: int = 60,
        kind: Kind = "smooth",
        loop: bool = True,
        sigma: float | None = None,
        conditions: Sequence[Condition] = (),
        **attributes: str,
    ) -> list[Image.Image]:
        """Draws a way through the pictures of several seeds, of several conditions, or both.

        Args:
            seeds: At least two, or one for all conditions.
            frames: How many pictures.
            kind: As in `interpolate.z_path`.
            loop: Whether the way leads back to the first seed.
            sigma: As in `generate`.
            conditions: As in `interpolate.interpolate`, for example `[{"hair": "aqua"}, {"hair": "black"}]`.
            **attributes: As in `generate`.

        Raises:
            UserError: As `generate`, or if there are too few seeds or frames.
        """
        frames_drawn = interpolate(
            self, seeds, frames, kind=kind, loop=loop, sigma=sigma, attributes=attributes, conditions=conditions
        )
        return list(images.to_pil(frames_drawn))
