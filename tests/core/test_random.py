import numpy as np
import pytest
import torch
from scipy import stats

from sakuga.core import random


def test_a_seed_is_a_function_of_the_whole_name():
    assert random.seed_of(0, 64, "d", 1) == random.seed_of(0, 64, "d", 1)
    names = [(0, 64), (0, 65), (64, 0), ("0", "6", "4"), ("06", "4"), (0, 6, 4), ("d",), ("d", 0)]
    seeds = [random.seed_of(*name) for name in names]
    assert len(set(seeds)) == len(seeds) - 1, "only (0, 6, 4) and its digits as text are one name"
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_seeds_do_not_change_from_release_to_release():
    assert [random.seed_of(), random.seed_of(0), random.seed_of(0, 64, "g")] == [634351890, 613549620, 4148120436]


def test_scopes_give_the_same_numbers_whatever_came_before():
    torch.rand(7)
    with random.random_scope(3, 640, "g", 0):
        first = torch.rand(4)
    with random.random_scope(3, 640, "g", 0):
        again = torch.rand(4)
    with random.random_scope(3, 640, "g", 1):
        other = torch.rand(4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_scope_leaves_the_generators_as_it_found_them():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with pytest.raises(ZeroDivisionError), random.random_scope("inside"):
        torch.rand(2)
        1 / 0  # noqa: B018
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_scope_on_a_gpu_leaves_its_generator_as_it_found_it():
    place = torch.device("cuda:0")
    torch.manual_seed(1)
    expected = torch.rand(3, device=place)
    torch.manual_seed(1)
    inside = []
    for _ in range(2):
        with random.random_scope("inside", device=place):
            inside.append(torch.rand(2, device=place))
    assert torch.equal(*inside)
    assert torch.equal(torch.rand(3, device=place), expected)


def test_a_generator_is_apart_from_the_global_one():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    drawn = torch.rand(3, generator=random.generator("z", 0))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(drawn, torch.rand(3, generator=random.generator("z", 0)))


def test_permutations():
    a = random.permutation(1000, 0, "order", 3)
    assert sorted(a) == list(range(1000))
    assert np.array_equal(a, random.permutation(1000, 0, "order", 3))
    assert (a == random.permutation(1000, 0, "order", 4)).mean() < 0.02
    assert (a == np.arange(1000)).mean() < 0.02
    assert random.permutation(0, 1).shape == (0,)


def test_uniform_numbers_belong_to_pictures_and_not_to_batches():
    numbers = np.arange(1000)
    whole = random.uniform(numbers, 5, "flip")
    assert np.array_equal(whole[130:194], random.uniform(numbers[130:194], 5, "flip"))
    assert np.array_equal(whole[::-1], random.uniform(numbers[::-1].copy(), 5, "flip"))


@pytest.mark.parametrize("start", [0, 10**6, 2**40])
def test_uniform_numbers_are_uniform(start):
    x = random.uniform(np.arange(start, start + 20_000), 0, "rotate")
    assert x.dtype == np.float64
    assert x.min() >= 0
    assert x.max() < 1
    assert stats.kstest(x, "uniform").pvalue > 1e-3
    assert stats.chisquare(np.bincount((x * 100).astype(int), minlength=100)).pvalue > 1e-3


def test_neighbors_and_streams_are_independent():
    numbers = np.arange(20_000)
    x = random.uniform(numbers, 0, "flip")
    other_streams = [random.uniform(numbers, 0, "rotate"), random.uniform(numbers, 1, "flip")]
    for other in [*other_streams, np.roll(x, 1), np.roll(x, 64)]:
        assert abs(np.corrcoef(x, other)[0, 1]) < 0.03
    for other in other_streams:
        assert len(np.intersect1d(x, other)) == 0, "a shifted copy of the same sequence"
