"""Linear models of labels: what in w goes with a value. Closed forms and one convex minimum, in float64."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_STEPS = 200


def logistic(x: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """Returns the weights of multinomial logistic regression, which sum to zero over the values.

    The minimum of the mean cross-entropy plus `ridge / 2` times the squares of the weights (the biases are free), by
    L-BFGS from zero: the problem is convex.

    Args:
        x: float `[N, D]`, best of mean 0 and deviation 1.
        targets: How likely each value is, float `[N, K]`; rows of zeros do not count.
        ridge: At least a little above 0, or values that can be told apart without error have no minimum.

    Returns:
        float64 `[K, D]`: row k grows the odds of value k against the others.
    """
    inputs, wanted = _float64(x), _float64(targets)
    parameters = torch.zeros(wanted.shape[1], inputs.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [parameters], max_iter=_STEPS, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        with torch.enable_grad():
            optimizer.zero_grad()
            weights = parameters[:, :-1]
            logits = functional.linear(inputs, weights, parameters[:, -1])
            loss = -(wanted * logits.log_softmax(1)).sum() / len(inputs) + ridge / 2 * weights.square().sum()
            loss.backward()
        return loss.item()

    optimizer.step(closure)
    return parameters.detach()[:, :-1].numpy()


def ridge_regression(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """Returns the weights of ridge regression, float64 `[D]`, of numbers y `[N]` on x `[N, D]`, both made centered.

    They minimize the mean of the squared errors plus `ridge` times the squares of the weights.
    """
    inputs, wanted = (values - values.mean(0) for values in (x.astype(np.float64), y.astype(np.float64)))
    return np.linalg.solve(inputs.T @ inputs + len(inputs) * ridge * np.eye(inputs.shape[1]), inputs.T @ wanted)


def auc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Returns how often a positive scores above a negative, 0.5 for chance, ties counting half (Mann and Whitney 1947).

    Args:
        scores: float `[N]`.
        positive: bool `[N]`.

    Returns:
        None without both kinds.
    """
    count = int(positive.sum())
    if not 0 < count < len(positive):
        return None
    _, inverse, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[inverse]  # the mean rank among equals, from 1
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def without(vector: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the part of a vector `[D]` that is orthogonal to all others `[M, D]`."""
    if not len(others):
        return vector
    _, values, right = np.linalg.svd(others, full_matrices=False)
    basis = right[values > 1e-9 * values.max()]
    return vector - basis.T @ (basis @ vector)


class Whitening:
    """A linear map that gives w mean 0 and covariance 1, and its inverse.

    Models in whitened w see a step by how unusual it is, not by its length: the w of a mapping network vary a hundred
    times as far along some directions as along others. Where w is z the two are the same.

    Args:
        w: float `[N, D]`, of many z.
    """

    def __init__(self, w: np.ndarray):
        self.mean = w.mean(0, dtype=np.float64)
        centered = w.astype(np.float64) - self.mean
        values, vectors = np.linalg.eigh(centered.T @ centered / max(len(w) - 1, 1))
        varies = values > 1e-9 * max(values.max(), 1e-300)
        self._vectors, self._deviations = vectors[:, varies], np.sqrt(values[varies])

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """Returns whitened w, float64 `[N, D']`; D' leaves out what does not vary."""
        return (w - self.mean) @ self._vectors / self._deviations

    def step(self, direction: np.ndarray) -> np.ndarray:
        """Returns the step in w, float64 `[D]`, that a step in whitened w `[D']` is."""
        return self._vectors @ (self._deviations * direction)

    def deviation(self, direction: np.ndarray) -> float:
        """Returns the standard deviation of the projection of w on a direction `[D]`, of any length."""
        projected = direction @ self._vectors * self._deviations
        return float(np.linalg.norm(projected) / max(np.linalg.norm(direction), 1e-300))


def _float64(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float64))
