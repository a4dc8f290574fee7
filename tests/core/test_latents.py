import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sakuga.core import latents
from sakuga.core.errors import UserError

vectors = arrays(np.float64, 8, elements=st.floats(-10, 10).map(lambda x: round(x, 3)))
parts = st.floats(0, 1)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("7", [7]),
        ("0-3,77", [0, 1, 2, 3, 77]),
        (" 5 - 6 , 2 ", [5, 6, 2]),
        ("4294967295", [2**32 - 1]),
        ("3,3", [3, 3]),
    ],
)
def test_parse_seeds(text, seeds):
    assert latents.parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1.5", "0x10", "9" * 5000])
def test_what_is_no_seed_is_named(text):
    with pytest.raises(UserError, match="not a seed or a range"):
        latents.parse_seeds(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3-1", "write the range '3-1' from low to high, 1-3"),
        ("4294967296", "'4294967296' is too large: seeds go from 0 to 4294967295"),
        ("0-99999999999", "'0-99999999999' is too large: seeds go from 0 to 4294967295"),
    ],
)
def test_seeds_that_do_not_fit_say_what_would(text, sentence):
    with pytest.raises(UserError, match=sentence):
        latents.parse_seeds(text)


def test_a_range_that_would_fill_the_memory_is_refused():
    with pytest.raises(UserError, match="more than a million"):
        latents.parse_seeds("0-4294967295")


@given(st.lists(st.integers(0, 2**32 - 1), max_size=5))
def test_seeds_survive_being_written(seeds):
    assume(seeds)
    assert latents.parse_seeds(",".join(map(str, seeds))) == seeds


def test_z_is_that_of_nvidias_tools():
    z = latents.z_of_seeds([5, 0], 16)
    assert z.dtype == np.float32
    np.testing.assert_array_equal(z[0], np.random.RandomState(5).randn(16).astype(np.float32))
    np.testing.assert_array_equal(z[1], latents.z_of_seeds([0], 16)[0])
    assert latents.z_of_seeds([], 16).shape == (0, 16)


def test_z_has_the_mean_and_sigma_asked_for():
    z = latents.z_of_seeds(range(200), 100, mean=3.0, sigma=0.5)
    assert z.mean() == pytest.approx(3.0, abs=0.02)
    assert z.std() == pytest.approx(0.5, abs=0.02)


@given(vectors, vectors)
def test_slerp_begins_and_ends_where_it_should(a, b):
    np.testing.assert_allclose(latents.slerp(a, b, 0.0), a, atol=1e-6)
    np.testing.assert_allclose(latents.slerp(a, b, 1.0), b, atol=1e-6)


@given(vectors, vectors, parts)
def test_slerp_is_the_same_way_back(a, b, t):
    np.testing.assert_allclose(latents.slerp(a, b, t), latents.slerp(b, a, 1 - t), atol=1e-6)


@given(vectors, vectors, parts)
def test_slerp_keeps_the_length_between_those_of_its_ends(a, b, t):
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    assume(min(length_a, length_b) > 0.1 and abs(a @ b) / (length_a * length_b) < 0.999)
    length = np.linalg.norm(latents.slerp(a, b, t))
    assert length == pytest.approx(length_a + t * (length_b - length_a), rel=1e-6)


def test_slerp_moves_by_equal_angles():
    a, b = np.array([1.0, 0.0]), np.array([0.0, 2.0])
    way = latents.slerp(a, b, np.linspace(0, 1, 5)[:, None])
    np.testing.assert_allclose(np.degrees(np.arctan2(way[:, 1], way[:, 0])), [0, 22.5, 45, 67.5, 90], atol=1e-9)


def test_slerp_of_parallel_vectors_and_zero_is_a_line():
    a = np.array([1.0, 2.0, 3.0], np.float32)
    np.testing.assert_allclose(latents.slerp(a, 3 * a, 0.5), 2 * a, rtol=1e-6)
    np.testing.assert_allclose(latents.slerp(a, 0 * a, 0.25), 0.75 * a, rtol=1e-6)
    assert latents.slerp(a, 3 * a, 0.5).dtype == np.float32


def test_slerp_takes_rows():
    a, b = latents.z_of_seeds([1, 2], 8), latents.z_of_seeds([3, 4], 8)
    both = latents.slerp(a, b, 0.3)
    np.testing.assert_allclose(both[1], latents.slerp(a[1], b[1], 0.3), rtol=1e-6)
    np.testing.assert_allclose(latents.lerp(a, b, 0.5), (a + b) / 2, rtol=1e-6, atol=1e-7)


def test_resampling_goes_on_in_the_stream_of_the_seed():
    plain, limited = latents.z_of_seeds([7], 64), latents.z_of_seeds([7], 64, threshold=0.8)
    stream = np.random.RandomState(7)
    expected = stream.randn(64)
    kept = np.abs(expected) <= 0.8
    while (np.abs(expected) > 0.8).any():
        for i in np.flatnonzero(np.abs(expected) > 0.8):
            expected[i] = stream.randn()
    assert np.array_equal(limited[0], expected.astype(np.float32))
    assert np.array_equal(limited[0, kept], plain[0, kept]) and not kept.all()
    assert np.array_equal(latents.z_of_seeds([3, 7], 64, threshold=0.8)[1], limited[0])


def test_resampled_z_is_a_truncated_normal_distribution():
    z = latents.z_of_seeds(range(200), 64, mean=2, sigma=3, threshold=1.0)
    assert np.abs(z - 2).max() <= 3
    # Variance of a standard normal within 1: 1 - 2 phi(1) / (2 Phi(1) - 1).
    assert (z - 2).std() / 3 == pytest.approx(np.sqrt(1 - 2 * 0.24197 / 0.68269), rel=0.02)


def test_opposite_vectors_have_an_arc_too():
    a = np.random.RandomState(0).randn(2, 8)
    a[1] = [0, 0, 3, 0, 0, 0, 0, 0]
    b, t = np.stack([-2 * a[0], -a[1]]), np.linspace(0, 1, 9)
    for one, other in zip(a, b, strict=True):
        way = latents.slerp(one[None], other[None], t[:, None])
        assert np.allclose(way[[0, -1]], [one, other])
        ends = np.linalg.norm(one), np.linalg.norm(other)
        assert np.allclose(np.linalg.norm(way, axis=1), ends[0] + t * (ends[1] - ends[0]))
        unit = way / np.linalg.norm(way, axis=1, keepdims=True)
        assert np.allclose((unit[1:] * unit[:-1]).sum(1), np.cos(np.pi / 8))
