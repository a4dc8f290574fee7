"""Resampling with a filter and modulated convolution, in plain torch: on any device, exportable, twice differentiable.

Paper: Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and Improving the Image Quality of StyleGAN",
CVPR 2020, sections 2.2 (modulation and demodulation) and B (filters). Written from this description. Modulation scales
the input and demodulation the output of one plain convolution: the samples of a batch share the weights.

Convolutions are fastest on maps in the channels_last format, which all functions here keep.

The filter is the outer product of (1, 3, 3, 1) / 8 with itself. Outside of a map there are zeros.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

_TAPS = (0.125, 0.375, 0.375, 0.125)
SLOPE = 0.2  # of the leaky ReLU
_TINY = 1e-8

Map = Callable[[Tensor], Tensor]


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Returns a context in which nothing is rounded to bfloat16, whatever is around it."""
    # Opened only where it matters: an exporter has no word for it.
    return torch.autocast(x.device.type, enabled=False) if _is_autocast(x) else nullcontext()


def is_traced() -> bool:
    """Returns whether a graph is being recorded, which has to hold for all batch sizes."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def compute_dtype(x: Tensor) -> torch.dtype:
    """Returns the type in which a convolution of x computes here."""
    return torch.get_autocast_dtype(x.device.type) if _is_autocast(x) else x.dtype


def _is_autocast(x: Tensor) -> bool:
    # torch knows no autocast of the meta device, not even that it is off.
    return not x.is_meta and torch.is_autocast_enabled(x.device.type)


class _Linear(torch.autograd.Function):
    """A linear function of a map and its adjoint, each the derivative of the other.

    Torch derives the same from a depthwise convolution, several times slower on a processor.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Map, adjoint: Map) -> Tensor:
        ctx.function, ctx.adjoint = function, adjoint
        return function(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return _apply(grads[0], ctx.adjoint, ctx.function), None, None


def _apply(x: Tensor, function: Map, adjoint: Map) -> Tensor:
    if x.requires_grad and torch.is_grad_enabled() and not is_traced():
        return cast(Tensor, _Linear.apply(x, function, adjoint))
    return function(x)


def _filter(x: Tensor, padding: int, gain: float, stride: int = 1, bias: Tensor | None = None) -> Tensor:
    channels = x.shape[1]
    taps = x.new_tensor(_TAPS)
    kernel = (taps[:, None] * taps * gain).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, bias, stride, padding, groups=channels)


def _enlarge(x: Tensor, gain: float) -> Tensor:
    # Within a frame of zeros that is what bilinear interpolation computes: pixels of weights 1/4 and 3/4.
    x = F.pad(x if gain == 1 else x * gain, (1, 1, 1, 1))
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Filters each channel of x, float `[N, C, H, W]`, with zeros of width `padding`, 1 or 2, around it.

    Returns:
        float `[N, C, H + 2 padding - 3, W + 2 padding - 3]`, times `gain`.
    """
    return _apply(x, lambda t: _filter(t, padding, gain), lambda t: _filter(t, 3 - padding, gain))


def upsample(x: Tensor) -> Tensor:
    """Doubles the side of x, float `[N, C, H, W]`: a zero after each pixel and each row, then the filter times 4.

    Returns:
        float `[N, C, 2H, 2W]`.
    """
    return _apply(x, lambda t: _enlarge(t, 1.0), lambda t: _filter(t, 1, 4.0, 2))


def downsample(x: Tensor) -> Tensor:
    """Halves the side of x, float `[N, C, H, W]`: the filter, then every second pixel.

    Returns:
        float `[N, C, H / 2, W / 2]`.
    """
    return _apply(x, lambda t: _filter(t, 1, 1.0, 2), lambda t: _enlarge(t, 0.25))


def convolve_up(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Doubles the side of x, float `[N, C, H, W]`: transposed 3x3 convolution by 2, then the filter times 4.

    Args:
        x: The map.
        weight: float `[K, C, 3, 3]`.
        bias: float `[K]`.

    Returns:
        float `[N, K, 2H, 2W]`.
    """
    if torch.is_grad_enabled() or is_traced():
        x = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, 4.0)
        return x if bias is None else x + bias[:, None, None]
    # Halves, so that the filter finds them in the cache.
    kernels, biases = weight.chunk(2), (None, None) if bias is None else bias.chunk(2)
    wide = (F.conv_transpose2d(x, kernel.transpose(0, 1), stride=2) for kernel in kernels)
    return torch.cat([_filter(half, 1, 4.0, bias=b) for half, b in zip(wide, biases, strict=False)], 1)


def convolve_down(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Halves the side of x, float `[N, C, H, W]`: the filter, then a 3x3 convolution by 2.

    Args:
        x: The map.
        weight: float `[K, C, 3, 3]`.
        bias: float `[K]`.

    Returns:
        float `[N, K, H / 2, W / 2]`.
    """
    return F.conv2d(blur(x, 2), weight, bias, stride=2)


class Kernel(NamedTuple):
    """The weights of a modulated convolution and what is computed from them alone.

    Attributes:
        weight: float32 `[K, C, 3, 3]`.
        squares: float32 `[K, C]`, their squares, summed over each 3x3.
        ready: The weights as the convolution wants them.
    """

    weight: Tensor
    squares: Tensor
    ready: Tensor


def kernel_of(weight: Tensor) -> Kernel:
    """Returns the kernel of weights that may be trained, float32 `[K, C, 3, 3]`."""
    with full_precision(weight):
        # A product with ones is the fastest sum over so few numbers.
        squares = weight.square().flatten(2) @ weight.new_ones(weight[0, 0].numel())
    return Kernel(weight, squares, weight)


def frozen_kernel(weight: Tensor, up: bool, dtype: torch.dtype) -> Kernel:
    """As `kernel_of`, to be used many times, of maps of type `dtype`."""
    # A transposed convolution reads the plain layout faster.
    layout = torch.preserve_format if up else torch.channels_last
    return kernel_of(weight)._replace(ready=weight.to(dtype, memory_format=layout))


def modulated_convolution(
    x: Tensor, kernel: Kernel, styles: Tensor, bias: Tensor, gain: float = 1.0, up: bool = False
) -> Tensor:
    """Convolves x, each input channel of each sample scaled by its style, and demodulates (equations 1 and 3).

    Args:
        x: float `[N, C, H, W]`.
        kernel: Of `K` outputs.
        styles: float32 `[N, C]`.
        bias: float32 `[K]`.
        gain: Of the result, `bias` included.
        up: Whether the side doubles, as in `convolve_up`.

    Returns:
        float `[N, K, H, W]` or `[N, K, 2H, 2W]`.
    """
    with full_precision(x):
        factors = torch.rsqrt(styles.square() @ kernel.squares.T + _TINY) * gain
        bias = bias * gain
    if _folds(x, kernel.weight):
        weight = (kernel.weight * styles.T[:, :, None] * factors.T[:, :, None, None]).to(compute_dtype(x))
        return convolve_up(x, weight, bias) if up else F.conv2d(x, weight, bias, padding=1)
    x = x * styles.to(x.dtype)[:, :, None, None]
    x = convolve_up(x, kernel.ready) if up else F.conv2d(x, kernel.ready, padding=1)
    return torch.addcmul(bias.to(x.dtype)[:, None, None], x, factors.to(x.dtype)[:, :, None, None])


def _folds(x: Tensor, weight: Tensor) -> bool:
    """Returns whether the scales are better put into the weights, of a single sample whose map is larger than they.

    With a gradient it would be that of the weights, which costs a convolution more.
    """
    if torch.is_grad_enabled() or is_traced():
        return False
    return x.shape[0] == 1 and x.shape[2] * x.shape[3] > 8 * weight.shape[0]


def normalized(x: Tensor) -> Tensor:
    """Scales each row of x, float32 `[N, C]`, to a mean square of 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + _TINY)
