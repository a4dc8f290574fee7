"""The mean of w and the way towards it: pictures that are nearer the usual and less often broken."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sakuga.configs.labels import UNKNOWN
from sakuga.configs.sampling import Sampling
from sakuga.core.errors import UserError
from sakuga.core.random import generator

if TYPE_CHECKING:
    from sakuga.generation.network import LoadedNetworks

MEAN_OF = 4096
"""How many z a mean is taken over."""


def truncated(ws: Tensor, mean: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
    """Returns `mean + psi (w - mean)` (Karras et al. 2019, appendix B).

    Args:
        ws: float `[N, num_ws, w_dim]`.
        mean: float `[N or 1, w_dim]`.
        psi: 1 leaves w as it is, 0 makes it the mean, less than 0 its opposite.
        cutoff: How many layers are truncated, from the coarsest; all if None.
    """
    near = torch.lerp(mean[:, None].to(ws), ws[:, :cutoff], psi)
    return near if cutoff is None else torch.cat([near, ws[:, cutoff:]], 1)


def mean_w(model: "LoadedNetworks", labels: np.ndarray | None = None) -> Tensor:
    """Returns the mean of w, of all pictures or of those with given labels.

    The network's own moving average where it keeps one and no labels are asked for, else the mean over 4,096 z of a
    fixed stream, with labels as frequent as in the training data if none are given.

    Args:
        model: Any model.
        labels: int64 `[M, num_attributes]`; None, or -1 in a row: of all pictures.

    Returns:
        float32 `[M, w_dim]`; M is 1 without labels.
    """
    rows = [()] if labels is None else [() if UNKNOWN in row else tuple(row) for row in labels.tolist()]
    for row in set(rows) - model.means_of_w.keys():
        own = np.tile(np.array(row, np.int64), (MEAN_OF, 1))
        model.means_of_w[row] = _mean_over(model, own) if row else _mean_of_all(model)
    return torch.cat([model.means_of_w[row] for row in rows])


def check_sampling(model: "LoadedNetworks", sampling: Sampling) -> None:
    """Refuses what a model has no layers or no noise for.

    Raises:
        UserError: If the cutoff counts more layers than there are, or noise is chosen for a model without.
    """
    layers = model.generator.num_ws
    if sampling.cutoff is not None and sampling.cutoff > layers:
        last = "1, or leave it out" if layers == 1 else f"1 to {layers}"
        raise UserError(f"{model.name} has no layer {sampling.cutoff} to cut off at: choose {last}.")
    if sampling.noise != "const":
        check_noise(model)


def check_noise(model: "LoadedNetworks") -> None:
    """Refuses a model without noise.

    Raises:
        UserError: If it has none.
    """
    if not model.generator.noise_shapes:
        raise UserError(f"{model.name} has no noise in its layers: take a StyleGAN2, or leave noise as it is.")


def _mean_of_all(model: "LoadedNetworks") -> Tensor:
    if model.generator.w_avg is not None:
        return model.generator.w_avg.float()[None]
    return _mean_over(model, model.labels_of(range(MEAN_OF)))


def _mean_over(model: "LoadedNetworks", labels: np.ndarray) -> Tensor:
    latent = model.header.latent
    z = torch.randn(MEAN_OF, model.z_dim, generator=generator("mean of w")).numpy() * latent.sigma + latent.mean
    w = model.ws_of(z.astype(np.float32), labels)[:, 0]
    return w.cpu().double().mean(0, keepdim=True).float().to(w)
