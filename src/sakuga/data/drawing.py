"""How a synthetic face is drawn: polygons at four times the size, reduced at the end.

Coordinates: x from -0.5 to 0.5, y from 0 (top) to 1, for an upright head in the middle; `_Sheet` turns them into pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from sakuga.data.synthetic import Face

Color = tuple[int, int, int]
Points = np.ndarray | list[tuple[float, float]]

SUPERSAMPLING = 4

HAIR_COLORS: dict[str, Color] = {
    "aqua": (96, 208, 214),
    "black": (58, 54, 66),
    "blonde": (246, 214, 112),
    "blue": (76, 112, 208),
    "brown": (138, 88, 58),
    "gray": (150, 152, 162),
    "green": (92, 168, 92),
    "orange": (240, 142, 58),
    "pink": (246, 158, 186),
    "purple": (146, 98, 190),
    "red": (206, 58, 62),
    "white": (232, 232, 240),
}
EYE_COLORS: dict[str, Color] = {
    "aqua": (40, 196, 206),
    "black": (56, 50, 60),
    "blue": (48, 104, 216),
    "brown": (136, 82, 46),
    "gray": (128, 134, 146),
    "green": (52, 162, 78),
    "orange": (236, 130, 36),
    "pink": (238, 110, 158),
    "purple": (142, 76, 200),
    "red": (208, 40, 46),
    "yellow": (232, 196, 44),
}
SKIN_COLORS: dict[str, Color] = {
    "pale": (255, 240, 230),
    "light": (254, 226, 206),
    "tan": (236, 190, 154),
    "dark": (178, 122, 88),
}
_WHITE: Color = (255, 255, 255)
_INK: Color = (60, 36, 40)

_T = np.linspace(0, 1, 7)[:-1, None]
_CIRCLE = np.stack([np.cos(a := np.linspace(0, 2 * np.pi, 24, endpoint=False)), np.sin(a)], axis=1)


def draw_face(face: Face, resolution: int) -> np.ndarray:
    """Draws one face.

    Returns:
        uint8 `[resolution, resolution, 3]`.
    """
    sheet = _Sheet(face, resolution * SUPERSAMPLING)
    hair = _Hair(face)
    _background(sheet, face)
    hair.behind(sheet)
    _body(sheet, face)
    _head(sheet, face, hair)
    for side in (-1, 1):
        _eye(sheet, face, side)
    hair.front(sheet)
    for side in (-1, 1):
        _brow(sheet, face, side, hair.line)
    return np.asarray(sheet.image.reduce(SUPERSAMPLING))


def mix(a: Color, b: Color, t: float) -> Color:
    """Returns the color at `t` on the way from `a` to `b`."""
    return tuple(round(x + (y - x) * t) for x, y in zip(a, b, strict=True))  # pyright: ignore[reportReturnType]


def shade(color: Color, t: float) -> Color:
    """Returns a darker color, its shadow turned a little towards violet as painters of cels do."""
    return mix(color, (round(color[0] * 0.35), round(color[1] * 0.22), round(color[2] * 0.42)), t)


def edges(points: Points, bends: float | list[float] | np.ndarray = 0.0) -> np.ndarray:
    """Returns a closed outline whose edges are bent: each is a quadratic curve, `bends` its height over its length."""
    start = np.asarray(points, float)
    end = np.roll(start, -1, axis=0)
    along = end - start
    bend = np.broadcast_to(np.asarray(bends, float), len(start))[:, None]
    control = (start + end) / 2 + 2 * bend * np.stack([along[:, 1], -along[:, 0]], axis=1)
    t = _T[None]
    curve = (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * control[:, None] + t**2 * end[:, None]
    return curve.reshape(-1, 2)


def smooth(points: Points) -> np.ndarray:
    """Returns a closed outline through the points without corners (Catmull and Rom 1974)."""
    p1 = np.asarray(points, float)[:, None]
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = _T[None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3
    return (curve / 2).reshape(-1, 2)


def mirrored(points: Points) -> list[tuple[float, float]]:
    """Completes the right half of an outline, given from top to bottom, with its mirror image."""
    return [*((x, y) for x, y in points), *((-x, y) for x, y in reversed(list(points)) if x)]


class _Sheet:
    """The picture at its large size, and the way from a face's coordinates to its pixels."""

    def __init__(self, face: Face, size: int) -> None:
        self.size = size
        self.image = Image.new("RGB", (size, size), "white")
        self.draw = ImageDraw.Draw(self.image)
        angle = np.deg2rad(face.tilt)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        self._matrix = turn * face.zoom * size
        self._pivot = np.array([0.0, 0.75])
        self._center = np.array([0.5 + face.shift[0], 0.75 + face.shift[1]]) * size
        self._turn = face.turn

    def pixels(self, points: Points, depth: float = 0.0) -> list[float]:
        """Returns pixel coordinates; what has more depth moves more when the head turns."""
        moved = np.asarray(points, float) - self._pivot
        moved[:, 0] += self._turn * depth
        return (moved @ self._matrix + self._center).ravel().tolist()

    def fill(self, points: Points, color: Color, depth: float = 0.0) -> None:
        self.draw.polygon(self.pixels(points, depth), fill=color)

    def line(self, points: Points, color: Color, width: float, depth: float = 0.0, closed: bool = False) -> None:
        pixels = self.pixels(points, depth)
        self.draw.line(pixels + pixels[:2] * closed, fill=color, width=max(1, round(width * self.size)))

    def mask(self, points: Points, depth: float = 0.0) -> Image.Image:
        image = Image.new("L", (self.size, self.size))
        ImageDraw.Draw(image).polygon(self.pixels(points, depth), fill=255)
        return image

    def gradient(self, colors: list[Color]) -> Image.Image:
        """Returns a vertical gradient of the size of the sheet."""
        column = Image.new("RGB", (1, len(colors)))
        column.putdata(colors)
        return column.resize((1, self.size), Image.Resampling.BILINEAR).resize((self.size, self.size))


def _background(sheet: _Sheet, face: Face) -> None:
    hue = face.shape[0]
    color: Color = tuple(round(200 + 50 * np.cos(2 * np.pi * (hue + i / 3))) for i in range(3))  # pyright: ignore
    if face.labels["background"] == "plain":
        sheet.image.paste(color, (0, 0, sheet.size, sheet.size))
    elif face.labels["background"] == "gradient":
        sheet.image.paste(sheet.gradient([shade(color, 0.25), color, mix(color, _WHITE, 0.8)]))


def _body(sheet: _Sheet, face: Face) -> None:
    skin = SKIN_COLORS[face.labels["skin"]]
    neck = mirrored([(0.085, 0.78), (0.085, 0.93), (0.2, 0.98), (0.2, 1.1)])
    sheet.fill(neck, shade(skin, 0.16), 0.0)
    cloth: Color = tuple(  # pyright: ignore[reportAssignmentType]
        round(150 + 90 * np.cos(2 * np.pi * (face.shape[1] + i / 3))) for i in range(3)
    )
    for side in (-1, 1):
        coat = [(0.10 * side, 0.915), (0.30 * side, 0.965), (0.46 * side, 1.03), (0.5 * side, 1.2), (0.0, 1.2), (0.02 * side, 1.04)]
        sheet.fill(coat, cloth)
        collar = [(0.09 * side, 0.90), (0.17 * side, 0.945), (0.10 * side, 1.06), (0.01 * side, 1.03)]
        sheet.fill(collar, mix(cloth, _WHITE, 0.75))
        sheet.line(coat[:3], shade(cloth, 0.5), 0.008)
        sheet.line(collar, shade(cloth, 0.4), 0.008, closed=True)


def _head(sheet: _Sheet, face: Face, hair: _Hair) -> None:
    skin = SKIN_COLORS[face.labels["skin"]]
    line, shadow = shade(skin, 0.55), shade(skin, 0.17)
    wide = 0.265 + 0.02 * face.shape[2]
    chin = 0.865 + 0.02 * face.shape[3]
    for side in (-1, 1):
        ear = smooth([(side * (wide - 0.01), 0.55), (side * (wide + 0.045), 0.53), (side * (wide + 0.04), 0.6), (side * (wide - 0.02), 0.67)])
        sheet.fill(ear, skin)
        sheet.line(ear, line, 0.008, closed=True)
    right = [(0.1, 0.2), (wide - 0.02, 0.34), (wide, 0.56), (wide - 0.035, 0.68), (0.155, 0.785), (0.07, chin - 0.028), (0.022, chin - 0.002)]
    turned = face.turn * 0.012
    outline = smooth([(x, y) for x, y in mirrored(right)])
    outline[:, 0] += turned * np.clip((outline[:, 1] - 0.5) / 0.3, 0, 1) * 2
    clip = sheet.mask(outline)
    sheet.fill(outline, skin)
    shaded = sheet.image.copy()
    ImageDraw.Draw(shaded).polygon(sheet.pixels(hair.fringe + [0.006, 0.03], 0.01), fill=shadow)
    sheet.image.paste(shaded, mask=clip)
    sheet.line(outline, line, 0.01, closed=True)
    if face.labels["blush"] == "yes":
        _blush(sheet, skin)
    nose = [(0.004, 0.685), (0.012, 0.7), (-0.006, 0.706)]
    sheet.line(nose, shade(skin, 0.5), 0.009, 0.035)
    _mouth(sheet, face, skin)


def _blush(sheet: _Sheet, skin: Color) -> None:
    for side in (-1, 1):
        center = np.array([0.165 * side, 0.715])
        for k, size in enumerate((1.0, 0.7)):
            sheet.fill(center + _CIRCLE * [0.055 * size, 0.027 * size], mix(skin, (255, 120, 120), 0.18 + 0.14 * k), 0.02)


def _mouth(sheet: _Sheet, face: Face, skin: Color) -> None:
    kind, ink, depth = face.labels["mouth"], mix(shade(skin, 0.75), (150, 40, 50), 0.4), 0.03
    wide, y = 0.045 + 0.02 * face.shape[4], 0.772
    x = np.linspace(-wide, wide, 9)
    if kind == "open":
        tall = 0.035 + 0.025 * face.shape[5]
        shape = edges([(-wide, y - 0.012), (wide, y - 0.012), (0.0, y + tall)], [-0.06, 0.22, 0.22])
        sheet.fill(shape, (176, 52, 60), depth)
        sheet.fill([(-wide * 0.55, y + tall * 0.45), (0.0, y + tall * 0.3), (wide * 0.55, y + tall * 0.45), (0.0, y + tall * 0.9)], (240, 128, 124), depth)
        sheet.line(shape, ink, 0.009, depth, closed=True)
        return
    curve = {
        "smile": 0.016 - 0.018 * (x / wide) ** 2,
        "frown": -0.004 + 0.014 * (x / wide) ** 2,
        "flat": 0.003 * np.cos(3 * x / wide),
        "cat": 0.016 * np.abs(np.sin(np.pi * x / wide)),
    }[kind]
    sheet.line(np.stack([x, y + curve], axis=1), ink, 0.012, depth)
    if kind != "cat":
        sheet.line([(-0.014, y + 0.032), (0.014, y + 0.032)], shade(skin, 0.25), 0.008, depth)


def _eye(sheet: _Sheet, face: Face, side: int) -> None:
    color = EYE_COLORS[face.labels["eyes"]]
    depth = 0.03
    wide = (0.076 + 0.012 * face.shape[6]) * (1 - 0.1 * face.turn * side)
    tall = 0.072 + 0.024 * face.shape[7]
    slant = 0.022 * (face.shape[8] - 0.4)
    center = np.array([0.137 * side, 0.6])
    out = np.array([side, 1.0])

    def at(points: Points) -> np.ndarray:  # x towards the temple, y down, in units of the eye's half size
        places = np.asarray(points, float) * [wide, tall]
        places[:, 1] -= slant * places[:, 0] / wide
        return center + places * out

    opening = at(smooth([(-1.0, 0.15), (-0.72, -0.62), (0.0, -0.98), (0.72, -0.75), (1.05, -0.05), (0.8, 0.68), (0.15, 0.98), (-0.62, 0.78)]))
    mask = sheet.mask(opening, depth)
    inside = sheet.image.copy()
    tile = ImageDraw.Draw(inside)
    tile.polygon(sheet.pixels(opening, depth), fill=(252, 252, 255))
    tile.polygon(sheet.pixels(at([(-1.2, -1.2), (1.3, -1.2), (1.3, -0.4), (0.0, -0.62), (-1.2, -0.25)]), depth), fill=(206, 208, 226))
    look = np.array([0.012 * face.gaze[0], 0.007 * face.gaze[1]])
    iris_size = np.array([wide * 0.70, tall * 0.95])
    iris = center + look + _CIRCLE * iris_size
    top, bottom = sheet.pixels(iris[[18]], depth)[1], sheet.pixels(iris[[6]], depth)[1]
    _iris(inside, sheet, iris, depth, (int(top), int(bottom) + 1), color)
    tile.polygon(sheet.pixels(center + look - [0, tall * 0.1] + _CIRCLE * iris_size * [0.42, 0.46], depth), fill=shade(color, 0.92))
    glow = center + look + [0, tall * 0.58] + _CIRCLE * iris_size * [0.5, 0.22]
    tile.polygon(sheet.pixels(glow, depth), fill=mix(color, _WHITE, 0.55))
    sheet.image.paste(inside, mask=mask)
    for place, size in (((-0.26, -0.42), 0.3), ((0.3, 0.42), 0.15)):
        sheet.fill(center + look + iris_size * place + _CIRCLE * wide * size * [0.8, 1.0], _WHITE, depth)
    lash = at([(-1.05, 0.1), (-0.74, -0.72), (0.0, -1.12), (0.74, -0.9), (1.28, -0.18), (1.02, -0.02), (0.68, -0.62), (0.0, -0.84), (-0.68, -0.5)])
    sheet.fill(smooth(lash), _INK, depth)
    sheet.line(at([(1.0, 0.3), (0.72, 0.74), (0.15, 1.0), (-0.45, 0.92)]), mix(_INK, (170, 110, 100), 0.4), 0.008, depth)
    skin = SKIN_COLORS[face.labels["skin"]]
    sheet.line(at([(-0.6, -1.12), (0.0, -1.42), (0.7, -1.2)]), shade(skin, 0.45), 0.007, depth)


def _iris(image: Image.Image, sheet: _Sheet, outline: np.ndarray, depth: float, rows: tuple[int, int], color: Color) -> None:
    draw = ImageDraw.Draw(image)
    draw.polygon(sheet.pixels(outline, depth), fill=shade(color, 0.85))
    middle = outline.mean(axis=0)
    inner = sheet.mask(middle + (outline - middle) * 0.9, depth)
    column = Image.new("RGB", (1, 4))
    column.putdata([shade(color, 0.75), shade(color, 0.35), color, mix(color, _WHITE, 0.35)])
    top, bottom = rows
    ramp = column.resize((1, bottom - top), Image.Resampling.BILINEAR).resize((sheet.size, bottom - top))
    image.paste(ramp, (0, top), inner.crop((0, top, sheet.size, bottom)))


def _brow(sheet: _Sheet, face: Face, side: int, color: Color) -> None:
    inner, outer = {"angry": (0.03, -0.015), "calm": (0.0, 0.0), "sad": (-0.022, 0.022)}[face.labels["brows"]]
    y = 0.445 + 0.02 * face.shape[9]
    shape = edges(
        [(0.06 * side, y + inner), (0.215 * side, y + 0.012 + outer), (0.06 * side, y + inner + 0.013)],
        [0.1 * side, -0.06 * side, 0.0],
    )
    sheet.fill(shape, color, 0.03)


class _Hair:
    """The hair of a face: what lies behind the head, the fringe, and the locks at the sides."""

    def __init__(self, face: Face) -> None:
        self.shape = face.labels["hair_shape"]
        self.u = face.shape[10:]
        base = HAIR_COLORS[face.labels["hair"]]
        self.color = shade(base, 0.16 * self.u[0]) if self.u[0] > 0.4 else mix(base, _WHITE, 0.12 * (0.4 - self.u[0]))
        self.dark, self.light = shade(self.color, 0.34), mix(self.color, _WHITE, 0.5)
        self.line = shade(self.color, 0.78)
        self.turn = face.turn
        self.fringe = self._fringe(face.labels["bangs"])

    def _fringe(self, kind: str) -> np.ndarray:
        """The hair on the forehead: from temple to temple over the crown, and back along the tips of the locks."""
        low = 0.47 + 0.03 * self.u[1]
        tips = {  # x, y of tips and of the notches between them, from the right temple to the left
            "straight": [(0.25, low), (0.2, low - 0.07), (0.15, low + 0.01), (0.09, low - 0.06), (0.03, low + 0.015), (-0.03, low - 0.06), (-0.09, low + 0.01), (-0.15, low - 0.065), (-0.2, low + 0.005)],
            "parted": [(0.255, low + 0.06), (0.2, low - 0.05), (0.16, low - 0.01), (0.03, 0.27), (-0.06, low - 0.03), (-0.12, low - 0.07), (-0.2, low + 0.03), (-0.22, low - 0.03)],
            "pointed": [(0.25, low + 0.03), (0.19, low - 0.09), (0.13, low), (0.085, low - 0.1), (0.0, low + 0.1), (-0.05, low - 0.09), (-0.12, low + 0.005), (-0.18, low - 0.08)],
            "swept": [(0.25, low - 0.03), (0.17, low - 0.12), (0.1, low - 0.05), (0.06, low - 0.1), (-0.04, low + 0.0), (-0.06, low - 0.06), (-0.16, low + 0.06), (-0.19, low - 0.02)],
        }[kind]
        crown = [(-0.31, 0.62), (-0.325, 0.4), (-0.24, 0.2), (0.0, 0.105), (0.24, 0.2), (0.325, 0.4), (0.31, 0.62)]
        bends = [0.05, 0.09, 0.14, 0.14, 0.09, 0.05, -0.08]
        zigzag = [0.1 if i % 2 else -0.1 for i in range(len(tips))]
        if self.u[2] < 0.5:
            tips = [(-x, y) for x, y in reversed(tips)]
        return edges([*crown, *tips], [*bends, *zigzag])

    def behind(self, sheet: _Sheet) -> None:
        """Draws what lies behind head and shoulders."""
        for outline in _behind(self.shape, self.u):
            sheet.image.paste(sheet.gradient([self.color, self.dark, shade(self.color, 0.5)]), mask=sheet.mask(outline, -0.015))
            sheet.line(outline, self.line, 0.01, -0.015, closed=True)

    def front(self, sheet: _Sheet) -> None:
        """Draws fringe and side locks with highlight and strands."""
        locks = [self._lock(side) for side in (-1, 1)]
        for lock in locks:
            sheet.image.paste(sheet.gradient([self.color, self.color, self.dark]), mask=sheet.mask(lock, 0.01))
            sheet.line(lock, self.line, 0.009, 0.01, closed=True)
        mask = sheet.mask(self.fringe, 0.01)
        shaded = sheet.gradient([self.dark, self.color, self.color, mix(self.color, self.light, 0.25), self.dark])
        self._ring(sheet, shaded)
        sheet.image.paste(shaded, mask=mask)
        sheet.line(self.fringe, self.line, 0.01, 0.01, closed=True)
        part = 0.06 if self.u[2] < 0.5 else -0.06
        for x in np.linspace(-0.24, 0.24, 8) + 0.015 * self.u[3]:
            strand = [(part + (x - part) * t, 0.12 + (0.42 - 0.5 * x * x - 0.12) * t ** 1.2 - 0.05 * np.sin(np.pi * t)) for t in (0.25, 0.5, 0.75, 0.95)]
            sheet.line(strand, self.dark, 0.006, 0.01)

    def _ring(self, sheet: _Sheet, image: Image.Image) -> None:
        x = np.linspace(-0.25, 0.25, 21)
        arch = 0.235 + 0.5 * x * x
        thick = 0.018 * (1 - (x / 0.27) ** 2)
        teeth = np.where(np.arange(21) % 2, 1.0, -0.2)
        band = np.concatenate([np.stack([x, arch - thick], 1), np.stack([x, arch + thick * (1 + teeth)], 1)[::-1]])
        ImageDraw.Draw(image).polygon(sheet.pixels(band, 0.02), fill=self.light)

    def _lock(self, side: int) -> np.ndarray:
        long = {"short": 0.66, "spiky": 0.7, "bob": 0.84, "ponytail": 0.82, "buns": 0.8}.get(self.shape, 0.98)
        long += 0.06 * (self.u[4] - 0.5)
        return edges(
            [(0.2 * side, 0.3), (0.31 * side, 0.42), (0.325 * side, 0.62), (0.265 * side, long), (0.25 * side, 0.62), (0.235 * side, 0.48)],
            [0.1 * side, 0.06 * side, 0.1 * side, 0.06 * side, 0.04 * side, 0.0],
        )


def _behind(shape: str, u: np.ndarray) -> list[np.ndarray]:
    wide = 0.02 * u[5]
    cap = mirrored([(0.0, 0.085), (0.2, 0.125), (0.315, 0.26), (0.345 + wide, 0.45), (0.33 + wide, 0.62), (0.25, 0.74)])
    if shape == "short":
        return [smooth(cap)]
    if shape == "spiky":
        angles = np.linspace(-0.25 * np.pi, 1.25 * np.pi, 23)
        reach = np.where(np.arange(23) % 2, 0.335, 0.43 + 0.05 * u[6] * np.cos(7 * np.arange(23)))
        return [np.stack([reach * np.cos(angles), 0.47 - reach * 1.02 * np.sin(angles)], axis=1)]
    if shape == "bob":
        return [smooth(mirrored([(0.0, 0.085), (0.2, 0.12), (0.325, 0.27), (0.37 + wide, 0.5), (0.38 + wide, 0.7), (0.33, 0.87 + wide), (0.16, 0.86)]))]
    if shape in ("long", "wavy"):
        y = np.linspace(0.5, 1.15, 12)
        wave = 0.022 * np.sin(np.arange(12) * 1.9) if shape == "wavy" else 0.0
        x = 0.365 + wide + (0.13 if shape == "wavy" else 0.06) * (y - 0.5) + wave
        return [smooth(mirrored([(0.0, 0.085), (0.2, 0.12), (0.32, 0.27), *zip(x, y, strict=True)]))]
    if shape == "buns":
        return [smooth(cap), *(np.array([0.235 * s, 0.125]) + _CIRCLE * (0.105 + 0.02 * u[6]) for s in (-1, 1))]
    if shape == "twintails":
        out = 0.05 * u[6]
        tails = [
            smooth([(0.27 * s, 0.22), (0.4 * s, 0.2), ((0.47 + out) * s, 0.42), ((0.46 + out) * s, 0.75), (0.4 * s, 1.08), (0.36 * s, 0.8), (0.36 * s, 0.5)])
            for s in (-1, 1)
        ]
        return [*tails, smooth(cap)]
    side = 1 if u[6] < 0.5 else -1
    tail = smooth([(0.1 * side, 0.12), (0.28 * side, 0.05), (0.44 * side, 0.18), (0.49 * side, 0.5), (0.42 * side, 0.92), (0.38 * side, 0.6), (0.34 * side, 0.36)])
    return [tail, smooth(cap)]
