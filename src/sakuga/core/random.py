"""Random streams, each a pure function of its name: (seed, image number, purpose, ...).

Nothing here has a state to save: a resumed run asks for the same names and gets the same numbers.
"""

import contextlib
import hashlib
from collections.abc import Iterator

import numpy as np
import torch

_CPU = torch.device("cpu")


def seed_of(*name: int | str) -> int:
    """Returns a 32-bit seed, a hash of the stream's name (`torch.manual_seed` keeps no more bits than that)."""
    text = "\x1f".join(str(part) for part in name)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def generator(*name: int | str) -> torch.Generator:
    """Returns a CPU generator for the stream of that name; the same numbers on every device and number of processes."""
    return torch.Generator().manual_seed(seed_of(*name))


@contextlib.contextmanager
def random_scope(*name: int | str, device: torch.device = _CPU) -> Iterator[None]:
    """Seeds torch's global generators of the CPU and of `device` for code inside that draws from them.

    They hold the stream of that name there, and afterwards what they held before.
    """
    is_cpu = device.type == "cpu"
    with torch.random.fork_rng([] if is_cpu else [device], device_type=None if is_cpu else device.type):
        # Not torch.manual_seed, which reaches the generators of other devices, too.
        torch.default_generator.manual_seed(seed_of(*name))
        if not is_cpu:
            with torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext():
                torch.get_device_module(device).manual_seed(seed_of(*name))
        yield


def permutation(size: int, *name: int | str) -> np.ndarray:
    """Returns a permutation of `range(size)`, int64 `[size]`, a pure function of the stream's name."""
    return np.random.Generator(np.random.Philox(seed_of(*name))).permutation(size)


def uniform(numbers: np.ndarray, *name: int | str) -> np.ndarray:
    """Returns one uniform number in [0, 1) for each integer, a pure function of (name, integer).

    SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014) applied to counters, so
    that the picture with a given number is treated the same in whatever batch or process it falls.

    Args:
        numbers: int64 `[N]`, for example image numbers.
        *name: The stream's name.

    Returns:
        float64 `[N]`.
    """
    with np.errstate(over="ignore"):
        x = numbers.astype(np.uint64) + np.uint64(seed_of(*name)) * np.uint64(0xD1342543DE82EF95)
        x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
