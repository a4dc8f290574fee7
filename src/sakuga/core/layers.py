"""Small layers that several families share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sakuga.core.errors import UserError


def norm_layer(kind: str, channels: int) -> nn.Module:
    """Returns the normalization of a feature map, float `[N, C, H, W]`: `batch`, `layer`, or none at all.

    `layer` is layer normalization over C, H and W with a gain and a bias for each channel. `spectral` normalizes
    weights and not maps: see `weight_norm`.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    return nn.Identity()


def weight_norm(kind: str, layer: nn.Module) -> nn.Module:
    """Returns the layer, under spectral normalization (Miyato et al. 2018) if `kind` is `spectral`."""
    return spectral_norm(layer) if kind == "spectral" else layer


def raw_weight(layer: nn.Module) -> Tensor:
    """Returns the weight that is trained: under spectral normalization `layer.weight` is computed from another."""
    parametrized = getattr(layer, "parametrizations", None)
    return parametrized["weight"].original if parametrized else layer.weight  # pyright: ignore[reportReturnType]


def initialize(network: nn.Module) -> None:
    """Draws weights from N(0, 0.02) and the gains of norms from N(1, 0.02), biases 0 (Radford et al., section 4)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
            nn.init.normal_(raw_weight(module), 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.normal_(module.weight, 1.0, 0.02)
        if isinstance(bias := getattr(module, "bias", None), Tensor):
            nn.init.zeros_(bias)


def initialize_glorot(layer: nn.Module, gain: float = 1.0) -> nn.Module:
    """Draws the layer's weight as Glorot and Bengio (2010) with a uniform distribution, bias 0, and returns it."""
    nn.init.xavier_uniform_(raw_weight(layer), gain)
    if isinstance(bias := getattr(layer, "bias", None), Tensor):
        nn.init.zeros_(bias)
    return layer


def known_one_hot(labels: Tensor | None, sizes: tuple[int, ...]) -> Tensor:
    """Returns the one-hot vectors of all attributes, float32 `[N, sum(sizes)]`, for a generator.

    Args:
        labels: int64 `[N, num_attributes]`, each in [0, size).
        sizes: Number of values of each attribute.

    Raises:
        ValueError: If labels are missing or unknown (-1), of which a generator can make no picture.
    """
    if labels is None:
        raise ValueError("this generator needs labels")
    # A traced graph holds for all labels: there is nothing to look at.
    if not labels.is_meta and not torch.compiler.is_compiling() and bool((labels < 0).any()):
        raise ValueError("a generator cannot take unknown labels (-1): draw a value for each attribute")
    return one_hot(labels, sizes)


def one_hot(labels: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Returns the one-hot vectors of all attributes side by side, zeros for an unknown value.

    Args:
        labels: int64 `[N, num_attributes]`, each in [-1, size).
        sizes: Number of values of each attribute.

    Returns:
        float32 `[N, sum(sizes)]`.
    """
    each = zip(labels.unbind(1), sizes, strict=True)
    vectors = [F.one_hot(label.clamp(min=0), size) * (label >= 0)[:, None] for label, size in each]
    return torch.cat(vectors, 1).float()


class MinibatchStd(nn.Module):
    """Appends the standard deviation over groups of the batch as one more channel (Karras et al. 2018, section 3).

    Attributes:
        fixed: Stands in for the deviation of the batch, so that a picture is judged by itself; None: it is computed.
    """

    def __init__(self, group_size: int = 8):
        super().__init__()
        self.group_size = group_size
        self.fixed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, C, H, W]` to `[N, C + 1, H, W]`; a batch that the group does not divide is one group."""
        num, channels, height, width = x.shape
        deviation = self.fixed
        if deviation is None:
            group = self.group_size if num % self.group_size == 0 else num
            grouped = x.float().reshape(group, -1, channels, height, width)
            deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat(group)
        plane = deviation.expand(num).reshape(num, 1, 1, 1).expand(-1, 1, height, width)
        return torch.cat([x, plane.to(x.dtype)], 1)


def fix_minibatch_std(network: nn.Module, usual: Callable[[int], object]) -> None:
    """Fixes the deviations that a network appends to its maps at their means over usual batches.

    Args:
        network: Any; one without `MinibatchStd` stays as it is.
        usual: Shows the network usual inputs, in batches of the size that it is given.
    """
    for layer in [module for module in network.modules() if isinstance(module, MinibatchStd)]:
        seen: list[Tensor] = []
        hook = layer.register_forward_hook(lambda *passed, seen=seen: seen.append(passed[-1][:, -1].mean()))
        usual(layer.group_size)
        hook.remove()
        layer.fixed = torch.stack(seen).mean()


def power_of_two_steps(first: int, last: int) -> int:
    """Returns how many doublings lead from `first` to `last`.

    Raises:
        UserError: If none do.
    """
    steps, size = 0, first
    while size < last:
        steps, size = steps + 1, size * 2
    if size != last:
        raise UserError(f"A size of {last} cannot be reached from {first} by doubling: choose {size // 2} or {size}.")
    return steps
