import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sakuga.evaluation.prdc import prdc


def by_definition(real, fake, k, k_density):
    def radius(x, k):
        return np.sort(cdist(x, x), 1)[:, k]  # column 0 is the vector itself

    between = cdist(real, fake)
    precision = np.mean([(between[:, j] <= radius(real, k)).any() for j in range(len(fake))])
    recall = np.mean([(between[i] <= radius(fake, k)).any() for i in range(len(real))])
    inside = between <= radius(real, k_density)[:, None]
    return precision, recall, inside.sum() / (k_density * len(fake)), inside.any(1).mean()


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_equals_the_definition(shift):
    random = np.random.RandomState(0)
    real, fake = random.randn(60, 4), random.randn(45, 4) + shift
    np.testing.assert_allclose(prdc(real, fake, 3, 5), by_definition(real, fake, 3, 5))


def test_quality_and_variety_are_told_apart():
    random = np.random.RandomState(0)
    real = random.randn(300, 4)
    same, narrow, far = random.randn(300, 4), 0.1 * random.randn(300, 4), random.randn(300, 4) + 20
    assert min(prdc(real, same)) > 0.7
    assert prdc(real, narrow).precision > 0.95
    assert prdc(real, narrow).recall < 0.2
    assert prdc(real, narrow).coverage < 0.3
    assert prdc(real, far) == (0, 0, 0, 0)


def test_too_few_vectors_are_refused():
    with pytest.raises(ValueError, match="5-th nearest neighbor"):
        prdc(np.zeros((5, 2)), np.zeros((9, 2)))
