"""Phases and rounds: what every training trick is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sakuga.data.dataset import Batch


@dataclass(frozen=True)
class Phase:
    """One kind of update.

    Attributes:
        name: Also names its random stream and its losses in the log.
        optimizer: The optimizer that steps; its parameter list is what the phase moves.
        every: Interval in rounds; a round is one batch of real pictures.
    """

    name: str
    optimizer: str
    every: int = 1

    def due(self, number: int, stretch: int = 1) -> bool:
        """Tells whether the phase belongs to round `number`, with its interval times `stretch`."""
        return number % (self.every * stretch) == 0


class Round:
    """One batch of real pictures and all that is done with it; born with the batch, dead after it.

    Attributes:
        images: Images seen before it; names its random streams.
        batch: The real pictures of this process, on the device; labels and indices are not.
        due: Its phases, in order.
    """

    def __init__(self, images: int, batch: Batch, due: Sequence[Phase]):
        self.images, self.batch, self.due = images, batch, tuple(due)
        self._shared: dict[str, tuple[str, Tensor]] = {}
        self._pending = [phase.optimizer for phase in due]

    def share(self, key: str, owner: str, make: Callable[[], Tensor]) -> Tensor:
        """Returns `make()`, computed once a round.

        It carries its graph while a phase of optimizer `owner` is still due, and is without one otherwise. Whoever is
        not the owner detaches it.
        """
        if key not in self._shared:
            with torch.set_grad_enabled(owner in self._pending):
                self._shared[key] = owner, make()
        return self._shared[key][1]

    def stepped(self, phase: Phase) -> None:
        """Notes that a phase is over; what its optimizer owned is shared without a graph once it has no more phases."""
        self._pending.remove(phase.optimizer)
        if phase.optimizer not in self._pending:
            for key, (owner, tensor) in self._shared.items():
                if owner == phase.optimizer:
                    self._shared[key] = owner, tensor.detach()
