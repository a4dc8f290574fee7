import pytest
import torch

from sakuga.core.errors import UserError
from sakuga.core.tensorfile import copy_into, read_tensors, read_value, write_tensors


def test_tensors_and_a_value_come_back(tmp_path):
    tensors = {
        "g.a": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "g.b": torch.tensor(7),
        "d.a": torch.randn(3, 2).t(),
        "d.h": torch.randn(3).to(torch.bfloat16),
    }
    value = {"images": 640, "unit": "作画", "list": [1.5, None]}
    path = write_tensors(tmp_path / "t.safetensors", tensors, value)
    assert read_value(path, "checkpoint") == value
    back = read_tensors(path, "checkpoint")
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], tensors[name]) and back[name].dtype == tensors[name].dtype for name in back)
    assert read_tensors(path, "checkpoint", "d.").keys() == {"a", "h"}


def test_tensors_that_share_memory_are_written(tmp_path):
    a = torch.randn(4)
    path = write_tensors(tmp_path / "t.safetensors", {"a": a, "b": a, "part": a[:2]}, {})
    assert torch.equal(read_tensors(path, "file")["part"], a[:2])


def test_the_error_says_what_was_expected(tmp_path):
    with pytest.raises(UserError, match="give the path of a checkpoint"):
        read_value(tmp_path / "none", "checkpoint")


def test_copying_fills_live_tensors_in_place():
    target = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
    source = torch.randn(2, 3, 4, 4)
    address = target.data_ptr()
    copy_into({"x": target}, {"x": source.double()}, "file")
    assert torch.equal(target, source)
    assert target.data_ptr() == address
    assert target.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("tensors", [{}, {"x": torch.zeros(2)}, {"x": torch.zeros(3), "y": torch.zeros(1)}])
def test_copying_what_does_not_fit_is_refused(tensors):
    target = torch.ones(3)
    with pytest.raises(UserError, match=r"run\.safetensors does not fit the networks, first at"):
        copy_into({"x": target}, tensors, "run.safetensors")
    assert torch.equal(target, torch.ones(3))
