import json

import torch

from sakuga.core import distributed


def test_alone_there_is_nothing_to_do(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    distributed.start(torch.device("cpu"))
    assert (distributed.rank(), distributed.world_size()) == (0, 1)
    x = torch.tensor([1.0, 2.0])
    distributed.average_([x])
    distributed.barrier()
    distributed.stop()
    assert x.tolist() == [1.0, 2.0]


_WORKER = """
import json, sys, torch
from sakuga.core import distributed
distributed.start(torch.device("cpu"))
rank = distributed.rank()
a = torch.full((2, 3), float(rank)); b = torch.tensor(10.0 * rank, dtype=torch.float64)
c = torch.full((2, 2), 1.0 + rank).t()
distributed.average_([a, b, c])
distributed.barrier()
if rank == 0:
    print(json.dumps([distributed.world_size(), a.flatten().tolist(), b.item(), c.flatten().tolist()]))
distributed.stop()
"""


def test_two_processes_average(said_by_two_processes):
    assert json.loads(said_by_two_processes(_WORKER)) == [2, [0.5] * 6, 5.0, [1.5] * 4]
