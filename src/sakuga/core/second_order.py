"""Gradients of gradients of convolutional networks at no more than their arithmetic costs.

torch makes the weights' part of a convolution's second derivative by a convolution of the transposed maps, which is far
slower than the kernel it has for weights, and carries a tensor of zeros back through the whole network for the second
derivative of a (leaky) ReLU, which is zero. Here both are spared; what comes out differs by rounding alone.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_Options = tuple[list[int], list[int], list[int], int]  # stride, padding, dilation, groups


class SlopeOfInput(TorchFunctionMode):
    """Inside it the slope of a network's output at its input is taken, to be differentiated again by the weights.

    Both the network's call and `torch.autograd.grad(..., create_graph=True)` belong inside, and only gradients of what
    a convolution's weight does not depend on may be asked for there: those of the weights are left out.

    Attributes:
        active: Whether the slope is being taken: a function's backward is not told which gradients are asked for.
    """

    active = False

    def __enter__(self) -> "SlopeOfInput":
        self.active = True
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        self.active = False
        super().__exit__(*error)

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.conv2d and _is_plain(args[0]):
            return _convolution(self, *args, **kwargs)
        if func in (F.leaky_relu, F.relu, torch.relu) and _is_plain(args[0]):
            slope = (*args[1:2], kwargs.get("negative_slope", 0.01))[0] if func is F.leaky_relu else 0.0
            return _Rectified.apply(args[0], slope)
        return func(*args, **kwargs)


def _convolution(
    mode: SlopeOfInput,
    image: Tensor,
    weight: Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    *rest: Any,
    **named: Any,
) -> Tensor:
    """As `torch.conv2d`, within a mode."""
    if image.dim() != 4 or isinstance(padding, str):
        return F.conv2d(image, weight, bias, stride, padding, *rest, **named)
    dilation, groups = _last(*rest, **named)
    return _Convolution.apply(image, weight, bias, (_two(stride), _two(padding), _two(dilation), groups), mode)


class _Convolution(Function):
    @staticmethod
    def forward(
        ctx: Any, image: Tensor, weight: Tensor, bias: Tensor | None, options: _Options, mode: SlopeOfInput
    ) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(image, weight)
        ctx.options, ctx.mode = options, mode
        return F.conv2d(image, weight, bias, *options)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (grad,) = grads
        if grad is None:
            return None, None, None, None, None
        image, weight = ctx.saved_tensors
        of_image = _GradientOfImage.apply(grad, weight, image, ctx.options) if ctx.needs_input_grad[0] else None
        if ctx.mode.active:
            return of_image, None, None, None, None
        of_weight = _of_weight(grad, image, weight, ctx.options) if ctx.needs_input_grad[1] else None
        of_bias = grad.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        return of_image, of_weight, of_bias, None, None


class _GradientOfImage(Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, weight: Tensor, image: Tensor, options: _Options) -> Tensor:
        ctx.save_for_backward(grad, weight)
        ctx.options = options
        return _backward(grad, image, weight, options, (True, False, False))[0]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        # The gradient of the image is linear in `grad` and in `weight`.
        grad, weight = ctx.saved_tensors
        of_grad = F.conv2d(grads[0], weight, None, *ctx.options) if ctx.needs_input_grad[0] else None
        of_weight = _of_weight(grad, grads[0], weight, ctx.options) if ctx.needs_input_grad[1] else None
        return of_grad, of_weight, None, None


class _Rectified(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.set_materialize_grads(False)
        y = F.leaky_relu(x, slope) if slope else torch.relu(x)
        ctx.save_for_backward(y)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None if grads[0] is None else _RectifiedGradient.apply(grads[0], *ctx.saved_tensors, ctx.slope)), None


class _RectifiedGradient(Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, y: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(y.detach())
        ctx.slope = slope
        return torch.ops.aten.leaky_relu_backward(grad, y, slope, False)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _RectifiedGradient.apply(grads[0], *ctx.saved_tensors, ctx.slope), None, None


def _of_weight(grad: Tensor, image: Tensor, weight: Tensor, options: _Options) -> Tensor:
    return _backward(grad, image, weight, options, (False, True, False))[1]


def _backward(grad: Tensor, image: Tensor, weight: Tensor, options: _Options, wanted: tuple[bool, bool, bool]) -> Any:
    stride, padding, dilation, groups = options
    return torch.ops.aten.convolution_backward(
        grad, image, weight, None, stride, padding, dilation, False, [0, 0], groups, wanted
    )


def _is_plain(x: Tensor) -> bool:
    """Tells whether x is what will be computed with: no autocast between the two."""
    return not torch.is_autocast_enabled(x.device.type)


def _last(dilation: Any = 1, groups: int = 1) -> tuple[Any, int]:
    return dilation, groups


def _two(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
