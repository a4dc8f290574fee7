"""What the frozen networks share: they never train, and their batch norms are folded into the convolutions."""

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
    weight: Tensor, *, mean: Tensor, variance: Tensor, bias: Tensor, eps: float, gain: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Returns the weight and bias of the convolution that does what a convolution and a batch norm did.

    Args:
        weight: float `[O, I, kh, kw]` of a convolution without bias.
        mean: float `[O]`, the batch norm's running mean.
        variance: float `[O]`, its running variance.
        bias: float `[O]`, its learned bias.
        eps: What it adds to the variance.
        gain: float `[O]`, its learned gain; 1 if None.

    Returns:
        float32 `[O, I, kh, kw]` and `[O]`, computed in float64.
    """
    scale = torch.rsqrt(variance.double() + eps)
    if gain is not None:
        scale = scale * gain.double()
    folded = weight.double() * scale.reshape(-1, 1, 1, 1)
    return folded.float(), (bias.double() - mean.double() * scale).float()
