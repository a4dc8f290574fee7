import numpy as np
import pytest
import torch

from sakuga.configs.sampling import Sampling
from sakuga.core.errors import UserError
from sakuga.core.images import grid
from sakuga.generation.interpolate import cells_of, interpolate, moments, w_path, z_path

KINDS = ["linear", "spherical", "smooth"]
KEYS = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mean", [0.0, 1.5])
def test_an_open_way_passes_the_keys_from_first_to_last(kind, mean):
    path = z_path(KEYS + mean, moments(3, 21, loop=False), kind, False, mean)
    assert path.dtype == np.float32
    assert np.allclose(path[[0, 10, 20]], KEYS + mean, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_passes_all_keys_and_closes_without_a_repeated_frame(kind):
    path = z_path(KEYS, moments(3, 30, loop=True), kind, True)
    assert np.allclose(path[[0, 10, 20]], KEYS, atol=1e-5)
    steps = np.linalg.norm(np.diff(path, axis=0, append=path[:1]), axis=1)
    assert steps.min() > 0.1 * steps.mean()  # no frame twice, also from the last to the first
    assert steps.max() < 3 * steps.mean()  # and no jump


@pytest.mark.parametrize("loop", [True, False])
def test_arcs_and_splines_keep_their_distance_from_the_mean(loop):
    mean, at = 0.7, moments(3, 50, loop)
    lengths = np.linalg.norm(KEYS, axis=1)
    for kind in ("spherical", "smooth"):
        away = np.linalg.norm(z_path(KEYS + mean, at, kind, loop, mean) - mean, axis=1)
        assert lengths.min() - 1e-4 <= away.min()
        assert away.max() <= lengths.max() + 1e-4
    straight = np.linalg.norm(z_path(KEYS + mean, at, "linear", loop, mean) - mean, axis=1)
    assert straight.min() < 0.9 * lengths.min()


def test_only_the_spline_has_no_corners():
    at = moments(3, 3000, loop=True)
    turns = {}
    for kind in KINDS:
        steps = np.diff(z_path(KEYS, at, kind, True).astype(np.float64), axis=0)
        steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        turns[kind] = np.arccos(np.clip((steps[1:] * steps[:-1]).sum(1), -1, 1)).max()
    assert turns["smooth"] < 0.1
    assert turns["linear"] > 0.5 and turns["spherical"] > 0.5


def test_opposite_and_equal_keys_give_finite_ways():
    for keys in (np.stack([KEYS[0], -KEYS[0]]), np.stack([KEYS[0], KEYS[0]]), np.zeros((2, 4), np.float32)):
        for kind in KINDS:
            assert np.isfinite(z_path(keys, moments(2, 9, True), kind, True)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_at_the_keys_are_those_of_the_seeds(model, kind):
    frames = interpolate(model, [3, 17, 42], 6, kind=kind)
    assert frames.shape == (6, 32, 32, 3)
    assert np.abs(frames[::2].astype(int) - model.sample_images(model.z_of_seeds([3, 17, 42]))).max() <= 1
    assert len({frame.tobytes() for frame in frames}) == 6


def test_labels_change_gradually_between_the_keys(conditional):
    seeds = [0, 1]
    labels = conditional.labels_of(seeds)
    assert (labels[0] != labels[1]).any()
    frames = interpolate(conditional, seeds, 17, loop=False).astype(int)
    ends = conditional.sample_images(conditional.z_of_seeds(seeds), labels)
    assert np.abs(frames[[0, -1]] - ends).max() <= 1
    steps = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    assert steps.max() < 0.5 * np.abs(frames[-1] - frames[0]).mean()


def test_too_little_for_a_way_is_refused(model):
    with pytest.raises(UserError, match="at least two"):
        interpolate(model, [3], 10)
    with pytest.raises(UserError, match="at least 2 frames"):
        interpolate(model, [3, 4], 0)
    assert len(model.interpolate([3, 4], frames=5)) == 5


def test_one_seed_goes_from_condition_to_condition(conditional):
    conditions = [{"hair": "aqua", "eyes": "orange"}, {"hair": "red"}, {"hair": "blonde", "eyes": "green"}]
    frames = interpolate(conditional, [7], 5, loop=False, conditions=conditions).astype(int)
    # What a condition does not name stays: the eyes of the second are orange.
    labels = np.array([[0, 1], [2, 1], [1, 0]])
    keys = conditional.sample_images(conditional.z_of_seeds([7] * 3), labels)
    assert np.abs(frames[::2] - keys).max() <= 1
    for i in (1, 3):
        assert np.abs(frames[i] - frames[i - 1]).mean() > 1 and np.abs(frames[i] - frames[i + 1]).mean() > 1


def test_a_way_through_all_values_keeps_what_is_free(counted):
    frames = interpolate(counted, [7], 6, conditions=[{"hair": "all"}])
    eyes = counted.labels_of([7], {"hair": "aqua"})[0, 1]
    labels = np.array([[hair, eyes] for hair in range(3)])
    assert np.abs(frames[::2].astype(int) - counted.sample_images(counted.z_of_seeds([7] * 3), labels)).max() <= 1


def test_seeds_and_conditions_go_in_pairs(conditional):
    seeds, conditions = [3, 4], [{"hair": "aqua"}, {"hair": "red"}]
    frames = interpolate(conditional, seeds, 3, loop=False, conditions=conditions, attributes={"eyes": "green"})
    ends = conditional.sample_images(conditional.z_of_seeds(seeds), np.array([[0, 0], [2, 0]]))
    assert np.abs(frames[[0, 2]].astype(int) - ends).max() <= 1


def test_conditions_that_make_no_way_are_refused(conditional, model):
    red = {"hair": "red"}
    for seeds, conditions, sentence in (
        ([1], [red], "at least two"),
        ([1, 2, 3], [red, red], "3 seeds and 2 conditions"),
        ([1], [red, {"hair": "gold"}], "hair has no value 'gold'"),
    ):
        with pytest.raises(UserError, match=sentence):
            interpolate(conditional, seeds, 5, conditions=conditions)
    with pytest.raises(UserError, match="without attributes"):
        model.interpolate([1], conditions=[red, red])
    with pytest.raises(UserError, match="chosen twice"):
        conditional.interpolate([1], conditions=[red, red], hair="aqua")


WS = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 4, 16)).astype(np.float32))
MEANS = torch.linspace(-1, 1, 16).expand(3, 16)


@pytest.mark.parametrize("kind", KINDS)
def test_a_way_in_w_passes_the_keys(kind):
    loop = w_path(WS, MEANS, moments(3, 30, True), kind, True)
    assert loop.dtype == torch.float32 and loop.shape == (30, 4, 16)
    assert torch.allclose(loop[::10], WS, atol=1e-5)
    steps = (loop.roll(-1, 0) - loop).flatten(1).norm(dim=1)
    assert steps.min() > 0.1 * steps.mean() and steps.max() < 3 * steps.mean()
    open_way = w_path(WS, MEANS, moments(3, 21, False), kind, False)
    assert torch.allclose(open_way[[0, 10, 20]], WS, atol=1e-5)


def test_lines_in_w_are_straight_and_arcs_keep_their_distance_from_the_mean():
    at = moments(3, 31, False)
    line, arc = (w_path(WS, MEANS, at, kind, False) for kind in ("linear", "spherical"))
    assert torch.allclose(line[5], torch.lerp(WS[0], WS[1], 1 / 3), atol=1e-5)
    away = (WS - MEANS[:, None]).norm(dim=2)
    found = (arc - MEANS[0]).norm(dim=2)
    assert torch.allclose(found[5], torch.lerp(away[0], away[1], 1 / 3), atol=1e-4)
    assert ((line - MEANS[0]).norm(dim=2)[7] < 0.95 * torch.lerp(away[0], away[1], 7 / 15)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_at_the_keys_of_a_way_in_w_are_those_of_the_seeds(styled, styled_conditional, model, kind):
    for any_model in (styled, styled_conditional, model):
        frames = interpolate(any_model, [3, 17, 42], 6, kind=kind, space="w", sampling=Sampling(psi=0.7))
        keys = np.stack([np.asarray(p) for p in any_model.generate([3, 17, 42], psi=0.7)])
        assert np.abs(frames[::2].astype(int) - keys).max() <= 1
        assert len({frame.tobytes() for frame in frames}) == 6


def test_a_straight_way_in_w_is_not_that_in_z(styled):
    ways = {space: interpolate(styled, [3, 17], 3, kind="linear", loop=False, space=space) for space in ("z", "w")}
    assert np.abs(ways["z"][[0, 2]].astype(int) - ways["w"][[0, 2]]).max() <= 1
    assert np.abs(ways["z"][1].astype(int) - ways["w"][1]).max() > 1
    ws = styled.ws_of_seeds([3, 17], styled.labels_of([3, 17])).mean(0, keepdim=True)
    assert np.abs(ways["w"][1].astype(int) - styled.sample_ws(lambda _: ws, 1)[0]).max() <= 1


def test_random_noise_flickers_and_fixed_noise_does_not(styled):
    still = interpolate(styled, [3, 3], 4)
    assert len({frame.tobytes() for frame in still}) == 1
    flickering = interpolate(styled, [3, 3], 4, sampling=Sampling(noise="random"))
    assert len({frame.tobytes() for frame in flickering}) == 4


@pytest.mark.parametrize("batch_size", [5, 64])
def test_each_cell_of_a_grid_goes_its_own_way(conditional, batch_size):
    frames = interpolate(conditional, range(12), 7, grid=(2, 3), batch_size=batch_size)
    ways = [interpolate(conditional, [2 * i, 2 * i + 1], 7) for i in range(6)]
    assert frames.shape == (7, 2 * 34 + 2, 3 * 34 + 2, 3)
    for i in range(7):
        assert np.abs(frames[i].astype(int) - grid(np.stack([way[i] for way in ways]), 3)).max() <= 1


def test_cells_go_through_the_same_conditions(conditional):
    conditions = [{"hair": "aqua", "eyes": "green"}, {"hair": "red"}]
    frames = conditional.interpolate([4, 5], 4, conditions=conditions, grid=(1, 2))
    ways = [interpolate(conditional, [seed], 4, conditions=conditions) for seed in (4, 5)]
    assert np.abs(np.asarray(frames[2]).astype(int) - grid(np.stack([way[2] for way in ways]), 2)).max() <= 1


@pytest.mark.parametrize(
    ("seeds", "cells", "sentence"),
    [
        (range(7), (2, 3), "7 seeds cannot be dealt out to the 6 cells"),
        (range(5), (2, 3), "give a multiple of 6"),
        ([1, 2], (0, 3), "A grid of 0x3 cannot be drawn"),
        ([1, 2], (30, 30), "1x1 to 400 cells"),
    ],
)
def test_grids_that_cannot_be_are_refused(seeds, cells, sentence):
    with pytest.raises(UserError, match=sentence):
        cells_of(seeds, cells)


def test_a_cell_of_one_seed_is_no_way(model):
    with pytest.raises(UserError, match="at least two"):
        model.interpolate(range(6), 5, grid=(2, 3))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "cubic"}, "No kind 'cubic': known: linear, smooth, spherical"),
        ({"space": "q"}, "No space 'q': known: w, z"),
        ({"space": "W"}, "No space 'W'"),
    ],
)
def test_unknown_ways_are_refused(model, options, sentence):
    with pytest.raises(UserError, match=sentence):
        model.interpolate([1, 2], 4, **options)
