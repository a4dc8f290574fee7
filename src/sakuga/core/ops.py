"""Resampling with a filter and modulated convolution, in plain torch: on any device, exportable, twice differentiable.

Paper: Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and Improving the Image Quality of StyleGAN",
CVPR 2020, sections 2.2 (modulation and demodulation) and B (filters). Written from this description. Modulation scales
the input and demodulation the output of one plain convolution: the samples of a batch share the weights.

The filter is the outer product of (1, 3, 3, 1) / 8 with itself. Outside of a map there are zeros.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

_TAPS = (0.125, 0.375, 0.375, 0.125)
SLOPE = 0.2  # of the leaky ReLU
_TINY = 1e-8


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Returns a context in which nothing is rounded to bfloat16, whatever is around it."""
    kind = x.device.type
    # Opened only where it matters: an exporter has no word for it.
    return torch.autocast(kind, enabled=False) if kind != "meta" and torch.is_autocast_enabled(kind) else nullcontext()


def blur(x: Tensor, padding: int, gain: float = 1.0, stride: int = 1) -> Tensor:
    """Filters each channel of x, float `[N, C, H, W]`, with zeros of width `padding` around it.

    Returns:
        float `[N, C, (H + 2 padding - 4) // stride + 1, (W + 2 padding - 4) // stride + 1]`, times `gain`.
    """
    channels = x.shape[1]
    taps = x.new_tensor(_TAPS)
    kernel = (taps[:, None] * taps * gain).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, stride=stride, padding=padding, groups=channels)


def upsample(x: Tensor) -> Tensor:
    """Doubles the side of x, float `[N, C, H, W]`: a zero after each pixel and each row, then the filter times 4.

    Returns:
        float `[N, C, 2H, 2W]`.
    """
    # Within a frame of zeros that is what bilinear interpolation computes: pixels of weights 1/4 and 3/4.
    framed = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)
    return framed[:, :, 2:-2, 2:-2]


def downsample(x: Tensor) -> Tensor:
    """Halves the side of x, float `[N, C, H, W]`: the filter, then every second pixel.

    Returns:
        float `[N, C, H / 2, W / 2]`.
    """
    return blur(x, 1, stride=2)


def convolve_up(x: Tensor, weight: Tensor) -> Tensor:
    """Doubles the side of x, float `[N, C, H, W]`: transposed 3x3 convolution by 2, then the filter times 4.

    Args:
        x: The map.
        weight: float `[K, C, 3, 3]`.

    Returns:
        float `[N, K, 2H, 2W]`.
    """
    return blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, 4.0)


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


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Returns what makes the outputs of a modulated convolution of unit variance (equation 3 of the paper).

    Args:
        weight: float32 `[K, C, 3, 3]`.
        styles: float32 `[N, C]`.

    Returns:
        float32 `[N, K]`.
    """
    return torch.rsqrt(styles.square() @ weight.square().sum((2, 3)).T + _TINY)


def modulated_convolution(x: Tensor, weight: Tensor, styles: Tensor, up: bool = False) -> Tensor:
    """Convolves x with `weight`, each input channel of each sample scaled by its style (equation 1 of the paper).

    Args:
        x: float `[N, C, H, W]`.
        weight: float32 `[K, C, 3, 3]`.
        styles: float32 `[N, C]`.
        up: Whether the side doubles, as in `convolve_up`.

    Returns:
        float `[N, K, H, W]` or `[N, K, 2H, 2W]`, not yet demodulated.
    """
    scaled = x * styles.to(x.dtype)[:, :, None, None]
    return convolve_up(scaled, weight) if up else F.conv2d(scaled, weight, padding=1)


def normalized(x: Tensor) -> Tensor:
    """Scales each row of x, float32 `[N, C]`, to a mean square of 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + _TINY)
