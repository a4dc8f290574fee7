"""Batches read ahead, and batches read when they are needed."""

from collections.abc import Callable

import pytest
import torch

from sakuga.core.errors import UserError
from sakuga.training.batches import Batches
from sakuga.training.loop import Loop

CPU = torch.device("cpu")


def test_reading_ahead_changes_no_batch(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop({"data.flip": True, "data.rotate": 15})
    ahead, plain = (Batches(loop.config, loop.dataset, CPU, ahead=ahead) for ahead in (True, False))
    for images in (0, 8, 16, 48, 56, 8):  # on, over a gap, and back
        found, expected = ahead.at(images), plain.at(images)
        assert torch.equal(found.images, expected.images) and torch.equal(found.labels, expected.labels)
        assert (found.indices == expected.indices).all()


def test_a_loop_that_reads_ahead_ends_the_same(tiny_loop: Callable[..., Loop]) -> None:
    loops = tiny_loop(), tiny_loop()
    loops[0].batches = Batches(loops[0].config, loops[0].dataset, CPU, ahead=True)
    for loop in loops:
        for _ in range(4):
            loop.run_round()
    states = [loop.tensors() for loop in loops]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_what_goes_wrong_in_the_thread_is_raised(tiny_loop: Callable[..., Loop]) -> None:
    loop = tiny_loop()
    data = loop.config.data.model_dump() | {"balance": ("hat",)}
    config = type(loop.config).model_validate(loop.config.model_dump() | {"data": data})
    with pytest.raises(UserError, match="hat"):
        Batches(config, loop.dataset, CPU, ahead=True).at(0)
