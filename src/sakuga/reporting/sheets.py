"""Sheets of pictures with captions on their rows and columns."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sakuga.core import images
from sakuga.core.errors import UserError

_INK, _MARGIN = (60, 60, 70), 6


def grid(pictures: Sequence[Image.Image], columns: int | None = None, scale: int = 1) -> Image.Image:
    """Lays pictures of one size out row by row.

    Args:
        pictures: At least one.
        columns: Pictures a row; as square as possible if None.
        scale: Each pixel becomes a square of so many.

    Raises:
        UserError: If there are no pictures, they differ in size, or a number is below 1.
    """
    if not pictures:
        raise UserError("A grid of no pictures cannot be laid out: give at least one.")
    for name, number in (("columns", columns), ("scale", scale)):
        if number is not None and number < 1:
            raise UserError(f"{name} {number} is too small: give 1 or more.")
    if len(sizes := {picture.size for picture in pictures}) > 1:
        (width, height), (other_width, other_height) = sorted(sizes)[:2]
        raise UserError(
            f"Pictures of {width}x{height} and of {other_width}x{other_height} make no grid: bring them to one size."
        )
    return Image.fromarray(
        labeled_sheet(np.stack([np.asarray(p.convert("RGB")) for p in pictures]), columns, scale=scale)
    )


def labeled_sheet(
    pictures: np.ndarray,
    columns: int | None = None,
    *,
    row_captions: Sequence[str] = (),
    column_captions: Sequence[str] = (),
    title: str = "",
    scale: int = 1,
    gap: int = 2,
    font_size: int = 12,
) -> np.ndarray:
    """Lays pictures out row by row as `images.grid`, with captions to the left of the rows and above the columns.

    Args:
        pictures: uint8 `[N, H, W, 3]`.
        columns: Pictures a row; as square as possible if None.
        row_captions: One for each row, or none at all.
        column_captions: One for each column, or none at all; those wider than a column are broken at spaces.
        title: A line above everything.
        scale: Each pixel becomes a square of so many.
        gap: Pixels between and around the pictures.
        font_size: Height of the letters, in pixels.

    Returns:
        uint8 `[H', W', 3]`.

    Raises:
        ValueError: If there are captions, but not one for each row or column.
    """
    enlarged = pictures.repeat(scale, axis=1).repeat(scale, axis=2)
    _, height, width = enlarged.shape[:3]
    columns = columns or images.squarest(len(pictures))
    body = images.grid(enlarged, columns, gap)
    rows = (body.shape[0] - gap) // (height + gap)
    for what, captions, count in (("row", row_captions, rows), ("column", column_captions, columns)):
        if captions and len(captions) != count:
            raise ValueError(f"{len(captions)} {what} captions for {count} {what}s")

    font = ImageFont.load_default(font_size)
    line = font_size + 4
    wrapped = [_wrap(caption, font, width) for caption in column_captions]
    left = max((int(font.getlength(c)) for c in row_captions), default=-_MARGIN) + _MARGIN
    left += _MARGIN if row_captions else 0
    top_of_captions = line + _MARGIN if title else 0
    top = top_of_captions + max((len(lines) for lines in wrapped), default=0) * line
    right = max(left + body.shape[1], int(font.getlength(title)) + 2 * _MARGIN if title else 0)

    canvas = Image.new("RGB", (right, top + body.shape[0]), "white")
    canvas.paste(Image.fromarray(body), (left, top))
    draw = ImageDraw.Draw(canvas)
    if title:
        draw.text((_MARGIN, _MARGIN), title, _INK, font)
    for i, caption in enumerate(row_captions):
        middle = top + gap + i * (height + gap) + height // 2
        draw.text((left - _MARGIN, middle), caption, _INK, font, anchor="rm")
    for i, lines in enumerate(wrapped):
        center = left + gap + i * (width + gap) + width // 2
        for j, text in enumerate(reversed(lines)):
            draw.text((center, top - j * line - 2), text, _INK, font, anchor="md")
    return np.asarray(canvas)


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
