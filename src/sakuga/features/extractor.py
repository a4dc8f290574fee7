"""From pictures to features: one frozen network, and the resize that belongs to it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from PIL import Image

from sakuga.core.device import pick_device
from sakuga.core.errors import UserError, nearest
from sakuga.core.images import to_tensor
from sakuga.core.progress import tracked
from sakuga.features.efficientnet import load_efficientnet
from sakuga.features.find import KNOWN, find_weights
from sakuga.features.frozen import Frozen
from sakuga.features.inception import load_inception

LOADERS: dict[str, Callable[[Path], Frozen]] = {"inception": load_inception, "efficientnet": load_efficientnet}


class Pictures(Protocol):
    """Pictures that are read in slices: an array, a memory map, or samples that are drawn when asked for."""

    def __len__(self) -> int:
        """Returns the number of pictures."""
        ...

    def __getitem__(self, index: slice, /) -> np.ndarray:
        """Returns uint8 `[n, H, W, 3]`."""
        ...


@dataclass(frozen=True)
class Extractor:
    """Turns pictures into features.

    Attributes:
        name: `inception` or `efficientnet`.
        title: What people call the network.
        sha256: The hash of its weights file.
        network: The frozen network.
        device: Where it computes, in float32.
    """

    name: str
    title: str
    sha256: str
    network: Frozen
    device: torch.device

    @property
    def num_features(self) -> int:
        """The number of features of a picture."""
        return self.network.num_features

    @property
    def resize(self) -> str:
        """How pictures come to the network's size, in words."""
        size = self.network.size
        return f"Pillow bicubic on uint8 to {size}x{size}"

    @torch.inference_mode()
    def features(self, images: Pictures, batch_size: int = 16, progress: str = "") -> np.ndarray:
        """Computes the pooled features of each picture.

        Args:
            images: uint8 `[N, H, W, 3]`, or anything that gives such arrays by slices.
            batch_size: Pictures a forward pass.
            progress: What the progress bar on stderr says; no bar if empty.

        Returns:
            float32 `[N, num_features]`.

        Raises:
            ValueError: If the pictures are not uint8 `[n, H, W, 3]`.
        """
        features = np.empty((len(images), self.num_features), np.float32)
        for start in tracked(range(0, len(images), batch_size), progress):
            stop = min(start + batch_size, len(images))
            batch = to_tensor(resize(images[start:stop], self.network.size)).to(self.device)
            # A quarter to a third faster than contiguous planes, on CPUs too.
            batch = batch.contiguous(memory_format=torch.channels_last)
            features[start:stop] = self.network(batch).cpu().numpy()
        return features


def load_extractor(name: str = "auto", path: str | Path | None = None, device: str = "auto") -> Extractor:
    """Returns an extractor.

    Args:
        name: `inception`, `efficientnet`, or `auto`: the Inception if its weights are on this machine, else
            EfficientNet-Lite0 if its are, else the Inception, downloaded.
        path: The weights file, if the user says where it is.
        device: `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        UserError: If the name is unknown or the weights are not to be had.
    """
    if name == "auto":
        if path is not None:
            raise UserError("--weights needs --extractor inception or --extractor efficientnet beside it.")
        name = usual_extractor()
    if name not in LOADERS:
        raise UserError(f"Unknown extractor {name!r}: {nearest(name, ['auto', *LOADERS])}")
    weights, where = KNOWN[name], pick_device(device)
    network = LOADERS[name](find_weights(name, path))
    return Extractor(
        name=name,
        title=weights.title,
        sha256=weights.sha256,
        network=network.to(device=where, memory_format=torch.channels_last),  # type: ignore[call-overload]
        device=where,
    )


def usual_extractor() -> Literal["inception", "efficientnet"]:
    """Returns the Inception, or EfficientNet-Lite0 where its weights alone are on this machine."""
    return "efficientnet" if is_here("efficientnet") and not is_here("inception") else "inception"


def is_here(name: str) -> bool:
    """Tells whether the weights of that name are on this machine."""
    try:
        find_weights(name, download=False)
    except UserError:
        return False
    return True


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resizes pictures with Pillow's bicubic filter, which antialiases when it shrinks.

    Args:
        images: uint8 `[n, H, W, 3]`.
        size: The new height and width.

    Returns:
        uint8 `[n, size, size, 3]`.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"expected uint8 [n, H, W, 3], not {images.dtype} {list(images.shape)}")
    if images.shape[1:3] == (size, size):
        return images
    resized = [Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC) for image in images]
    return np.stack([np.asarray(image) for image in resized]) if resized else np.zeros((0, size, size, 3), np.uint8)
