"""The state of path length regularization: the running mean that lengths are drawn to."""

from typing import Any

import torch
from torch import Tensor

from sakuga.configs.losses import PathLengthConfig
from sakuga.core import distributed


class PathLength:
    """Penalizes lengths that differ from their own running mean (Karras et al. 2020, section 3.2).

    Args:
        config: Weight, decay, interval.
        device: Where lengths are computed.

    Attributes:
        mean: The running mean a, float32 `[]`.
    """

    def __init__(self, config: PathLengthConfig, device: torch.device):
        self.config = config
        self.mean = torch.zeros((), device=device)

    def loss(self, lengths: Tensor) -> Tensor:
        """Moves the mean towards the lengths, float `[N]`, and returns the weighted penalty, float `[]`.

        It moves by the lengths of all processes, of which each has as many. The mean is a constant for the gradient; in
        NVIDIA's programs the share `decay` of it, which comes from these lengths, is not.
        """
        mean = lengths.detach().mean()
        distributed.average_([mean])
        self.mean = self.mean.lerp(mean, self.config.decay)
        return self.config.weight * (lengths - self.mean).square().mean()

    def state(self) -> dict[str, Any]:
        """Returns what it remembers, as JSON."""
        return {"mean": float(self.mean)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        self.mean.fill_(state["mean"])
