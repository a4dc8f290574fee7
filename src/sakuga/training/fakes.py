"""What G makes in training: labels, z, ws and pictures, each a pure function of (seed, images seen)."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sakuga.configs.training import TrainConfig
from sakuga.core import distributed
from sakuga.core.device import autocast
from sakuga.core.random import generator as random_stream
from sakuga.core.random import uniform
from sakuga.models.base import Generator
from sakuga.training.fake_labels import FakeLabels


class Fakes:
    """Draws for the global batch and returns this process's part.

    Args:
        config: A complete config.
        generator: G, where it trains.
        labels: What G is told.
        num_pictures: Of the data set, for durations in epochs.
        device: Where G lives.
    """

    def __init__(
        self, config: TrainConfig, generator: Generator, labels: FakeLabels, num_pictures: int, device: torch.device
    ):
        self.config, self.generator, self.device = config, generator, device
        self.draw_labels = labels
        assert config.noise_start != "auto"
        self.noise_start = config.noise_start.images(num_pictures, config.batch_size)
        self.labels_start = config.conditioning.start.images(num_pictures, config.batch_size)
        self.dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32

    def z(self, images: int, count: int, stream: str = "z") -> Tensor:
        """Draws z for a global batch of `count` that follows `images` images, float `[n, z_dim]`."""
        z = torch.randn(count, self.generator.z_dim, generator=random_stream(self.config.seed, stream, images))
        return z[mine(count)].to(self.device) * self.config.latent.sigma + self.config.latent.mean

    def labels(self, images: int, count: int) -> Tensor:
        """Draws labels for the same batch, int64 `[n, num_attributes]`."""
        return torch.from_numpy(self.draw_labels(_numbers(images, count))).to(self.device)

    def ws(self, images: int, count: int, stream: str = "z", labels: Tensor | None = None) -> Tensor:
        """Maps z, and labels or by default those of `labels`, to ws, float `[n, num_ws, w_dim]`, some with the later
        layers of another z.

        Style mixing (Karras et al., "A Style-Based Generator Architecture", 2019, section 3.1): with probability
        `style_mixing` a fake has one z up to a layer drawn uniformly, and another from there on. Both move
        the mean w of a G in training; in NVIDIA's programs the first alone does.
        """
        labels = self.labels(images, count) if labels is None else labels

        def mapped(stream: str) -> Tensor:
            z, tells = self.z(images, count, stream), self.tells_labels(images)
            return self.generator.mapping(z, labels) if tells else self.generator.mapping_untold(z)

        ws = mapped(stream)
        if self.config.style_mixing == 0:
            return ws
        others = mapped(f"{stream} mixed in")
        numbers, layers = _numbers(images, count), ws.shape[1]
        mixes = uniform(numbers, self.config.seed, stream, "mixes") < self.config.style_mixing
        first = 1 + (uniform(numbers, self.config.seed, stream, "mixed from") * (layers - 1)).astype(np.int64)
        first = torch.from_numpy(np.where(mixes, first, layers)).to(self.device)
        is_other = torch.arange(layers, device=self.device) >= first[:, None]
        return torch.where(is_other[:, :, None], others, ws)

    def images(self, images: int, labels: Tensor) -> Tensor:
        """Draws the pictures of a round from labels, int64 `[n, num_attributes]`; float32 `[n, 3, H, W]`."""
        ws = self.ws(images, self.config.batch_size, labels=labels)
        with autocast(self.device, self.dtype):
            return self.generator.synthesis(ws, self.noise(images)).float()

    def tells_labels(self, images: int) -> bool:
        """Tells whether G and D are told labels after so many images."""
        return images >= self.labels_start

    def noise(self, images: int) -> Literal["random", "none"]:
        """Returns the noise that G has after so many images."""
        return "random" if images >= self.noise_start else "none"


def mine(count: int) -> slice:
    """Returns this process's part of a global batch."""
    part = np.array_split(np.arange(count), distributed.world_size())[distributed.rank()]
    return slice(int(part[0]), int(part[-1]) + 1)


def _numbers(images: int, count: int) -> np.ndarray:
    part = mine(count)
    return images + np.arange(part.start, part.stop)
