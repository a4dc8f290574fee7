"""The one exception for mistakes of the user."""

import difflib
from collections.abc import Iterable
from typing import Any, get_args


class UserError(Exception):
    """A mistake of the user's, told in one sentence: what, where, what was expected, what to do.

    The command line prints it without a traceback and exits with status 2.
    """


def printable(text: str, unknown: str = "?") -> str:
    """Returns a text that can go on a terminal: a name in a file may hold anything, even a terminal's commands."""
    return "".join(c if c.isprintable() else unknown for c in text)


def nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Returns the phrase that follows "unknown X": the nearest known names, or all of them where none is near.

    Dotted names are near too if their last parts are: `lr` to `optimizer.g.lr`. `prefix` stands before each name.
    """

    def likeness(other: str) -> float:
        last = difflib.SequenceMatcher(None, name.rpartition(".")[2], other.rpartition(".")[2]).ratio()
        return max(difflib.SequenceMatcher(None, name, other).ratio(), 0.9 * last if last >= 0.75 else 0.0)

    known = sorted(known)
    if not known:
        return "there are none."
    best = max(likeness(k) for k in known)
    close = sorted((k for k in known if likeness(k) >= max(0.55, best - 0.2)), key=likeness, reverse=True)[:3]
    if close:
        return "did you mean " + " or ".join(repr(prefix + c) for c in close) + "?"
    shown = known if len(known) <= 25 else known[:20]
    rest = f" and {len(known) - len(shown)} more." if len(shown) < len(known) else "."
    return f"known: {', '.join(prefix + k for k in shown)}{rest}"


def choice(name: str, known: Iterable[str]) -> str:
    """Returns the nearest of the known names, and all of them, as far as a sentence can hold them."""
    known = list(known)
    phrase = nearest(name, known)
    if not phrase.startswith("did you mean"):
        return phrase
    return f"{phrase.removesuffix('?')} (known: {', '.join(known[:30])}{', ...' if len(known) > 30 else ''})?"


def check_choice(name: str, value: object, kinds: Any) -> None:
    """Refuses what is no value of a Literal.

    Raises:
        UserError: If so.
    """
    if value not in get_args(kinds):
        raise UserError(f"No {name} {value!r}: {choice(str(value), get_args(kinds))}")
