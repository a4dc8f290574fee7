"""What synthetic faces are drawn with: colors, curves, and a sheet four times as large as the picture.

Coordinates of a face: x from -0.5 to 0.5, y from 0 (top) to 1, upright and in the middle; `Sheet` makes pixels
of them.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

Color = tuple[int, int, int]

SUPERSAMPLING = 4
WHITE: Color = (255, 255, 255)
CIRCLE = np.stack([np.cos(a := np.linspace(0, 2 * np.pi, 24, endpoint=False)), np.sin(a)], axis=1)

_T = np.linspace(0, 1, 7)[None, :-1, None]


def mix(a: Color, b: Color, t: float) -> Color:
    """Returns the color at `t` on the way from `a` to `b`."""
    return round(a[0] + (b[0] - a[0]) * t), round(a[1] + (b[1] - a[1]) * t), round(a[2] + (b[2] - a[2]) * t)


def shade(color: Color, t: float) -> Color:
    """Returns a darker color, turned a little towards violet, as shadows on cels are painted."""
    return mix(color, (round(color[0] * 0.38), round(color[1] * 0.22), round(color[2] * 0.42)), t)


@cache
def outline(text: str) -> np.ndarray:
    """Returns the points of a text such as `"0.1 0.2, 0.3 0.4"`, float `[N, 2]`; not to be changed."""
    points = np.array([[float(number) for number in pair.split()] for pair in text.split(",")])
    points.flags.writeable = False
    return points


def shifted(points: np.ndarray, x: float, y: float) -> np.ndarray:
    """Returns the points moved to the right and down."""
    return points + np.array([x, y])


def mirrored(right: np.ndarray) -> np.ndarray:
    """Completes the right half of an outline, given from top to bottom, with its mirror image; float `[M, 2]`."""
    left = right[::-1] * [-1, 1]
    return np.concatenate([right, left[left[:, 0] != 0]])


def bent(points: np.ndarray, bends: float | np.ndarray) -> np.ndarray:
    """Returns a closed outline whose edges are quadratic curves.

    Args:
        points: Corners, float `[N, 2]`.
        bends: How far each edge bulges, as a fraction of its length, float or float `[N]`.

    Returns:
        float `[6 N, 2]`.
    """
    along = np.roll(points, -1, axis=0) - points
    bulge = 2 * np.broadcast_to(np.asarray(bends, float), len(points))[:, None]
    control = points + along / 2 + bulge * np.stack([along[:, 1], -along[:, 0]], axis=1)
    start, end, control = points[:, None], (points + along)[:, None], control[:, None]
    return ((1 - _T) ** 2 * start + 2 * _T * (1 - _T) * control + _T**2 * end).reshape(-1, 2)


def smooth(points: np.ndarray) -> np.ndarray:
    """Returns a closed outline through the points without corners (Catmull and Rom 1974), float `[6 N, 2]`."""
    around = np.concatenate([points[-1:], points, points[:2]])[:, None]
    p0, p1, p2, p3 = around[:-3], around[1:-2], around[2:-1], around[3:]
    curve = 2 * p1 + (p2 - p0) * _T + (2 * p0 - 5 * p1 + 4 * p2 - p3) * _T**2 + (3 * (p1 - p2) + p3 - p0) * _T**3
    return (curve / 2).reshape(-1, 2)


class Sheet:
    """The picture at its large size, and the way from a face's coordinates to its pixels.

    Args:
        resolution: Of the finished picture.
        tilt: Of the head, in degrees, positive to the right.
        turn: Of the head to the side, -1..1: what has more `depth` moves further.
        zoom: Size of the head, about 1.
        shift: Of the head to the right and down, as fractions of the picture.
    """

    def __init__(self, resolution: int, *, tilt: float, turn: float, zoom: float, shift: tuple[float, float]) -> None:
        self.size = resolution * SUPERSAMPLING
        self.image = Image.new("RGB", (self.size, self.size), "white")
        self._draw = ImageDraw.Draw(self.image)
        angle = np.deg2rad(tilt)
        self._matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * zoom * self.size
        self._pivot = np.array([0.0, 0.75])
        self._center = np.array([0.5 + shift[0], 0.75 + shift[1]]) * self.size
        self._turn = turn

    def pixels(self, points: np.ndarray, depth: float = 0.0) -> list[float]:
        """Returns pixel coordinates x, y, x, y, ... of points float `[N, 2]`."""
        moved = points - self._pivot
        moved[:, 0] += self._turn * depth
        return (moved @ self._matrix + self._center).ravel().tolist()

    def fill(self, points: np.ndarray, color: Color, depth: float = 0.0) -> None:
        """Fills a closed outline."""
        self._draw.polygon(self.pixels(points, depth), fill=color)

    def line(
        self, points: np.ndarray, color: Color, width: float = 0.009, depth: float = 0.0, *, closed: bool = False
    ) -> None:
        """Draws a line; its width is a fraction of the picture's."""
        pixels = self.pixels(points, depth)
        self._draw.line(pixels + pixels[:2] * closed, fill=color, width=max(1, round(width * self.size)))

    def layer(self, start: Image.Image | None = None) -> "Sheet":
        """Returns a second sheet of the same pose to draw on, over `start`, or over what this one shows."""
        layer = object.__new__(Sheet)
        layer.__dict__.update(self.__dict__)
        layer.image = start or self.image.copy()
        layer._draw = ImageDraw.Draw(layer.image)
        return layer

    def paste(self, image: Image.Image, points: np.ndarray, depth: float = 0.0) -> None:
        """Shows an image of the sheet's size inside a closed outline."""
        x, y = np.array(self.pixels(points, depth)).reshape(-1, 2).T
        left, top = max(0, int(x.min())), max(0, int(y.min()))
        box = left, top, min(self.size, int(x.max()) + 2), min(self.size, int(y.max()) + 2)
        if box[0] < box[2] and box[1] < box[3]:
            mask = Image.new("L", (box[2] - left, box[3] - top))
            ImageDraw.Draw(mask).polygon(np.stack([x - left, y - top], axis=1).ravel().tolist(), fill=255)
            self.image.paste(image.crop(box), box, mask)

    def gradient(self, colors: list[Color], rows: tuple[float, float] | None = None) -> Image.Image:
        """Returns a vertical gradient; over the rows of pixels from `rows[0]` to `rows[1]` if given, else over all."""
        column = Image.new("RGB", (1, len(colors)))
        column.putdata(colors)
        top, bottom = (0, self.size) if rows is None else (int(rows[0]), int(rows[1]) + 1)
        column = column.resize((1, bottom - top), Image.Resampling.BILINEAR)
        if rows is None:
            return column.resize((self.size, self.size), Image.Resampling.NEAREST)
        image = Image.new("RGB", (self.size, self.size))
        image.paste(column.resize((self.size, bottom - top), Image.Resampling.NEAREST), (0, top))
        return image

    def finish(self) -> np.ndarray:
        """Returns the finished picture, uint8 `[resolution, resolution, 3]`."""
        return np.asarray(self.image.reduce(SUPERSAMPLING))
