import json
import os
import subprocess
import sys
from pathlib import Path

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
    assert distributed.gather_objects({"a": 1}) == [{"a": 1}]


_WORKER = """
import json, sys, torch
from sakuga.core import distributed
distributed.start(torch.device("cpu"))
rank = distributed.rank()
a = torch.full((2, 3), float(rank)); b = torch.tensor(10.0 * rank, dtype=torch.float64)
c = torch.full((2, 2), 1.0 + rank).t()
distributed.average_([a, b, c])
distributed.barrier()
told = distributed.gather_objects({"rank": rank})
if rank == 0:
    print(json.dumps([distributed.world_size(), a.flatten().tolist(), b.item(), c.flatten().tolist(), told]))
distributed.stop()
"""


def test_two_processes_average_and_gather(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(_WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(Path(distributed.__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [2, [0.5] * 6, 5.0, [1.5] * 4, [{"rank": 0}, {"rank": 1}]]
