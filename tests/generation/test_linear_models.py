import numpy as np
import pytest
import torch

from sakuga.generation.linear_models import Whitening, auc, logistic, ridge_regression, without


def _cosine(a, b):
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_logistic_regression_finds_the_normals_and_its_own_minimum():
    random = np.random.RandomState(0)
    x, truth = random.randn(2000, 6), random.randn(3, 6)
    targets = np.eye(3)[(x @ truth.T + random.gumbel(size=(2000, 3))).argmax(1)]
    targets[:100] = 0  # unknown
    weights = logistic(x, targets, 0.01)
    for row, wanted in zip(weights, truth - truth.mean(0), strict=True):
        assert _cosine(row, wanted) > 0.97
    np.testing.assert_allclose(weights.sum(0), 0, atol=1e-6)
    # At the minimum, ridge * weights is the correlation of x with what is unexplained: that of the biases is zero.
    parameters = torch.tensor(weights), torch.tensor(x[100:]), torch.tensor(targets[100:])
    bias = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for _ in range(2000):
        (slope,) = torch.autograd.grad(_loss(*parameters, bias), bias)
        bias = (bias - 2 * slope).detach().requires_grad_(True)
    left = parameters[2] - (parameters[1] @ parameters[0].T + bias).softmax(1)
    np.testing.assert_allclose((left.T @ parameters[1] / 2000).detach().numpy(), 0.01 * weights, atol=1e-6)


def _loss(weights, x, targets, bias):
    return -(targets * (x @ weights.T + bias).log_softmax(1)).sum() / 2000


def test_ridge_regression_by_hand():
    x, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 6.0])
    assert ridge_regression(x, y, 0.0)[0] == pytest.approx(2)
    assert ridge_regression(x, y, 2 / 3)[0] == pytest.approx(4 / 4)  # 2 / 3 of variance, 4 / 3 of covariance
    assert ridge_regression(x + 100, y - 7, 0.0)[0] == pytest.approx(2)


def test_auc_by_hand():
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True])) == 0.75
    assert auc(np.array([1.0, 1.0]), np.array([False, True])) == 0.5
    assert auc(np.array([1.0, 2.0]), np.array([True, True])) is None


def test_what_is_left_is_orthogonal():
    random = np.random.RandomState(1)
    vector, others = random.randn(5), random.randn(2, 5)
    others = np.concatenate([others, others.sum(0, keepdims=True)])  # not independent
    left = without(vector, others)
    np.testing.assert_allclose(others @ left, 0, atol=1e-12)
    np.testing.assert_allclose(without(left, others), left)
    assert np.array_equal(without(vector, np.zeros((0, 5))), vector)


def test_whitening():
    random = np.random.RandomState(2)
    w = random.randn(5000, 4) @ np.diag([10.0, 1.0, 0.1, 0.0]) @ np.linalg.qr(random.randn(4, 4))[0] + 3
    spread = Whitening(w)
    white = spread(w)
    assert white.shape == (5000, 3)  # what does not vary is left out
    np.testing.assert_allclose(np.cov(white.T), np.eye(3), atol=1e-6)
    step = random.randn(3)
    np.testing.assert_allclose(spread(w[:1] + spread.step(step)) - spread(w[:1]), step[None], atol=1e-6)
    direction = spread.step(step)
    assert spread.deviation(direction) == pytest.approx((w @ direction).std(ddof=1) / np.linalg.norm(direction))
    assert spread.deviation(5 * direction) == pytest.approx(spread.deviation(direction))
