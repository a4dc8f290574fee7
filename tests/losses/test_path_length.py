"""Path lengths against a Jacobian that is known."""

import torch

from sakuga.losses.path_length import path_lengths


def test_a_linear_map_moves_pictures_by_its_transpose() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(2, 5, 3 * 4 * 4, dtype=torch.float64)  # layer, w, pixels
    ws = torch.randn(7, 2, 5, dtype=torch.float64, requires_grad=True)
    images = torch.einsum("nlw,lwp->np", ws, matrix).reshape(7, 3, 4, 4)
    torch.manual_seed(1)
    lengths = path_lengths(images, ws)
    torch.manual_seed(1)
    noise = torch.randn(7, 48, dtype=torch.float64) / 4
    slope = torch.einsum("np,lwp->nlw", noise, matrix)
    torch.testing.assert_close(lengths, slope.square().sum(2).mean(1).sqrt())


def test_lengths_can_be_learned_from() -> None:
    gain = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    ws = torch.ones(1, 1, 1, dtype=torch.float64, requires_grad=True)
    images = (gain * ws).expand(1, 3, 1).reshape(1, 3, 1, 1)
    torch.manual_seed(0)
    lengths = path_lengths(images, ws)
    (slope,) = torch.autograd.grad(lengths.sum(), gain)
    torch.testing.assert_close(slope, (lengths / gain).sum())
