"""The layers of StyleGAN2, all with an equalized learning rate: weights N(0, 1), scaled when they are used.

Papers: Karras, Laine and Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019
(mapping network); Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and Improving the Image Quality of
StyleGAN", CVPR 2020; Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, "Training Generative Adversarial Networks
with Limited Data", NeurIPS 2020 (labels). Written from these descriptions; parameters are named and scaled so that
published weights fit.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sakuga.core.ops import (
    SLOPE,
    Kernel,
    compute_dtype,
    convolve_down,
    downsample,
    frozen_kernel,
    full_precision,
    is_traced,
    kernel_of,
    modulated_convolution,
    normalized,
    upsample,
)

_GAIN = math.sqrt(2)  # keeps the variance through a leaky ReLU
_W_AVG_DECAY = 0.998


class FullyConnected(nn.Module):
    """A linear layer, always in float32.

    Args:
        before: Length of the input.
        after: Length of the output.
        bias: Value that the biases start from.
        lr: Learning rate relative to that of other layers.
        activated: Whether a leaky ReLU follows.
    """

    def __init__(self, before: int, after: int, *, bias: float = 0.0, lr: float = 1.0, activated: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before) / lr)
        self.bias = nn.Parameter(torch.full((after,), bias))
        self.lr, self.activated = lr, activated

    def forward(self, x: Tensor) -> Tensor:
        """Maps float `[N, before]` to float32 `[N, after]`."""
        gain = _GAIN if self.activated else 1.0
        with full_precision(x):
            scale = gain * self.lr / math.sqrt(self.weight.shape[1])
            # Scaling the few rows of x is cheaper than scaling the weights; a gain passes through a leaky ReLU.
            x = F.linear(x.to(self.weight.dtype) * scale, self.weight, self.bias * (self.lr * gain))
        return F.leaky_relu_(x, SLOPE) if self.activated else x


class Mapping(nn.Module):
    """z and labels -> w: both normalized, then fully connected layers.

    Args:
        z_dim: Length of z, 0 for a mapping of labels alone.
        num_values: Length of the labels' one-hot vectors, 0 for none.
        w_dim: Length of w.
        num_layers: Number of layers.
        lr: Their learning rate relative to that of other layers.
        averages: Whether a moving average of w is kept.
    """

    w_avg: Tensor

    def __init__(self, z_dim: int, num_values: int, w_dim: int, num_layers: int, lr: float, averages: bool):
        super().__init__()
        self.averages = averages
        if num_values:
            self.embed = FullyConnected(num_values, w_dim)
        sizes = [z_dim + (w_dim if num_values else 0)] + [w_dim] * num_layers
        self.num_layers = num_layers
        for i in range(num_layers):
            self.add_module(f"fc{i}", FullyConnected(sizes[i], sizes[i + 1], lr=lr, activated=True))
        if averages:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor | None, one_hot: Tensor | None) -> Tensor:
        """Maps z, float `[N, z_dim]`, and labels, float `[N, num_values]`, to w, float32 `[N, w_dim]`.

        In train mode the average moves towards the mean of the batch.
        """
        parts = [] if z is None else [normalized(z)]
        if one_hot is not None:
            parts.append(normalized(self.embed(one_hot)))
        w = torch.cat(parts, 1)
        for i in range(self.num_layers):
            w = self.get_submodule(f"fc{i}")(w)
        if self.averages and self.training:
            with torch.no_grad():
                self.w_avg.lerp_(w.detach().mean(0).to(self.w_avg.dtype), 1 - _W_AVG_DECAY)
        return w


class StyledConvolution(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        w_dim: Length of w.
        side: Height and width of the output.
        up: Whether the side doubles.
    """

    noise_const: Tensor

    def __init__(self, before: int, after: int, w_dim: int, side: int, up: bool):
        super().__init__()
        self.side, self.up = side, up
        self._frozen: tuple[Tensor, tuple[object, ...], Kernel] | None = None
        self.affine = FullyConnected(w_dim, before, bias=1.0)
        self.weight = nn.Parameter(torch.randn(after, before, 3, 3))
        self.bias = nn.Parameter(torch.zeros(after))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(side, side))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None, gain: float = 1.0) -> Tensor:
        """Maps float `[N, before, H, W]`, with w, float `[N, w_dim]`, to `[N, after, side, side]`.

        Args:
            x: The map.
            w: The style.
            noise: float32 `[N or 1, 1, side, side]`, or None.
            gain: Of the output.
        """
        gain *= _GAIN
        x = modulated_convolution(x, self._kernel(x), self.affine(w), self.bias, gain, self.up)
        if noise is not None:
            x = x.add_((noise * (self.noise_strength * gain)).to(x.dtype))
        return F.leaky_relu_(x, SLOPE)

    def _kernel(self, x: Tensor) -> Kernel:
        weight = self.weight
        if weight.requires_grad or torch.is_grad_enabled() or is_traced() or weight.is_inference():
            return kernel_of(weight)
        # A change in place counts the version up; a move to another device or type changes the address.
        key = (weight._version, weight.data_ptr(), weight.device, compute_dtype(x))
        if self._frozen is None or self._frozen[0] is not weight or self._frozen[1] != key:
            self._frozen = (weight, key, frozen_kernel(weight.detach(), self.up, compute_dtype(x)))
        return self._frozen[2]


class ToRgb(nn.Module):
    """Modulated 1x1 convolution to a picture, not demodulated.

    Args:
        before: Channels of the input.
        w_dim: Length of w.
    """

    def __init__(self, before: int, w_dim: int):
        super().__init__()
        self.affine = FullyConnected(w_dim, before, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, before, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Maps float `[N, before, H, W]`, with w, float `[N, w_dim]`, to float32 `[N, 3, H, W]`."""
        kernels = self.weight.flatten(1) * (self.affine(w) / math.sqrt(self.weight.shape[1]))[:, None]
        if x.is_contiguous(memory_format=torch.channels_last):
            rows = x.permute(0, 2, 3, 1).flatten(1, 2) @ kernels.to(x.dtype).transpose(1, 2)
            pixels = rows.transpose(1, 2)
        else:
            pixels = kernels.to(x.dtype) @ x.flatten(2)
        return pixels.unflatten(2, x.shape[2:]).to(self.bias.dtype) + self.bias[:, None, None]


class Convolution(nn.Module):
    """Convolution, and where `activated`, bias and leaky ReLU.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        size: Side of the kernel.
        activated: Without it there is no bias either.
        resample: `up` doubles the side (with a kernel of 1), `down` halves it, both with the filter.
    """

    def __init__(self, before: int, after: int, size: int, *, activated: bool = True, resample: str = "none"):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, size, size))
        self.bias = nn.Parameter(torch.zeros(after)) if activated else None
        self.resample = resample

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """Maps float `[N, before, H, W]` to `[N, after, H, W]`, the side doubled or halved, times `gain`."""
        gain *= 1.0 if self.bias is None else _GAIN
        size = self.weight.shape[2]
        # A positive gain passes through the leaky ReLU: weights and biases are smaller than maps.
        weight = self.weight * (gain / math.sqrt(self.weight[0].numel()))
        bias = None if self.bias is None else self.bias * gain
        if self.resample == "up":
            x = upsample(F.conv2d(x, weight, bias))
        elif self.resample == "down" and size == 1:
            x = F.conv2d(downsample(x), weight, bias)
        elif self.resample == "down":
            x = convolve_down(x, weight, bias)
        else:
            x = F.conv2d(x, weight, bias, padding=size // 2)
        return x if bias is None else F.leaky_relu_(x, SLOPE)
