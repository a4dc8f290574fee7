import numpy as np
import pytest

from sakuga.core.errors import UserError
from sakuga.generation.model import load
from sakuga.generation.sample import best_of, draw


def test_draw_covers_all_seeds_in_order(model):
    parts = list(draw(model, range(10, 17), batch_size=3))
    assert [part.seeds for part in parts] == [[10, 11, 12], [13, 14, 15], [16]]
    together = np.concatenate([part.images for part in parts])
    assert np.abs(together.astype(int) - model.sample_images(model.z_of_seeds(range(10, 17)))).max() <= 1


@pytest.mark.parametrize("batch_size", [3, 5, 64])
def test_best_of_keeps_what_d_likes_best(model, batch_size):
    seeds = list(range(100, 120))
    pictures = model.sample_images(model.z_of_seeds(seeds))
    scores = model.score(pictures)
    order = np.argsort(-scores)[:6]
    best = best_of(model, seeds, 6, batch_size=batch_size)
    assert best.seeds == [seeds[i] for i in order]
    assert np.allclose(best.scores, scores[order], atol=0.02)
    assert np.abs(best.images.astype(int) - pictures[order]).max() <= 1
    assert (np.diff(best.scores) <= 0).all()


def test_a_score_is_that_of_the_picture_alone(comparing):
    seeds = list(range(100, 117))
    labels = comparing.labels_of(seeds)
    pictures = comparing.sample_images(comparing.z_of_seeds(seeds), labels)
    scores = comparing.score(pictures, labels)
    assert scores.std() > 0
    for size in (1, 3, 16):
        np.testing.assert_allclose(comparing.score(pictures, labels, size), scores, rtol=0, atol=1e-4)
    np.testing.assert_allclose(comparing.score(pictures[::-1], labels[::-1].copy())[::-1], scores, rtol=0, atol=1e-4)
    other = load(comparing.path, "cpu")  # whatever was judged before
    np.testing.assert_allclose(other.score(pictures[5:6], labels[5:6]), scores[5], rtol=0, atol=1e-4)
    best = best_of(comparing, seeds, 17, batch_size=16)
    assert best.seeds == [seeds[i] for i in np.argsort(-scores, kind="stable")]


def test_best_of_keeps_labels_with_their_pictures(conditional):
    best = best_of(conditional, range(12), 5, attributes={"hair": "blonde"}, batch_size=4)
    assert np.array_equal(best.labels, conditional.labels_of(best.seeds, {"hair": "blonde"}))
    again = conditional.sample_images(conditional.z_of_seeds(best.seeds), best.labels)
    assert np.abs(best.images.astype(int) - again).max() <= 1


@pytest.mark.parametrize("keep", [0, 5, -1])
def test_more_than_there_are_cannot_be_kept(model, keep):
    with pytest.raises(UserError, match="from 1 to 4"):
        best_of(model, range(4), keep)
