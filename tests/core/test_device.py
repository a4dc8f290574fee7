import platform
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from sakuga.core import device
from sakuga.core.errors import UserError

CPU = torch.device("cpu")


def test_devices_are_picked_by_name():
    assert device.pick_device("cpu") == CPU
    assert device.pick_device("auto").type in ("cpu", "cuda", "mps")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert device.pick_device() == CPU


def test_float32_is_not_rounded_to_ten_bits(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    device.pick_device("cpu")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("name", ["tpu", "", "cuda0", "CPU", "cuda:x", "cuda:-1"])
def test_unknown_devices_are_named(name):
    with pytest.raises(UserError, match="is not a device: use auto, cpu, cuda or mps"):
        device.pick_device(name)


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("cuda", torch.cuda.is_available()),
        ("cuda:0", torch.cuda.is_available()),
        ("mps", torch.backends.mps.is_available()),
    ],
)
def test_absent_devices_are_named(name, there):
    if there:
        assert device.pick_device(name).type == name.partition(":")[0]
    else:
        with pytest.raises(UserError, match="use --device auto"):
            device.pick_device(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_number_beyond_the_last_device_is_named():
    assert device.pick_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(UserError, match="CUDA devices, numbered from 0"):
        device.pick_device("cuda:99")


def test_two_processes_never_share_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device.pick_device("cuda") == torch.device("cuda:1")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UserError, match="More processes than the 2 CUDA devices"):
        device.pick_device("auto")


@pytest.mark.skipif(platform.system() != "Linux", reason="reads /proc/cpuinfo")
def test_fast_bf16_is_what_the_processor_says():
    words = Path("/proc/cpuinfo").read_text().split()
    assert device.has_fast_bf16(CPU) == bool({"avx512_bf16", "amx_bf16", "bf16"} & set(words))


def test_autocast_changes_the_type_only_where_asked():
    a = torch.ones(4, 4)
    with device.autocast(CPU, torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
    with device.autocast(CPU, torch.float32):
        assert (a @ a).dtype == torch.float32


def test_determinism_ends_with_its_block():
    before = torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    with pytest.raises(ZeroDivisionError), device.deterministic():
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
        1 / 0  # noqa: B018
    assert torch.are_deterministic_algorithms_enabled() == before
    assert torch.utils.deterministic.fill_uninitialized_memory == fill


@pytest.mark.parametrize("enabled", [True, False])
def test_the_fastest_algorithms_are_searched_only_where_they_may_differ(enabled):
    before = torch.backends.cudnn.benchmark
    with device.deterministic(enabled):
        assert torch.are_deterministic_algorithms_enabled() is enabled
        assert torch.backends.cudnn.benchmark is not enabled
    assert torch.backends.cudnn.benchmark is before


def test_the_machine_is_described():
    told = device.describe(CPU)
    assert told["device"] == "cpu"
    assert told["torch"] == torch.__version__
    assert told["sakuga"] == version("sakuga")
    assert told["threads"] == torch.get_num_threads()
    assert told["name"]


def test_more_threads_than_the_cores_can_hold_are_refused():
    before = torch.get_num_threads()
    with pytest.raises(UserError, match=r"--threads 100000 is too many for \d+ CPU cores: give \d+ at most"):
        device.set_threads(100_000)
    assert torch.get_num_threads() == before
