"""Decoded pictures of one resolution, read by index, in an order that is a pure function of (seed, image number)."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from sakuga.configs.labels import UNKNOWN, LabelSchema
from sakuga.core import distributed
from sakuga.core.decode import MAX_RESOLUTION, MIN_RESOLUTION
from sakuga.core.errors import UserError
from sakuga.core.images import to_tensor
from sakuga.core.random import permutation, uniform
from sakuga.core.words import counted
from sakuga.data import cache, synthetic
from sakuga.data.problem import Problem
from sakuga.data.sampling import balanced_weights, columns_to_balance, drawn_by_weight
from sakuga.data.sources import open_source


@dataclass(frozen=True)
class Batch:
    """Pictures float32 `[B, 3, H, W]` in [-1, 1], labels int64 `[B, A]` (-1 unknown), and their indices int64 `[B]`."""

    images: torch.Tensor
    labels: torch.Tensor
    indices: np.ndarray


class Dataset:
    """Pictures of one square resolution with their labels.

    Attributes:
        images: uint8 `[N, H, W, 3]`, memory-mapped where it comes from the cache.
        labels: int64 `[N, num_attributes]`, -1 where unknown.
        schema: The attributes and their values.
        names: A name for each picture, in the order of the indices (sorted).
        name: What to call the set.
        fingerprint: Hex hash of pixels, names and labels; the same for the same content, wherever it was read from.
        problems: Files and labels that were left out, and why.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        schema: LabelSchema | None = None,
        *,
        names: list[str] | None = None,
        name: str = "memory",
        fingerprint: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> None:
        self.images = images
        self.schema = schema or LabelSchema()
        shape = (len(images), len(self.schema.sizes))
        self.labels = np.full(shape, UNKNOWN, np.int64) if labels is None else labels
        self.names = names or [f"{i:08d}" for i in range(len(images))]
        self.name = name
        self.fingerprint = fingerprint
        self.problems = problems
        self._orders: dict[tuple[int, int], np.ndarray] = {}
        self._cumulative: dict[tuple[str, ...], np.ndarray] = {}
        if self.labels.shape != shape or len(self.names) != len(images):
            raise ValueError(f"{len(images)} images, {len(self.names)} names, labels {self.labels.shape}, not {shape}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def resolution(self) -> int:
        """Height and width of the pictures."""
        return self.images.shape[1]

    def index(self, image_numbers: np.ndarray, seed: int, balance: Sequence[str] = ()) -> np.ndarray:
        """Returns which picture stands at each place of the endless order: every epoch is a permutation of its own.

        Args:
            image_numbers: int64 `[B]`, counted from the start of training over all processes.
            seed: Names the order.
            balance: Attributes whose known values are equally frequent (`sampling.balanced_weights`). An epoch then
                has frequent pictures several times and leaves others out.

        Returns:
            int64 `[B]`, a pure function of (seed, image number).

        Raises:
            UserError: If there is no such attribute, or a value of one has no picture.
        """
        epochs, places = np.divmod(image_numbers, len(self))
        indices = np.empty(len(epochs), np.int64)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            indices[chosen] = self._order(seed, int(epoch))[places[chosen]]
        if not balance:
            return indices
        return drawn_by_weight(self._cumulative_weights(tuple(balance)), indices, image_numbers, seed)

    def _cumulative_weights(self, balance: tuple[str, ...]) -> np.ndarray:
        if balance not in self._cumulative:
            columns = columns_to_balance(self.labels, self.schema, balance)
            self._cumulative[balance] = np.cumsum(balanced_weights(self.labels, columns))
        return self._cumulative[balance]

    def _order(self, seed: int, epoch: int) -> np.ndarray:
        if (seed, epoch) not in self._orders:
            if len(self._orders) >= 2:  # a batch may lie on the border of two epochs
                self._orders.pop(next(iter(self._orders)))
            self._orders[seed, epoch] = permutation(len(self), seed, "order", epoch)
        return self._orders[seed, epoch]

    def batch(
        self,
        image_numbers: np.ndarray,
        seed: int,
        *,
        flip: bool = False,
        rotate: float = 0.0,
        balance: Sequence[str] = (),
    ) -> Batch:
        """Returns the pictures at these places of the order, augmented.

        Args:
            image_numbers: int64 `[B]`, as for `index`.
            seed: Names the order and the augmentation.
            flip: Whether half of the pictures are mirrored.
            rotate: Pictures are turned by an angle uniform within plus or minus this, in degrees.
            balance: As for `index`.

        Returns:
            A batch that is a pure function of (seed, image number), whatever else is in it.

        Raises:
            UserError: As `index`.
        """
        indices = self.index(image_numbers, seed, balance)
        pixels = self.images[indices]
        if flip:
            mirrored = uniform(image_numbers, seed, "flip") < 0.5
            whole = pixels.view("V3")  # [B, H, W, 1]: a pixel as one item is copied three times as fast as as three
            whole[mirrored] = whole[mirrored, :, ::-1]
        images = to_tensor(pixels)
        if rotate:
            images = rotated(images, (2 * uniform(image_numbers, seed, "rotate") - 1) * rotate)
        return Batch(images, torch.from_numpy(self.labels[indices]), indices)

    def indices_every(self, step: int, offset: int = 0) -> np.ndarray:
        """Returns every `step`-th index of the sorted names from `offset` on: a fixed subset to evaluate on."""
        return np.arange(offset, len(self), step, dtype=np.int64)


def rotated(images: torch.Tensor, degrees: np.ndarray) -> torch.Tensor:
    """Turns each picture counterclockwise about its center; what comes in at the corners is the picture, reflected.

    Args:
        images: float32 `[N, 3, H, H]`, square.
        degrees: float `[N]`.

    Returns:
        float32 `[N, 3, H, H]`, interpolated bilinearly.
    """
    angles = torch.from_numpy(np.deg2rad(degrees)).to(images.dtype)
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    maps = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    places = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, places, "bilinear", "reflection", align_corners=False)


def is_drawn(path: str) -> bool:
    """Tells whether a path of `open_dataset` is what the program draws, and in no file."""
    return path.partition(":")[0] == "synthetic"


def open_dataset(
    path: str | Path, resolution: int | None = None, *, labels: str | Path | None = None, tell: bool = True
) -> Dataset:
    """Opens a folder or a zip of pictures, or the built-in drawn faces.

    The first time everything is decoded into the cache; later it is read from there. Files that cannot be used are left
    out, listed in `Dataset.problems`, and counted on stderr; so are pictures that are smaller and have to be enlarged.

    Args:
        path: A folder, a zip, `synthetic`, or `synthetic:COUNT`.
        resolution: Height and width of the pictures; their own, if all are the same square, where None.
        labels: A table `file,hair,eyes,...` to use instead of the labels that come with the pictures.
        tell: Whether the number of problems is printed.

    Raises:
        UserError: If the path is missing, or cannot be used for one of the reasons that its message names.
    """
    if resolution is not None and not MIN_RESOLUTION <= resolution <= MAX_RESOLUTION:
        raise UserError(f"--resolution {resolution} is not within {MIN_RESOLUTION}..{MAX_RESOLUTION}.")
    text = str(path)
    if is_drawn(text):
        if labels is not None:
            raise UserError("--labels: the synthetic faces have labels of their own: leave the option out.")
        decoded = synthetic.load(drawn_count(text), resolution)
    else:
        source = open_source(text)
        decoded = cache.load(source, resolution, None if labels is None else Path(labels))
        if tell and decoded.problems and distributed.rank() == 0:
            print(
                f"{text}: {counted(len(decoded.problems), 'problem')} beside "
                f"{counted(len(decoded.names), 'good picture')}; "
                f"{cache.check_command(text, resolution, labels)} lists them.",
                file=sys.stderr,
            )
        if decoded.enlarged and distributed.rank() == 0:
            print(
                f"{text}: {decoded.enlarged:,} of {counted(len(decoded.names), 'picture')} smaller than {resolution} "
                "pixels, enlarged, which makes them blurred: choose a smaller resolution if these are many.",
                file=sys.stderr,
            )
    return Dataset(
        decoded.images,
        decoded.labels,
        decoded.schema,
        names=decoded.names,
        name=text if is_drawn(text) else Path(text).name,
        fingerprint=decoded.fingerprint,
        problems=decoded.problems,
    )


def drawn_count(path: str) -> int:
    """Returns how many pictures a path for which `is_drawn` holds asks for.

    Raises:
        UserError: If the count is no number, or too small.
    """
    _, colon, text = path.partition(":")
    if not colon:
        return synthetic.DEFAULT_COUNT
    if not re.fullmatch(r"\d{1,8}", text) or int(text) < cache.MIN_PICTURES:
        raise UserError(f"{path!r}: the count must be a number of at least {cache.MIN_PICTURES}, as in synthetic:2000.")
    return int(text)
