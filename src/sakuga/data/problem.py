"""What is left out of a data set."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A file, or a label, that is left out, and why."""

    file: str
    reason: str  # what is wrong, and after a colon or in parentheses the details

    @property
    def kind(self) -> str:
        """What is wrong, without the details."""
        return re.split(r":| \(", self.reason, maxsplit=1)[0]

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"
