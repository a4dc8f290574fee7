"""Phases and rounds: what every training trick is made of."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sakuga.data.dataset import Batch


@dataclass(frozen=True)
class Phase:
    """One kind of update.

    Attributes:
        name: Also names its random stream and its losses in the log.
        optimizer: The optimizer that steps; its parameter list is what the phase moves.
        every: Interval in rounds; a round is one batch of real pictures.
        offset: The phase is due in rounds `offset`, `offset + every`, ...
        start: Images seen from which on it takes part.
        stop: Images seen from which on it does not; None for no end.
    """

    name: str
    optimizer: str
    every: int = 1
    offset: int = 0
    start: int = 0
    stop: int | None = None

    def due(self, number: int, images: int) -> bool:
        """Tells whether the phase belongs to round `number`, which begins when `images` have been seen."""
        in_time = self.start <= images and (self.stop is None or images < self.stop)
        return in_time and number >= self.offset and (number - self.offset) % self.every == 0


class Round:
    """One batch of real pictures and all that is done with it; born with the batch, dead after it.

    Attributes:
        images: Images seen before it; names its random streams.
        batch: The real pictures of this process, on the device.
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


class Step(Protocol):
    """A way of training: its networks, its phases, and the losses of each phase."""

    networks: nn.ModuleDict
    phases: tuple[Phase, ...]

    def wants(self, phase: Phase, number: int) -> bool:
        """Tells whether a phase that is due in round `number` shall take place."""
        ...

    def lr_scale(self, optimizer: str) -> float:
        """Returns what an optimizer's learning rate is multiplied with now."""
        ...

    def losses(self, phase: Phase, round: Round) -> Iterator[tuple[str, Tensor]]:
        """Yields named scalar losses; each is back-propagated at once and its graph freed."""
        ...

    def after(self, phase: Phase) -> None:
        """Does what follows a phase's update, such as clipping weights."""
        ...

    def end_round(self, round: Round) -> None:
        """Does what follows the last phase of a round."""
        ...

    def state(self) -> dict[str, Any]:
        """Returns what the step remembers beside its networks, as JSON."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        ...
