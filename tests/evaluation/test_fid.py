import numpy as np
import pytest
import scipy.linalg
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from sakuga.evaluation.fid import Gaussian, frechet_distance, gaussian_of


def features(count, size, seed):
    random = np.random.RandomState(seed)
    return (random.randn(count, size) @ random.randn(size, size) + random.randn(size)).astype(np.float32)


@pytest.mark.parametrize(("count", "size"), [(200, 16), (20, 48)])
def test_agrees_with_scipy_also_where_covariances_are_singular(count, size):
    a, b = gaussian_of(features(count, size, 0)), gaussian_of(features(count, size, 1))
    # sqrtm cannot do singular matrices: a tiny diagonal, on both sides of the comparison, makes it work.
    jitter = 1e-9 * np.eye(size)
    root = scipy.linalg.sqrtm((a.covariance + jitter) @ (b.covariance + jitter))
    difference = a.mean - b.mean
    expected = difference @ difference + np.trace(a.covariance + b.covariance - 2 * np.real(root))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


def test_agrees_with_torchmetrics():
    class Flat(torch.nn.Module):
        num_features = 12

        def forward(self, images):
            return images.float().flatten(1)

    pixels = torch.randint(0, 256, (2, 100, 3, 2, 2), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    oracle = FrechetInceptionDistance(feature=Flat(), input_img_size=(3, 2, 2)).set_dtype(torch.float64)
    oracle.update(pixels[0], real=True)
    oracle.update(pixels[1] // 2, real=False)
    ours = frechet_distance(*(gaussian_of(x.flatten(1).numpy()) for x in (pixels[0], pixels[1] // 2)))
    assert ours == pytest.approx(float(oracle.compute()), rel=1e-5)


def test_known_values():
    unit, wide = Gaussian(np.zeros(3), np.eye(3)), Gaussian(np.array([3.0, 0, 4]), 4 * np.eye(3))
    assert frechet_distance(unit, wide) == pytest.approx(25 + 3)
    assert frechet_distance(wide, unit) == pytest.approx(28)
    assert frechet_distance(wide, wide) == pytest.approx(0, abs=1e-9)


def test_gaussian_is_numpys():
    x = features(50, 7, 2)
    np.testing.assert_allclose(gaussian_of(x).covariance, np.cov(x.astype(np.float64), rowvar=False))
    with pytest.raises(ValueError, match="at least 2"):
        gaussian_of(x[:1])
