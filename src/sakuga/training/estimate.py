"""How long a run will take and how much memory, measured on its own first rounds."""

import sys
import time
from dataclasses import dataclass

import torch

from sakuga.training.loop import Loop

_ROUNDS = 3


@dataclass(frozen=True)
class Estimate:
    """What a few rounds showed.

    Attributes:
        images_per_second: Over all processes, without what is written on the way.
        memory_bytes: The most that was in use: of the device, or of this process on a CPU; None if it cannot be told.
    """

    images_per_second: float
    memory_bytes: int | None


def estimate(loop: Loop) -> Estimate:
    """Runs a few rounds on a loop and puts everything back as it was."""
    saved = {name: tensor.detach().clone() for name, tensor in loop.tensors().items()}
    state = loop.state()
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        loop.run_round()
        if loop.device.type == "cuda":
            torch.cuda.synchronize(loop.device)
        seconds.append(time.perf_counter() - started)
    with torch.no_grad():
        for name, tensor in loop.tensors().items():
            tensor.copy_(saved[name])
    loop.load_state(state)
    loop.data_seconds = 0.0
    # The first round warms up.
    return Estimate(loop.config.batch_size * (_ROUNDS - 1) / sum(seconds[1:]), _peak_memory(loop.device))


def faster_threads(loop: Loop) -> int:
    """Returns how many CPU threads to train with: all that torch has, or one where other work keeps the cores busy.

    Threads wait for each other many times in a round, so that on a busy machine two can be forty times slower than one.
    The loop is left as it was, and torch with the number returned.
    """
    speeds = {}
    for threads in (1, torch.get_num_threads()):
        torch.set_num_threads(threads)
        speeds[threads] = estimate(loop).images_per_second
    best = max(speeds, key=lambda threads: speeds[threads])
    torch.set_num_threads(best)
    return best


def _peak_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def duration_text(seconds: float) -> str:
    """Returns a duration for people, such as `2 h 05 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
