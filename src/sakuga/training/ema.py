"""The moving average of a generator."""

import copy

import torch
from torch import nn

from sakuga.configs.training import EmaConfig


class Ema:
    """A copy of a network whose weights and norm statistics follow the network's, with a half-life in images.

    Args:
        network: What is averaged.
        half_life: In images.
        config: Its ramp-up: the half-life is at most this part of the images seen, so that the first, random weights
            are soon forgotten (Karras et al. 2020).
    """

    def __init__(self, network: nn.Module, half_life: int, config: EmaConfig):
        self.source = network
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.half_life, self.ramp_up = half_life, config.ramp_up

    @torch.no_grad()
    def update(self, images: int, batch_size: int) -> None:
        """Moves the copy towards the network.

        Args:
            images: Images seen, this round's included.
            batch_size: Images of this round.
        """
        half_life = min(float(self.half_life), images * self.ramp_up)
        weight = 1 - 0.5 ** (batch_size / half_life) if half_life > 0 else 1.0
        ours, theirs = self.network.state_dict(), self.source.state_dict()
        floats = [name for name, tensor in ours.items() if tensor.is_floating_point()]
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
            [ours[name] for name in floats], [theirs[name] for name in floats], weight
        )
        for name in ours.keys() - set(floats):
            ours[name].copy_(theirs[name])
