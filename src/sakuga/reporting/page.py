"""Self-contained HTML pages: nothing is loaded from elsewhere, so that a page can be mailed or archived."""

import base64
import html
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple, Self

from sakuga.core.filekinds import picture_kind
from sakuga.core.files import write_text

_SHOWN = ("PNG", "GIF", "JPEG", "WebP")  # by every browser

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --soft: #667085; --paper: #fbfbfd; --card: #fff; --line: #e4e7ee;
  --accent: #c2417c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ee; --soft: #9aa3b5; --paper: #14161c; --card: #1c1f28;
  --line: #2c313d; --accent: #f48fb8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1140px; margin: 0 auto; padding: 2rem 1.1rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; letter-spacing: -.01em; }
h1::after { content: ""; display: block; width: 3.2rem; height: 4px; border-radius: 2px; background: var(--accent);
  margin-top: .7rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; }
p { margin: .6rem 0; max-width: 46rem; overflow-wrap: anywhere; }
p.note { border-left: 4px solid var(--accent); background: var(--card); padding: .6rem .9rem;
  border-radius: 0 6px 6px 0; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .94rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem 1.1rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; }
table.dense { font-size: .86rem; }
table.dense th, table.dense td { padding-right: .9rem; white-space: nowrap; }
td.best { color: var(--accent); font-weight: 650; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem;
  white-space: pre-wrap; overflow-wrap: anywhere;
  font: .88rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.row { display: flex; flex-wrap: wrap; gap: 0 0.7rem; align-items: flex-start; }
figure { margin: 1rem 0; max-width: 100%; }
figure img { display: block; max-width: 100%; height: auto; border-radius: 8px; border: 1px solid var(--line); }
figure img.pixels { image-rendering: pixelated; }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .4rem; max-width: 46rem; }
"""


class Figures(NamedTuple):
    """A cell of a table that holds numbers as text, such as `12.3 ± 0.4`; `best` makes it stand out."""

    text: str
    best: bool = False


class Page:
    """A page that is built from top to bottom; every method but the last two adds something and returns the page.

    Args:
        title: The heading, and the title of the window.
    """

    def __init__(self, title: str):
        self._title = title
        self._parts: list[str] = []

    def heading(self, text: str) -> Self:
        """Adds a heading."""
        return self._add(f"<h2>{_escape(text)}</h2>")

    def text(self, text: str) -> Self:
        """Adds paragraphs; an empty line ends one."""
        for paragraph in text.split("\n\n"):
            self._add(f"<p>{_escape(paragraph)}</p>")
        return self

    def note(self, text: str) -> Self:
        """Adds a paragraph that stands out: a warning, a remark."""
        return self._add(f'<p class="note">{_escape(text)}</p>')

    def table(
        self,
        rows: Sequence[Sequence[object]] | Mapping[str, object],
        header: Sequence[str] = (),
        dense: bool = False,
    ) -> Self:
        """Adds a table.

        Args:
            rows: The rows, or names and their values. Columns of nothing but numbers and `Figures` are aligned to the
                right; floats get four digits.
            header: The names of the columns.
            dense: Whether it is set small and no cell is broken, for tables of many columns.
        """
        listed = [list(row) for row in (rows.items() if isinstance(rows, Mapping) else rows)]
        right = [all(map(_is_number, column)) for column in zip_longest(*listed, fillvalue="")]
        body = "".join("<tr>" + "".join(map(_cell, row, right)) + "</tr>" for row in listed)
        tags = ['<th class="number">' if dense and is_right else "<th>" for is_right in right]
        columns = zip_longest(tags[: len(header)], header, fillvalue="<th>")
        head = "".join(f"{tag}{_escape(name)}</th>" for tag, name in columns)
        opening = '<table class="dense">' if dense else "<table>"
        return self._add(f'<div class="scroll">{opening}{f"<tr>{head}</tr>" if head else ""}{body}</table></div>')

    def folded(self, summary: str, inner: "Page") -> Self:
        """Adds what another page holds, hidden until its summary is clicked."""
        parts = "\n".join(inner._parts)
        return self._add(f"<details><summary>{_escape(summary)}</summary>\n{parts}\n</details>")

    def code(self, text: str) -> Self:
        """Adds commands or other text of fixed width."""
        return self._add(f"<pre>{_escape(text)}</pre>")

    def picture(self, data: bytes, caption: str = "", width: int | None = None) -> Self:
        """Adds one picture.

        Args:
            data: A PNG, GIF, JPEG or WebP file.
            caption: What it shows.
            width: Width on the page in CSS pixels, less where the screen is narrower; the picture's own if None. Given
                a width, the picture is enlarged without smoothing, as small pictures should be.

        Raises:
            ValueError: If the bytes are none of these files.
        """
        return self._add(_figure(data, caption, width))

    def pictures(self, pictures: Sequence[tuple[bytes, str, int | None]]) -> Self:
        """Adds pictures, each with its caption and width, side by side as the screen allows; as `picture`."""
        return self._add('<div class="row">' + "".join(_figure(*one) for one in pictures) + "</div>")

    def html(self) -> str:
        """Returns the page."""
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{_escape(self._title)}</title>\n<style>{_STYLE}</style></head>\n"
            f"<body><main>\n<h1>{_escape(self._title)}</h1>\n" + "\n".join(self._parts) + "\n</main></body></html>\n"
        )

    def save(self, path: str | Path) -> Path:
        """Writes the page and returns the path; errors as in `files.writing`."""
        return write_text(path, self.html())

    def _add(self, part: str) -> Self:
        self._parts.append(part)
        return self


def _figure(data: bytes, caption: str, width: int | None) -> str:
    kind = picture_kind(data)
    if kind not in _SHOWN:
        raise ValueError("a picture must be a PNG, GIF, JPEG or WebP file")
    address = f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"
    sized = f' class="pixels" style="width:{int(width)}px"' if width else ""
    below = f"<figcaption>{_escape(caption)}</figcaption>" if caption else ""
    # The figure is as wide as its picture, so that captions in a row break under their own picture.
    limit = f' style="width:{int(width)}px"' if width else ""
    return f'<figure{limit}><img src="{address}" alt="{_escape(caption)}"{sized}>{below}</figure>'


def _cell(value: object, right: bool) -> str:
    if isinstance(value, Figures):
        chosen = "number best" if value.best else "number"
        return f'<td class="{chosen}">{_escape(value.text)}</td>'
    if isinstance(value, float):
        value = f"{value:.4g}"
    elif _is_number(value):
        value = f"{value:,}"
    opening = '<td class="number">' if right else "<td>"
    return f"{opening}{_escape(str(value))}</td>"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Figures) and not isinstance(value, bool)


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
