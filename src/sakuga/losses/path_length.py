"""Path length regularization of G (Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020)."""

import math

import torch
from torch import Tensor


def path_lengths(images: Tensor, ws: Tensor) -> Tensor:
    """Returns how far pictures move with w: |J^T y| of section 3.2, equation 4, y normal noise.

    Args:
        images: float32 `[N, 3, H, W]`, made from `ws` with their graph.
        ws: float32 `[N, num_ws, w_dim]`, which require gradients.

    Returns:
        float32 `[N]`, the root of the mean over layers of the squared length, with a graph of its own. The noise is
        divided by sqrt(H W), so that lengths do not depend on the size; it is drawn from torch's global generator.
    """
    noise = torch.randn_like(images) / math.sqrt(images.shape[2] * images.shape[3])
    (slope,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
    return slope.square().sum(2).mean(1).sqrt()
