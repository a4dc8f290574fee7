"""The machine: device, threads, and the precision that it does in hardware."""

import contextlib
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from sakuga.core.errors import UserError


def pick_device(name: str = "auto") -> torch.device:
    """Returns the device of that name; `auto` takes CUDA, then MPS, then the CPU.

    From then on float32 means float32 in this process.

    Raises:
        UserError: If the device is not there.
    """
    # torch's default is TF32: GPUs since Ampere would round what a float32 convolution multiplies to 10 bits.
    torch.backends.cudnn.allow_tf32 = False
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    kind, _, index = name.partition(":")
    if kind not in available or (index and not index.isdecimal()):
        raise UserError(f"--device {name!r} is not a device: use auto, cpu, cuda or mps.")
    if not available[kind]:
        raise UserError(f"--device {name}: this machine or this build of torch has no {kind}: use --device auto.")
    if kind == "cuda" and index and int(index) >= (count := torch.cuda.device_count()):
        raise UserError(f"--device {name}: this machine has {count} CUDA devices, numbered from 0.")
    if kind == "cuda" and "LOCAL_RANK" in os.environ and not index:
        if int(os.environ["LOCAL_RANK"]) >= (count := torch.cuda.device_count()):
            raise UserError(f"More processes than the {count} CUDA devices of this machine: --nproc-per-node {count}.")
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    return torch.device(name)


def has_fast_bf16(device: torch.device) -> bool:
    """Tells whether the device multiplies bfloat16 in hardware (elsewhere it is emulated, and slower than float32)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        return bool({"avx512_bf16", "amx_bf16", "bf16"} & _cpu_flags())
    return False


def autocast(device: torch.device, dtype: torch.dtype):
    """Returns the autocast context of `dtype`; one that does nothing for float32.

    It is opened around one call of one network, never around a `yield` (it would leak into the consumer).
    """
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype)


# torch.utils.deterministic is a module whose attribute is a property: unknown to type checkers.
_settings: Any = torch.utils.deterministic


@contextlib.contextmanager
def deterministic(enabled: bool = True) -> Iterator[None]:
    """Makes torch use deterministic algorithms inside, without its costly fill of uninitialized memory.

    If not enabled, it uses those that it finds to be the fastest.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled, searched = _settings.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    if enabled:
        # cuBLAS reads this when its first handle is made.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(enabled, warn_only=True)
    _settings.fill_uninitialized_memory, torch.backends.cudnn.benchmark = False, not enabled
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        _settings.fill_uninitialized_memory, torch.backends.cudnn.benchmark = filled, searched


@contextlib.contextmanager
def threads_kept() -> Iterator[None]:
    """Puts torch's number of threads back as it was before; also a decorator."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def describe(device: torch.device) -> dict[str, str | int]:
    """Returns what a run records about its machine: device, processor, threads, versions of torch and sakuga."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    versions = {"torch": torch.__version__, "sakuga": version("sakuga")}
    return {"device": str(device), "name": name, "threads": torch.get_num_threads()} | versions


def set_threads(count: int) -> None:
    """Lets torch use so many CPU threads.

    Raises:
        UserError: If there are more than four for each core: the system may not make them, and they only wait.
    """
    most = 4 * (os.cpu_count() or 1)
    if count > most:
        raise UserError(f"--threads {count} is too many for {most // 4} CPU cores: give {most} at most.")
    torch.set_num_threads(count)


def _cpu_flags() -> set[str]:
    if platform.system() == "Linux":
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.lower().startswith(("flags", "features")):
                return set(line.partition(":")[2].split())
    return set()
