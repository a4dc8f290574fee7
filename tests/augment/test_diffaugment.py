import pytest
import torch

from sakuga.augment.diffaugment import DiffAugment, cut_out, jitter_color, translate
from sakuga.configs.augment import DiffAugmentConfig
from sakuga.core.random import random_scope


def pictures(count: int = 64, side: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3)) * 1.8 - 0.9


ALL = DiffAugment(DiffAugmentConfig(color=True, translation=0.25, cutout=0.5))


def test_the_config_decides():
    images = pictures(4)
    nothing = DiffAugment(DiffAugmentConfig(color=False, translation=0.0, cutout=0.0))
    assert torch.equal(nothing(images), images)
    shifted = DiffAugment(DiffAugmentConfig(color=False, translation=0.25))(images)
    assert set(shifted.flatten().tolist()) <= {*images.flatten().tolist(), 0.0}, "moves pixels and changes none"


def test_the_scope_decides_the_numbers():
    images = pictures()
    with random_scope(0, 640, "d", 0):
        first = ALL(images)
    with random_scope(0, 640, "d", 0):
        again = ALL(images)
    with random_scope(0, 704, "d", 0):
        later = ALL(images)
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert first.shape == images.shape
    assert first.dtype == images.dtype


def test_each_picture_is_changed_anew():
    images = pictures(1).expand(32, -1, -1, -1)
    for change in (jitter_color, lambda x: translate(x, 0.25), lambda x: cut_out(x, 0.5)):
        changed = change(images)
        distinct = {changed[i].numpy().tobytes() for i in range(32)}
        assert len(distinct) > 16


def test_gradients_flow_through_every_change():
    images = pictures(4).double().requires_grad_()

    def change(x: torch.Tensor) -> torch.Tensor:
        with random_scope("gradient"):
            return ALL(x)

    assert torch.autograd.gradcheck(change, (images[:1, :, :6, :6].detach().requires_grad_(),), fast_mode=True)
    change(images).sum().backward()
    assert (images.grad.abs().amax((1, 2, 3)) > 0).all()


def test_color_keeps_what_it_should():
    images = pictures(256)
    changed = jitter_color(images)
    shift = (changed - images).mean((1, 2, 3))
    assert shift.abs().max() <= 0.5 + 1e-5, "the mean moves by brightness alone"
    assert shift.std() == pytest.approx(1 / 12**0.5, rel=0.15), "which is uniform"
    grey = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    changed = jitter_color(grey)
    torch.testing.assert_close(changed[:, 0], changed[:, 2]), "grey stays grey"
    contrast = changed.std((1, 2, 3)) / grey.std((1, 2, 3))
    assert contrast.min() >= 0.5 - 1e-4
    assert contrast.max() <= 1.5 + 1e-4


def test_translation_shifts_whole_pixels_up_to_its_reach():
    # Each pixel tells where it was; 0 is what comes in from outside.
    side, reach = 8, 2
    place = torch.arange(1, side * side + 1, dtype=torch.float32).view(1, 1, side, side).expand(500, 3, -1, -1)
    moved = translate(place, reach / side).long()
    shifts = set()
    for picture in moved:
        inside = picture[0] > 0
        rows, columns = (picture[0] - 1) // side, (picture[0] - 1) % side
        here = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        down = {int(v) for v in (rows - here[0])[inside].unique()}
        right = {int(v) for v in (columns - here[1])[inside].unique()}
        assert len(down) == len(right) == 1, "all pixels move together"
        shift = (down.pop(), right.pop())
        assert int(inside.sum()) == (side - abs(shift[0])) * (side - abs(shift[1])), "nothing inside is lost"
        shifts.add(shift)
        assert torch.equal(picture[0], picture[2])
    assert shifts == {(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)}


def test_cutout_is_one_grey_square():
    cut = cut_out(torch.ones(300, 3, 16, 16), 0.25)
    holes = (cut[:, 0] == 0).sum((1, 2))
    assert holes.max() == 16, "four by four where it is whole"
    assert holes.min() >= 4, "a quarter of it where the center is at a corner"
    assert torch.equal(cut[:, 0], cut[:, 1])
    covered = (cut[:, 0] == 0).any(0)
    assert covered.all(), "no place is spared"
    rows, columns = (cut[:, 0] == 0).any(2).sum(1), (cut[:, 0] == 0).any(1).sum(1)
    assert torch.equal(rows * columns, holes), "a rectangle"
