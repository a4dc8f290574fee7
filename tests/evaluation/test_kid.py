import numpy as np
import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance

from sakuga.evaluation.kid import kernel_distance, squared_mmd


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
def test_agrees_with_torchmetrics():
    class Flat(torch.nn.Module):
        num_features = 12

        def forward(self, images):
            return images.double().flatten(1) / 255

    pixels = torch.randint(0, 256, (2, 60, 3, 2, 2), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels[1] //= 2
    # Subsets as large as the sets: both then compute the same number, whatever they draw.
    oracle = KernelInceptionDistance(feature=Flat(), subsets=2, subset_size=60)
    oracle.update(pixels[0], real=True)
    oracle.update(pixels[1], real=False)
    real, fake = (x.double().flatten(1).numpy() / 255 for x in pixels)
    assert kernel_distance(real, fake, subsets=2).mean == pytest.approx(float(oracle.compute()[0]), rel=1e-5)


def test_equals_the_definition_pair_by_pair():
    random = np.random.RandomState(0)
    x, y = random.randn(5, 3), random.randn(4, 3) + 1

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    within_x = np.mean([kernel(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
    within_y = np.mean([kernel(y[i], y[j]) for i in range(4) for j in range(4) if i != j])
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert squared_mmd(x, y) == pytest.approx(within_x + within_y - 2 * between)


def test_is_unbiased_and_named_by_its_seed():
    random = np.random.RandomState(1)
    x, y = random.randn(600, 8), random.randn(600, 8)
    found = kernel_distance(x, y, subsets=40, subset_size=50)
    assert abs(found.mean) < 4 * found.std / np.sqrt(40)
    assert found == kernel_distance(x, y, subsets=40, subset_size=50)
    assert found != kernel_distance(x, y, subsets=40, subset_size=50, seed=1)


def test_subsets_that_are_the_whole_are_one():
    x, y = np.random.RandomState(0).randn(2, 30, 4)
    found = kernel_distance(x, y, subsets=3)
    assert (found.subsets, found.subset_size, found.std) == (1, 30, 0)
    assert found.mean == pytest.approx(squared_mmd(x, y))
    assert kernel_distance(x, y[:20], subsets=3).subsets == 3


def test_small_sets_shrink_the_subsets():
    x = np.random.RandomState(0).randn(30, 4)
    assert kernel_distance(x, x[:20], subsets=3).subset_size == 20
    with pytest.raises(ValueError, match="at least 2"):
        kernel_distance(x, x[:1])
