import contextlib
import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sakuga.configs.labels import LabelSchema
from sakuga.configs.models import DcganDiscriminatorConfig, SnganDiscriminatorConfig
from sakuga.core.second_order import SlopeOfInput
from sakuga.models.registry import build


def gradients(network: nn.Module, images: Tensor, within: Callable) -> list[Tensor]:
    """Returns the gradients by the parameters of a function of the slope, and of the output, at some pictures."""
    at = images.clone().requires_grad_()
    with within():
        out = network(at)
        out = out.logits if isinstance(out, tuple) else out
        (slope,) = torch.autograd.grad(out.sum(), at, create_graph=True)
    value = (slope.flatten(1).norm(dim=1) - 1).square().mean() + out.square().mean()
    return list(torch.autograd.grad(value, list(network.parameters()), materialize_grads=True))


def both(network: nn.Module, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    network.eval()  # keeps the state of norms where it is
    return gradients(network, images, contextlib.nullcontext), gradients(network, images, SlopeOfInput)


NETWORKS = {
    "strides": lambda: nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(6, 1, 3)),
    "even": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.LeakyReLU(0.3), nn.Conv2d(4, 2, (1, 3), padding=(0, 1))),
    "groups": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3, groups=3, dilation=2), nn.ReLU(), nn.Conv2d(6, 2, 1, bias=False)
    ),
    "norm": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(1, 4), nn.LeakyReLU(0.2), nn.Conv2d(4, 2, 3)),
    "smooth": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.Tanh(), nn.Conv2d(4, 2, 3)),
    "spectral": lambda: nn.Sequential(spectral_norm(nn.Conv2d(3, 4, 3)), nn.ReLU(True), nn.Conv2d(4, 1, 3)),
    "linear": lambda: nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_plain_autograd(name: str) -> None:
    torch.manual_seed(0)
    network, images = NETWORKS[name](), torch.randn(3, 3, 9, 9)
    network(images)  # lazy layers
    plain, ours = both(network.double(), images.double())
    assert any(g.abs().max() > 0 for g in plain)
    for a, b in zip(plain, ours, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("norm", ["none", "layer", "batch", "spectral"])
def test_gradients_of_a_dcgan_are_those_of_plain_autograd(norm: str) -> None:
    torch.manual_seed(0)
    network = build(DcganDiscriminatorConfig(resolution=32, channels=4, norm=norm), LabelSchema()).double()
    for a, b in zip(*both(network, torch.randn(2, 3, 32, 32, dtype=torch.float64)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_gradients_of_a_residual_network_are_those_of_plain_autograd() -> None:
    torch.manual_seed(0)
    network = build(SnganDiscriminatorConfig(resolution=32, channels=4, norm="none"), LabelSchema())
    for a, b in zip(*both(network, torch.randn(2, 3, 32, 32)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_no_zeros_are_carried_back_through_a_piecewise_linear_network() -> None:
    """The slope of such a network does not change with its input: its first layer's own input has no part in it."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))
    at = torch.randn(2, 3, 9, 9, requires_grad=True)
    with SlopeOfInput():
        (slope,) = torch.autograd.grad(network(at).sum(), at, create_graph=True)
    bias = network[0].bias
    assert torch.autograd.grad(slope.square().sum(), [network[0].weight, bias], allow_unused=True)[1] is None


def test_autocast_and_all_outside_are_left_alone() -> None:
    image, weight = torch.randn(1, 3, 5, 5), torch.randn(2, 3, 3, 3, requires_grad=True)
    with SlopeOfInput(), torch.autocast("cpu", torch.bfloat16):
        made = F.conv2d(image, weight)
    assert made.dtype == torch.bfloat16
    assert "_Convolution" not in type(made.grad_fn).__name__
    with SlopeOfInput():
        assert "_Convolution" in type(F.conv2d(image, weight).grad_fn).__name__
    assert "_Convolution" not in type(F.conv2d(image, weight).grad_fn).__name__


def test_a_slope_taken_in_another_thread_drops_no_gradient() -> None:
    torch.manual_seed(0)
    network, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3)), torch.randn(2, 3, 9, 9)
    alone = gradients(network, images, SlopeOfInput)
    is_inside, may_leave = threading.Event(), threading.Event()

    def stay_inside() -> None:
        with SlopeOfInput():
            is_inside.set()
            may_leave.wait(30)

    other = threading.Thread(target=stay_inside)
    other.start()
    try:
        assert is_inside.wait(30)
        beside = gradients(network, images, SlopeOfInput)
    finally:
        may_leave.set()
        other.join()
    for a, b in zip(alone, beside, strict=True):
        assert torch.equal(a, b)
