import numpy as np
import torch

from sakuga.data.dataset import Batch
from sakuga.training.phases import Phase, Round

BATCH = Batch(torch.zeros(2, 3, 4, 4), torch.zeros(2, 0, dtype=torch.int64), np.arange(2))


def test_a_phase_is_due_at_its_interval() -> None:
    phase = Phase("d_penalty", "d", every=4)
    assert [n for n in range(12) if phase.due(n)] == [0, 4, 8]
    assert [n for n in range(12) if phase.due(n, stretch=2)] == [0, 8]


def test_a_shared_tensor_is_made_once_and_has_a_graph_while_its_owner_is_due() -> None:
    weight = torch.ones(3, requires_grad=True)
    made = []

    def make() -> torch.Tensor:
        made.append(1)
        return weight * 2

    d, g = Phase("d", "d"), Phase("g", "g")
    round = Round(0, BATCH, (d, g))
    assert round.share("fake", "g", make).requires_grad
    round.stepped(d)
    assert round.share("fake", "g", make).requires_grad
    round.stepped(g)
    assert not round.share("fake", "g", make).requires_grad
    assert made == [1]


def test_a_shared_tensor_has_no_graph_when_its_owner_is_not_due() -> None:
    weight = torch.ones(3, requires_grad=True)
    assert not Round(0, BATCH, (Phase("d", "d"),)).share("fake", "g", lambda: weight * 2).requires_grad
