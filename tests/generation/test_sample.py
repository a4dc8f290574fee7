import numpy as np
import pytest

from sakuga.core.errors import UserError
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


def test_best_of_keeps_labels_with_their_pictures(conditional):
    best = best_of(conditional, range(12), 5, attributes={"hair": "blonde"}, batch_size=4)
    assert np.array_equal(best.labels, conditional.labels_of(best.seeds, {"hair": "blonde"}))
    again = conditional.sample_images(conditional.z_of_seeds(best.seeds), best.labels)
    assert np.abs(best.images.astype(int) - again).max() <= 1


@pytest.mark.parametrize("keep", [0, 5, -1])
def test_more_than_there_are_cannot_be_kept(model, keep):
    with pytest.raises(UserError, match="from 1 to 4"):
        best_of(model, range(4), keep)
