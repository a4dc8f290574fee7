import numpy as np
import pytest
import torch

from sakuga.configs.sampling import Sampling
from sakuga.core.errors import UserError
from sakuga.generation.noise import coarse_side, deviation, noise_draws, sheet_of_draws
from sakuga.generation.noise_maps import noise_maps, noise_of


def test_maps_are_normal_and_those_of_their_seed():
    shapes = [(4, 4), (64, 64)]
    maps = noise_maps(shapes, 7)
    assert [tuple(m.shape) for m in maps] == [(1, 1, 4, 4), (1, 1, 64, 64)]
    assert abs(float(maps[1].std()) - 1) < 0.05 and abs(float(maps[1].mean())) < 0.05
    assert all(torch.equal(a, b) for a, b in zip(maps, noise_maps(shapes, 7), strict=True))
    assert not torch.equal(maps[1], noise_maps(shapes, 8)[1])
    assert not torch.equal(maps[1], noise_maps(shapes, 7, draw=1)[1])


def test_random_noise_belongs_to_the_seed_whatever_the_batch(styled):
    pictures = {noise: styled.generate(range(5), noise=noise) for noise in ("const", "random", "none")}
    assert len({p[0].tobytes() for p in pictures.values()}) == 3
    labels = styled.labels_of([3])
    ws = styled.ws_of_seeds([3], labels)
    alone = styled.sample_ws(lambda _: ws, 1, 1, noise_of(styled, "random", [3]))[0]
    assert np.abs(np.asarray(pictures["random"][3]).astype(int) - alone).max() <= 1
    # The same w with the noise of another seed is another picture.
    other = styled.sample_ws(lambda _: ws, 1, 1, noise_of(styled, "random", [4]))[0]
    assert np.abs(other.astype(int) - alone).max() > 1


def test_coarse_and_fine_levels_change_apart(styled):
    drawn = noise_draws(styled, 7, draws=4)
    assert drawn.coarse_side == 8 == coarse_side(32)
    assert [pictures.shape for pictures in drawn.images] == [(4, 32, 32, 3)] * 3
    shapes = styled.generator.noise_shapes
    ws = styled.ws_of_seeds([7], styled.labels_of([7]))
    for pictures, keeps in zip(drawn.images, (lambda s: True, lambda s: s <= 8, lambda s: s > 8), strict=True):
        for draw in range(4):
            maps = [m * keeps(m.shape[-1]) for m in noise_maps(shapes, 7, draw)]
            alone = styled.sample_ws(lambda _: ws, 1, 1, lambda _, maps=maps: maps)[0]
            assert np.abs(pictures[draw].astype(int) - alone).max() <= 1
    assert all(found.max() > 0 for found in drawn.deviations)


def test_the_deviation_is_that_of_each_pixel():
    pictures = np.zeros((2, 4, 4, 3), np.uint8)
    pictures[1, 1, 2] = (10, 20, 30)
    found = deviation(pictures)
    assert found[1, 2] == pytest.approx(10) and found.sum() == pytest.approx(10)


def test_a_sheet_has_a_row_for_each_level_and_the_deviation_at_its_end(styled):
    drawn = noise_draws(styled, 7, draws=3, sampling=Sampling(psi=0.5))
    sheet = sheet_of_draws(drawn)
    rows = sheet[-(3 * 34 + 2) :]
    left = next(x for x in range(rows.shape[1]) if np.array_equal(rows[2:34, x : x + 32], drawn.images[0][0]))
    body = rows[:, left - 2 : left + 4 * 34]
    for row in range(3):
        top = 2 + row * 34
        assert np.array_equal(body[top : top + 32, 2:34], drawn.images[row][0])
        gray = body[top : top + 32, -34:-2]
        assert np.ptp(gray, -1).max() == 0
        assert np.corrcoef(gray[..., 0].ravel(), drawn.deviations[row].ravel())[0, 1] > 0.99
    assert max(body[2 + row * 34 : 34 + row * 34, -34:-2].max() for row in range(3)) == 255
    picture = styled.noise_sheet(7, 3, psi=0.5)
    assert np.array_equal(np.asarray(picture), sheet)


def test_a_model_without_noise_and_too_few_draws_are_refused(model, styled):
    with pytest.raises(UserError, match="tiny has no noise in its layers"):
        model.noise_sheet(7)
    with pytest.raises(UserError, match="1 draws show no difference"):
        styled.noise_sheet(7, draws=1)
    with pytest.raises(UserError, match="-1 is not a seed"):
        styled.noise_sheet(-1)
