"""The moving average of a generator."""

import copy
from collections.abc import Callable

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
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.half_life, self.ramp_up = half_life, config.ramp_up
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
        self._floats = [(ours, theirs) for ours, theirs in pairs if ours.is_floating_point()]
        self._counters = [(ours, theirs) for ours, theirs in pairs if not ours.is_floating_point()]

    @torch.no_grad()
    def update(self, images: int, batch_size: int) -> None:
        """Moves the copy towards the network.

        Args:
            images: Images seen, this round's included.
            batch_size: Images of this round.
        """
        half_life = min(float(self.half_life), images * self.ramp_up)
        weight = 1 - 0.5 ** (batch_size / half_life) if half_life > 0 else 1.0
        ours, theirs = ([pair[i] for pair in self._floats] for i in (0, 1))
        torch._foreach_lerp_(ours, theirs, weight)  # pyright: ignore[reportPrivateImportUsage]
        for counter, source in self._counters:
            counter.copy_(source)

    def with_measured_norms(self, run: Callable[[nn.Module], None]) -> nn.Module:
        """Returns the average with the norm statistics of its own activations.

        Those that the network gathered belong to its own weights, which differ from their average (Izmailov et al.,
        "Averaging Weights Leads to Wider Optima and Better Generalization", 2018, section 3.2).

        Args:
            run: Runs batches through the network that it is given.

        Returns:
            A copy in eval mode.
        """
        network = copy.deepcopy(self.network).train()
        # A finished first stage stays in eval mode, and keeps what it has.
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d) and module.training]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
        if norms:
            with torch.no_grad():
                run(network)
        return network.eval()
