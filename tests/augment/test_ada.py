import json
import math

import pytest
import torch

from sakuga.augment.ada import Ada, color_change, motion, recolor, warp
from sakuga.configs.augment import AdaConfig
from sakuga.core.random import random_scope

CPU = torch.device("cpu")


def pictures(count: int = 8, side: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3)) * 1.8 - 0.9


def matrix(*rows: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor([rows])


def draw(count: int, p: float, blit: bool = False, geometry: bool = False, side: int = 16) -> torch.Tensor:
    with random_scope("motion", count):
        return motion(count, (side, side), p, blit, geometry, CPU)


def test_pixels_come_from_where_the_matrix_says():
    images = pictures(1, 8)
    torch.testing.assert_close(warp(images, matrix((1, 0, 0), (0, 1, 0))), images)
    right = warp(images, matrix((1, 0, -2), (0, 1, 0)))
    torch.testing.assert_close(right[..., 2:], images[..., :-2])
    torch.testing.assert_close(right[..., :2], images[..., :2].flip(-1)), "the border mirrors"
    down = warp(images, matrix((1, 0, 0), (0, 1, -3)))
    torch.testing.assert_close(down[..., 3:, :], images[..., :-3, :])
    half = warp(images, matrix((1, 0, 0.5), (0, 1, 0)))
    torch.testing.assert_close(half[..., :-1], (images[..., :-1] + images[..., 1:]) / 2)
    turned = warp(images, matrix((0, 1, 0), (-1, 0, 0)))
    torch.testing.assert_close(turned, images.rot90(-1, (2, 3))), "what was above is now on the right"


def test_a_picture_that_is_not_square_keeps_its_proportions():
    images = torch.rand(1, 3, 6, 12)
    turned = warp(images, matrix((0, 1, 0), (-1, 0, 0)))
    torch.testing.assert_close(turned[..., 3:9], images[..., 3:9].rot90(-1, (2, 3)), atol=1e-5, rtol=0)


def test_blitting_moves_whole_pixels_every_way():
    moves = draw(4000, 1.0, blit=True, side=16)
    orientation, shift = moves[:, :, :2], moves[:, :, 2]
    rounded = orientation.round()
    torch.testing.assert_close(orientation, rounded, atol=1e-5, rtol=0)
    assert torch.equal(rounded.abs().sum(1), torch.ones(4000, 2)), "a permutation with signs"
    kinds = {tuple(m.flatten().int().tolist()) for m in rounded}
    assert len(kinds) == 8, "mirrored or not, times four turns"
    torch.testing.assert_close(shift, shift.round(), atol=1e-4, rtol=0)
    assert shift.abs().max().round() == 2, "an eighth of the side"
    images = pictures(8, 16)
    moved = warp(images, moves[:8])
    distance = (moved.flatten(1)[:, :, None] - images.flatten(1)[:, None]).abs().amin(2)
    assert distance.max() < 1e-4, "no pixel is changed"


def test_geometry_has_the_papers_distributions():
    moves = draw(20_000, 1.0, geometry=True, side=16)
    linear = moves[:, :, :2].double()
    scale = -0.5 * torch.linalg.det(linear).log2()
    assert scale.mean().item() == pytest.approx(0, abs=0.01)
    assert scale.std().item() == pytest.approx(0.2, rel=0.03)
    values = torch.linalg.svdvals(linear)
    stretch = 0.5 * (values[:, 0] / values[:, 1]).log2()
    assert stretch.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.03)
    # The shift is the last change: undone first, it is turned and scaled by the others.
    shift = torch.linalg.solve(linear, moves[:, :, 2].double()) / 16
    assert shift.std(0).tolist() == pytest.approx([0.125, 0.125], rel=0.03)
    angle = torch.atan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1])
    assert angle.std().item() == pytest.approx(math.pi / 3**0.5, rel=0.03), "every angle alike"


@pytest.mark.parametrize("p", [0.1, 0.6])
def test_each_change_takes_place_with_its_probability(p):
    linear = draw(20_000, p, geometry=True)[:, :, :2].double()
    straight = (linear[:, 0, 1].abs() < 1e-7) & (linear[:, 1, 0].abs() < 1e-7)
    assert straight.double().mean().item() == pytest.approx(1 - p, abs=0.015), "the two rotations share p"
    unscaled = (torch.linalg.det(linear) - 1).abs() < 1e-6
    assert unscaled.double().mean().item() == pytest.approx(1 - p, abs=0.015)
    for still in (draw(20_000, p, geometry=True)[:, :, 2] == 0, draw(20_000, p, blit=True, side=800)[:, :, 2] == 0):
        assert still.all(1).double().mean().item() == pytest.approx(1 - p, abs=0.015), "both ways at once"
    with random_scope("color"):
        change = color_change(20_000, p, CPU)
    assert (change[:, :, 3].abs().sum(1) == 0).double().mean().item() == pytest.approx(1 - p, abs=0.015)
    inverted = change[:, :, :3].sum((1, 2)) < 0
    assert inverted.double().mean().item() == pytest.approx(p / 2, abs=0.015)


def test_strength_0_and_groups_left_out_change_nothing():
    images = pictures()
    assert Ada(AdaConfig())(images) is images
    only_color = Ada(AdaConfig(strength=0.8, blit=False, geometry=False))(images)
    grey = images.mean(1, keepdim=True)
    assert not torch.allclose(only_color, images)
    flat = Ada(AdaConfig(strength=0.8, color=False))(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(flat[:, 0], flat[:, 2])
    assert flat.abs().max() <= grey.abs().max() + 1e-5, "moved, not recolored"


def test_colors_change_by_the_papers_distributions():
    with random_scope("color"):
        change = color_change(20_000, 1.0, CPU).double()
    linear, offset = change[:, :, :3], change[:, :, 3]
    along = linear.sum(2)
    torch.testing.assert_close(along, along[:, :1].expand_as(along), atol=1e-5, rtol=1e-5), "grey stays grey"
    along = along[:, 0]
    assert along.abs().log2().std().item() == pytest.approx(0.5, rel=0.03), "contrast"
    brightness = offset / along[:, None]
    torch.testing.assert_close(brightness, brightness[:, :1].expand_as(brightness), atol=1e-5, rtol=1e-5)
    assert brightness[:, 0].std().item() == pytest.approx(0.2, rel=0.03)
    # Two directions at right angles to the greys and to each other.
    u = torch.tensor([1.0, -1, 0], dtype=torch.float64) / 2**0.5
    v = torch.tensor([1.0, 1, -2], dtype=torch.float64) / 6**0.5
    plane = torch.stack([u, v])
    across = plane @ linear @ plane.T
    size = torch.linalg.det(across).sqrt()
    torch.testing.assert_close(across @ across.mT, size.square()[:, None, None] * torch.eye(2).double())
    assert (size / along.abs()).log2().std().item() == pytest.approx(1.0, rel=0.03), "saturation"
    angle = torch.atan2(across[:, 1, 0], across[:, 0, 0])
    assert angle.std().item() == pytest.approx(math.pi / 3**0.5, rel=0.03), "hue"


def test_recoloring_is_the_matrix_on_every_pixel():
    images = pictures(2, 4)
    turn = torch.tensor([[0.0, 0, 1, 0.1], [1, 0, 0, 0.2], [0, 1, 0, 0.3]])
    changed = recolor(images, torch.stack([torch.eye(3, 4), turn]))
    torch.testing.assert_close(changed[0], images[0])
    torch.testing.assert_close(changed[1], images[1].roll(1, 0) + torch.tensor([0.1, 0.2, 0.3])[:, None, None])


def test_the_scope_decides_the_numbers_and_each_picture_is_changed_anew():
    ada = Ada(AdaConfig(strength=0.8))
    images = pictures(1).expand(32, -1, -1, -1)
    changed = []
    for name in (640, 640, 704):
        with random_scope(0, name, "d", 0):
            changed.append(ada(images))
    assert torch.equal(changed[0], changed[1])
    assert not torch.equal(changed[0], changed[2])
    assert len({picture.numpy().tobytes() for picture in changed[0]}) == 32
    assert changed[0].shape == images.shape and changed[0].dtype == images.dtype


def test_slopes_pass_twice():
    ada = Ada(AdaConfig(strength=0.8))

    def change(x: torch.Tensor) -> torch.Tensor:
        with random_scope("gradient"):
            return ada(x).square()

    images = pictures(2, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(change, (images,), fast_mode=True)
    assert torch.autograd.gradgradcheck(change, (images,), fast_mode=True)


def see(ada: Ada, mean: float, rounds: int, images: int = 10) -> None:
    """Shows logits whose mean sign is `mean`."""
    logits = torch.ones(100, 1)
    logits[: round(50 * (1 - mean))] = -3.0
    for _ in range(rounds):
        ada.see(logits)
        ada.end_round(images)


def test_the_strength_follows_the_sign_of_d_on_real_pictures():
    ada = Ada(AdaConfig(target=0.6, speed=1000))
    see(ada, 1.0, 3)
    assert ada.strength == 0, "it moves every fourth round"
    see(ada, 1.0, 1)
    assert ada.strength == pytest.approx(4 * 10 / 1000)
    see(ada, 0.7, 96)
    assert ada.strength == 0.8, "its limit"
    see(ada, 0.5, 40)
    assert ada.strength == pytest.approx(0.8 - 0.4)
    see(ada, -1.0, 80)
    assert ada.strength == 0
    see(ada, 0.0, 1)
    see(ada, 0.9, 3)
    assert ada.strength == pytest.approx(0.04), "the mean over the four rounds counts"


def test_rounds_without_d_count_as_images():
    ada = Ada(AdaConfig(speed=1000))
    for _ in range(4):
        ada.end_round(10)
        see(ada, 1.0, 1)
    assert ada.strength == pytest.approx(80 / 1000)


def test_without_a_target_the_strength_stays():
    ada = Ada(AdaConfig(target=None, strength=0.3, speed=10))
    see(ada, 1.0, 20)
    assert ada.strength == 0.3


def test_it_remembers_between_two_moves():
    whole, parts = Ada(AdaConfig(speed=1000)), Ada(AdaConfig(speed=1000))
    for ada in (whole, parts):
        see(ada, 1.0, 5)
        see(ada, -1.0, 1)
    resumed = Ada(AdaConfig(speed=1000))
    resumed.load_state(json.loads(json.dumps(parts.state())))
    for ada in (whole, resumed):
        see(ada, 0.9, 2)
    assert resumed.strength == whole.strength < 0.05
    assert resumed.state() == whole.state()


_WORKER = """
import json, torch
from sakuga.augment.ada import Ada
from sakuga.configs.augment import AdaConfig
from sakuga.core import distributed
distributed.start(torch.device("cpu"))
rank = distributed.rank()
ada = Ada(AdaConfig(speed=1000))
strengths = []
for own in ([1.0, 1.0], [1.0, -1.0]):  # of each process; the mean is 1, then 0
    for _ in range(4):
        ada.see(torch.full((8, 1), own[rank]))
        ada.end_round(50)
    strengths.append(ada.strength)
told = [torch.zeros(2) for _ in range(2)]
torch.distributed.all_gather(told, torch.tensor(strengths))
if rank == 0:
    print(json.dumps([[round(value, 6) for value in of_one.tolist()] for of_one in told]))
distributed.barrier()
distributed.stop()
"""


def test_two_processes_have_one_strength(said_by_two_processes):
    assert json.loads(said_by_two_processes(_WORKER)) == [[0.2, 0.0], [0.2, 0.0]]
