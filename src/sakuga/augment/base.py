"""What an augmentation is to a step."""

from typing import Any, Protocol

from torch import Tensor


class Augment(Protocol):
    """Changes pictures before D sees them, real and fake alike.

    Attributes:
        strength: The probability or share of change, 0..1.
    """

    strength: float

    def __call__(self, images: Tensor) -> Tensor:
        """Returns changed pictures, from and to float `[N, 3, H, W]`; draws from torch's global generator."""
        ...

    def see(self, logits: Tensor) -> None:
        """Takes D's logits on this process's real pictures, minus D's decision level, float `[N, P]`."""
        ...

    def end_round(self, images: int) -> None:
        """Moves the strength by what was seen, after a round of so many images over all processes."""
        ...

    def state(self) -> dict[str, Any]:
        """Returns what it remembers, as JSON."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        ...


class FixedAugment:
    """The part of an `Augment` that learns nothing, for those whose strength is fixed."""

    strength: float = 0.0

    def see(self, logits: Tensor) -> None:
        """Looks away."""

    def end_round(self, images: int) -> None:
        """Moves nothing."""

    def state(self) -> dict[str, Any]:
        """Returns nothing, as there is nothing to remember."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes nothing."""


class NoAugment(FixedAugment):
    """D sees the pictures as they are."""

    def __call__(self, images: Tensor) -> Tensor:
        """Returns the same tensor."""
        return images
