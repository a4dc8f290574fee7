"""Random streams, each a pure function of its name: (seed, image number, purpose, ...).

Nothing here has a state to save: a resumed run asks for the same names and gets the same numbers.
"""

import contextlib
import functools
import hashlib
from collections.abc import Iterator

import numpy as np
import torch


def seed_of(*name: int | str) -> int:
    """Returns a 32-bit seed, a hash of the stream's name (`torch.manual_seed` keeps no more bits than that)."""
    text = "\x1f".join(str(part) for part in name)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def generator(*name: int | str) -> torch.Generator:
    """Returns a CPU generator for the stream of that name; the same numbers on every device and number of processes."""
    return torch.Generator().manual_seed(seed_of(*name))


@contextlib.contextmanager
def random_scope(*name: int | str) -> Iterator[None]:
    """Seeds torch's global generators (CPU and devices) with the stream's name, for code that draws from them."""
    # torch.manual_seed formats a stack trace for each kind of device that is not there, half a millisecond in all.
    seed = torch.manual_seed if _has_accelerator() else torch.default_generator.manual_seed
    seed(seed_of(*name))
    yield


@functools.cache
def _has_accelerator() -> bool:
    return torch.accelerator.is_available()


@contextlib.contextmanager
def generators_kept(device: torch.device) -> Iterator[None]:
    """Puts torch's global generators, the CPU's and the device's, back as they were before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
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
