"""Against the formulas, written out in float64."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, correlate2d
from torch.nn import functional as F

from sakuga.core.ops import (
    blur,
    convolve_down,
    convolve_up,
    downsample,
    frozen_kernel,
    full_precision,
    kernel_of,
    modulated_convolution,
    normalized,
    upsample,
)

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def random(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def spread(plane: np.ndarray) -> np.ndarray:
    """Puts a zero after each pixel and each row."""
    out = np.zeros((2 * plane.shape[0], 2 * plane.shape[1]))
    out[::2, ::2] = plane
    return out


def each_plane(x: torch.Tensor, change) -> torch.Tensor:
    return torch.from_numpy(np.array([[change(plane) for plane in sample] for sample in x.numpy()]))


def summed(x: torch.Tensor, weight: torch.Tensor, convolve) -> torch.Tensor:
    """Sums `convolve(plane, kernel)` over the input channels of each output channel."""
    out = [[sum(map(convolve, sample, kernels)) for kernels in weight.numpy()] for sample in x.numpy()]
    return torch.from_numpy(np.array(out))


def close(out: torch.Tensor, expected: torch.Tensor) -> None:
    assert out.dtype == torch.float64
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 5, 8, 6), (3, 2, 1, 1)])
def test_upsampling_is_zeros_and_the_filter(shape):
    x = random(*shape)
    close(upsample(x), each_plane(x, lambda p: correlate2d(np.pad(spread(p), (2, 1)), 4 * FILTER, "valid")))


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 5, 8, 6)])
def test_downsampling_is_the_filter_and_every_second_pixel(shape):
    x = random(*shape)
    close(downsample(x), each_plane(x, lambda p: correlate2d(np.pad(p, 1), FILTER, "valid")[::2, ::2]))
    close(blur(x, 2, 3.0), each_plane(x, lambda p: correlate2d(np.pad(p, 2), 3 * FILTER, "valid")))


@pytest.mark.parametrize(("channels", "outputs", "side"), [(3, 2, 4), (2, 40, 8), (1, 1, 5)])
def test_convolving_up_is_zeros_convolution_and_filter(channels, outputs, side):
    x, weight = random(2, channels, side, side), random(outputs, channels, 3, 3)
    wide = summed(x, weight, lambda plane, kernel: convolve2d(spread(plane)[:-1, :-1], kernel))
    close(convolve_up(x, weight), each_plane(wide, lambda p: correlate2d(np.pad(p, 1), 4 * FILTER, "valid")))


@pytest.mark.parametrize(("channels", "outputs", "side"), [(3, 2, 4), (2, 40, 8)])
def test_convolving_down_is_filter_and_convolution(channels, outputs, side):
    x, weight, bias = random(2, channels, side, side), random(outputs, channels, 3, 3), random(outputs)
    smooth = each_plane(x, lambda p: correlate2d(np.pad(p, 2), FILTER, "valid"))
    expected = summed(smooth, weight, lambda plane, kernel: correlate2d(plane, kernel, "valid")[::2, ::2])
    close(convolve_down(x, weight, bias), expected + bias[:, None, None])


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("grad", [False, True])
def test_modulation_is_a_kernel_for_each_sample(up, count, grad):
    x, weight, styles, bias = random(count, 4, 6, 6), random(5, 4, 3, 3), random(count, 4), random(5)
    kernels = weight * styles[:, None, :, None, None]
    kernels = kernels / (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    convolve = convolve_up if up else lambda plane, kernel: F.conv2d(plane, kernel, padding=1)
    expected = torch.cat([convolve(x[i : i + 1], kernels[i]) for i in range(count)]) + bias[:, None, None]
    with torch.set_grad_enabled(grad):
        for kernel in (kernel_of(weight), frozen_kernel(weight, up, torch.float64)):
            close(modulated_convolution(x, kernel, styles, bias, 1.5, up), 1.5 * expected)


def test_normalized_rows_have_a_mean_square_of_one():
    close(normalized(random(4, 9)).square().mean(1), torch.ones(4, dtype=torch.float64))
    assert not normalized(torch.zeros(1, 3)).any()


@pytest.mark.parametrize(
    "function",
    [
        upsample,
        downsample,
        lambda x: blur(x, 2, 3.0),
        lambda x: convolve_up(x, random(2, 2, 3, 3)),
        lambda x: convolve_down(x, random(2, 2, 3, 3)),
        lambda x: modulated_convolution(x, kernel_of(random(2, 2, 3, 3)), x.mean((2, 3)), random(2), up=True),
    ],
)
def test_derivatives_of_first_and_second_order(function):
    x = random(1, 2, 4, 4).requires_grad_()
    assert torch.autograd.gradcheck(function, (x,))
    assert torch.autograd.gradgradcheck(function, (x,))


def test_full_precision_holds_within_autocast():
    a = torch.randn(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
        with full_precision(a):
            assert (a @ a).dtype == torch.float32
