"""The one exception for mistakes of the user."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's, told in one sentence: what, where, what was expected, what to do.

    The command line prints it without a traceback and exits with status 2.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns the phrase that follows "unknown X": the nearest known names, or all of them where none is near."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close) + "?"
    return "known: " + ", ".join(known) + "."
