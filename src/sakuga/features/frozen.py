"""What the frozen networks share: they never train, and their batch norms are folded into the convolutions."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn


class Frozen(nn.Module):
    """A network that only measures: no parameter requires a gradient, `train()` changes nothing.

    Gradients still reach its input, so that a loss can look through it.

    Attributes:
        num_features: The length of the pooled features.
        size: The height and width that the network was trained at.
    """

    num_features: int
    size: int

    def freeze(self) -> None:
        """Called by a subclass once its layers are there."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, also when a module that holds this one starts to train."""
        return super().train(False)


def fold_batch_norm(
    state: Mapping[str, Tensor], conv: str, norm: str, eps: float
) -> tuple[Tensor, Tensor]:
    """Returns the weight and bias of a convolution that does what convolution and batch norm did.

    Args:
        state: Holds `{conv}.weight`, `{norm}.running_mean`, `{norm}.running_var`, and optionally `{norm}.weight` and
            `{norm}.bias` (1 and 0 where absent).
        conv: The name of the convolution, which has no bias.
        norm: The name of the batch norm.
        eps: The batch norm's epsilon.

    Returns:
        float32 weight and bias, computed in float64.
    """
    mean, variance = (
        state[f"{norm}.running_mean"].double(),
        state[f"{norm}.running_var"].double(),
    )
    scale = torch.rsqrt(variance + eps)
    if f"{norm}.weight" in state:
        scale = scale * state[f"{norm}.weight"].double()
    shift = (
        state[f"{norm}.bias"].double()
        if f"{norm}.bias" in state
        else torch.zeros_like(mean)
    )
    weight = state[f"{conv}.weight"].double() * scale.reshape(-1, 1, 1, 1)
    return weight.float(), (shift - mean * scale).float()
