"""Several processes, one model: rank, world size, and the few collectives that training needs."""

import os
from collections.abc import Sequence

import torch
import torch.distributed as dist


def start(device: torch.device) -> None:
    """Joins the process group that torchrun announces in the environment; does nothing without it."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        # Told its device, NCCL need not guess one at the first barrier.
        named = device if device.index is not None else None
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", device_id=named)


def stop() -> None:
    """Leaves the process group, if there is one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """Returns this process's number, 0 if it is alone."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world_size() -> int:
    """Returns the number of processes."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def barrier() -> None:
    """Waits for all processes."""
    if world_size() > 1:
        dist.barrier()


def average_(tensors: Sequence[torch.Tensor]) -> None:
    """Averages tensors over the processes in place, in one flat all-reduce of float32.

    Args:
        tensors: Float tensors of one device, the same shapes in the same order in every process.
    """
    if world_size() == 1 or not tensors:
        return
    flat = torch.cat([t.detach().reshape(-1).float() for t in tensors])
    dist.all_reduce(flat)
    flat /= world_size()
    for tensor, piece in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.detach().copy_(piece.view_as(tensor))
