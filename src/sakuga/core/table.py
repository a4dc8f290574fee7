"""Tables that people write."""

import csv
import io

from sakuga.core.errors import UserError

UNKNOWN_MARKS = frozenset(("", "unknown", "?", "-1", "nan", "n/a"))
"""What stands, in lower case, in a cell of which nothing is known."""


def read_table(data: bytes, where: str, key: str, example: str) -> tuple[list[str], list[list[str]]]:
    """Reads comma-separated values in UTF-8, or values separated by semicolons if the first line has no comma.

    Args:
        data: The whole file.
        where: What to call it in an error.
        key: A column that must be there, beside others.
        example: A first line as it should be.

    Returns:
        The names of the columns, in lower case, and the rows, which may have another number of columns; those without
        any are left out.

    Raises:
        UserError: If it is no such table.
    """
    try:
        text = data.decode("utf-8-sig")
        separator = ";" if "," not in text.partition("\n")[0] else ","
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{where} is not a table of comma-separated values in UTF-8 ({error}): save it as one."
        ) from None
    if not rows:
        raise UserError(f"{where} is empty: its first line must name the columns, as in {example}.")
    header = [name.strip().lower() for name in rows[0]]
    if key not in header or len(set(header)) < len(header) or "" in header or len(header) < 2:
        raise UserError(
            f"{where} starts with {','.join(rows[0])[:80]!r}: its first line must name different columns, one of them "
            f"`{key}`, as in {example}."
        )
    return header, [row for row in rows[1:] if row]
