"""A synthetic face, part by part from back to front."""

from typing import TYPE_CHECKING

import numpy as np

from sakuga.data.drawing import CIRCLE, WHITE, Color, Sheet, bent, mirrored, mix, outline, shade, shifted, smooth
from sakuga.data.drawn_hair import Hair

if TYPE_CHECKING:
    from sakuga.data.synthetic import Face

EYE_COLORS: dict[str, Color] = {
    "aqua": (40, 200, 210),
    "black": (58, 52, 62),
    "blue": (50, 108, 224),
    "brown": (142, 86, 48),
    "gray": (132, 138, 150),
    "green": (52, 168, 80),
    "orange": (240, 132, 36),
    "pink": (242, 112, 162),
    "purple": (146, 80, 206),
    "red": (212, 42, 48),
    "yellow": (236, 200, 46),
}
SKIN_COLORS: dict[str, Color] = {
    "pale": (255, 241, 232),
    "light": (255, 228, 210),
    "tan": (238, 194, 158),
    "dark": (182, 126, 92),
}
_CLOTHES: tuple[Color, ...] = (
    (44, 56, 98), (240, 240, 246), (62, 58, 66), (150, 44, 60), (232, 216, 186), (104, 132, 178), (196, 120, 150),
    (92, 116, 92),
)  # fmt: skip
_RIBBONS: tuple[Color, ...] = (
    (226, 66, 84),
    (70, 104, 210),
    (250, 206, 92),
    (250, 250, 255),
    (70, 190, 170),
    (60, 56, 66),
)
_BACKGROUNDS: tuple[Color, ...] = (
    (206, 226, 246), (250, 218, 226), (252, 240, 206), (214, 238, 216), (228, 216, 244), (222, 222, 228),
)  # fmt: skip
_INK: Color = (58, 36, 42)

_EYE = "-1 .15, -.74 -.6, 0 -.98, .72 -.76, 1.04 -.05, .8 .68, .15 .98, -.62 .78"
_EYE_SHADOW = "-1.2 -1.2, 1.3 -1.2, 1.3 -.35, .3 -.6, -1.2 -.3"
_LASH = "-1.06 .1, -.78 -.72, 0 -1.14, .76 -.92, 1.3 -.2, 1.04 -.02, .68 -.6, 0 -.82, -.7 -.48"
_LOWER_LID = ".9 .42, .78 .68, .5 .88, .15 .99, -.3 .92"
_CREASE = "-.55 -1.2, .05 -1.42, .7 -1.24"


def draw_face(face: "Face", resolution: int) -> np.ndarray:
    """Draws one face.

    Returns:
        uint8 `[resolution, resolution, 3]`.
    """
    labels, chance = face.labels, face.chance
    sheet = Sheet(resolution, tilt=face.tilt, turn=face.turn, zoom=face.zoom, shift=face.shift)
    hair = Hair(labels["hair"], labels["hair_shape"], labels["bangs"], chance[16:])
    _background(sheet, labels["background"], _pick(_BACKGROUNDS, chance[0]))
    hair.behind(sheet)
    _body(sheet, SKIN_COLORS[labels["skin"]], _pick(_CLOTHES, chance[1]), _pick(_RIBBONS, chance[2]))
    _head(sheet, face, hair)
    for side in (-1, 1):
        _eye(sheet, face, side)
    hair.front(sheet, _pick(_RIBBONS, chance[2]))
    for side in (-1, 1):
        _brow(sheet, labels["brows"], 0.445 + 0.02 * chance[3], side, hair.line)
    return sheet.finish()


def _pick(colors: tuple[Color, ...], chance: float) -> Color:
    return colors[int(chance * len(colors))]


def _skin_shadow(skin: Color, t: float) -> Color:
    return mix(skin, (round(skin[0] * 0.72), round(skin[1] * 0.42), round(skin[2] * 0.42)), t)


def _background(sheet: Sheet, kind: str, color: Color) -> None:
    if kind == "plain":
        sheet.image.paste(color, (0, 0, sheet.size, sheet.size))
    elif kind == "gradient":
        sheet.image.paste(sheet.gradient([shade(color, 0.3), color, mix(color, WHITE, 0.8)]))


def _body(sheet: Sheet, skin: Color, cloth: Color, bow: Color) -> None:
    sheet.fill(mirrored(outline(".085 .78, .085 .93, .2 .98, .2 1.2")), _skin_shadow(skin, 0.36))
    line = shade(cloth, 0.6)
    for side in (-1, 1):
        coat = outline(".1 .915, .3 .965, .46 1.03, .5 1.3, 0 1.3, .02 1.04") * [side, 1]
        collar = outline(".09 .9, .17 .945, .1 1.06, .01 1.03") * [side, 1]
        sheet.fill(coat, cloth)
        sheet.line(coat[:3], line)
        sheet.fill(collar, mix(cloth, WHITE, 0.8))
        sheet.line(collar, line, closed=True)
    for side in (-1, 1):
        sheet.fill(outline("0 1.03, .08 .985, .085 1.07") * [side, 1], bow)


def _head(sheet: Sheet, face: "Face", hair: Hair) -> None:
    skin, chance = SKIN_COLORS[face.labels["skin"]], face.chance
    line = _skin_shadow(shade(skin, 0.25), 0.85)
    wide, chin = 0.268 + 0.02 * chance[4], 0.868 + 0.02 * chance[5]
    for side in (-1, 1):
        ear = smooth((shifted(outline("-.01 .55, .045 .53, .04 .6, -.02 .67"), wide, 0)) * [side, 1])
        sheet.fill(ear, skin)
        sheet.line(ear, line, 0.008, closed=True)
    cheek = [[0.1, 0.2], [wide - 0.02, 0.34], [wide, 0.56], [wide - 0.03, 0.68], [0.16, 0.785]]
    right = np.array([*cheek, [0.07, chin - 0.026], [0.02, chin]])
    shape = smooth(mirrored(right))
    shape[:, 0] += 0.03 * face.turn * np.clip((shape[:, 1] - 0.5) / 0.35, 0, 1)
    sheet.fill(shape, skin)
    shaded = sheet.layer()
    shaded.fill(shifted(hair.fringe, 0.006, 0.032), _skin_shadow(skin, 0.3), 0.01)
    sheet.paste(shaded.image, shape)
    sheet.line(shape, line, 0.01, closed=True)
    if face.labels["blush"] == "yes":
        for side in (-1, 1):
            for size, redness in ((1.0, 0.2), (0.68, 0.34)):
                spot = shifted(CIRCLE * np.array([0.055, 0.027]) * size, 0.165 * side, 0.715)
                sheet.fill(spot, mix(skin, (255, 120, 120), redness), 0.02)
    sheet.line(outline(".004 .685, .012 .7, -.006 .706"), _skin_shadow(skin, 0.8), 0.009, 0.035)
    _mouth(sheet, face.labels["mouth"], 0.044 + 0.02 * chance[6], 0.035 + 0.025 * chance[7], skin)


def _mouth(sheet: Sheet, kind: str, wide: float, tall: float, skin: Color) -> None:
    ink, depth, y = mix(shade(skin, 0.75), (150, 40, 50), 0.4), 0.03, 0.772
    if kind == "open":
        shape = bent(np.array([[-wide, y - 0.012], [wide, y - 0.012], [0.0, y + tall]]), np.array([-0.06, 0.22, 0.22]))
        sheet.fill(shape, (178, 54, 62), depth)
        tongue = np.array([0.0, y + 0.75 * tall]) + CIRCLE * [0.42 * wide, 0.36 * tall]
        sheet.paste(_filled(sheet, tongue, (242, 132, 128), depth), shape, depth)
        sheet.line(shape, ink, 0.009, depth, closed=True)
        return
    x = np.linspace(-1, 1, 9)
    height = {
        "smile": 0.016 - 0.018 * x**2,
        "frown": 0.014 * x**2 - 0.004,
        "flat": 0.003 * np.cos(3 * x),
        "cat": 0.016 * np.abs(np.sin(np.pi * x)),
    }[kind]
    sheet.line(np.stack([wide * x, y + height], axis=1), ink, 0.012, depth)
    if kind != "cat":
        sheet.line(outline("-.014 .804, .014 .804"), _skin_shadow(skin, 0.4), 0.008, depth)


def _filled(sheet: Sheet, points: np.ndarray, color: Color, depth: float):
    layer = sheet.layer()
    layer.fill(points, color, depth)
    return layer.image


def _eye(sheet: Sheet, face: "Face", side: int) -> None:
    color, chance, depth = EYE_COLORS[face.labels["eyes"]], face.chance, 0.03
    half = np.array([(0.076 + 0.012 * chance[8]) * (1 - 0.1 * face.turn * side), 0.074 + 0.022 * chance[9]])
    slant = 0.3 * (chance[10] - 0.4)
    center = np.array([0.137 * side, 0.6])

    def at(text: str) -> np.ndarray:  # x towards the temple, y down, in units of the eye's half size
        points = outline(text)
        return center + (points - [0, slant] * points[:, :1]) * half * [side, 1]

    opening = smooth(at(_EYE))
    inside = sheet.layer()
    inside.fill(opening, (252, 252, 255), depth)
    inside.fill(at(_EYE_SHADOW), (204, 206, 226), depth)
    look = center + np.array([0.012, 0.006]) * face.gaze - [0, 0.04 * half[1]]
    _iris(inside, look, half * [0.76, 1.04], color, depth)
    sheet.paste(inside.image, opening, depth)
    for place, size in (((-0.28, -0.4), 0.3), ((0.3, 0.42), 0.15)):
        sheet.fill(look + half * place + CIRCLE * half[0] * size * [0.85, 1.05], WHITE, depth)
    sheet.fill(smooth(at(_LASH)), _INK, depth)
    skin = SKIN_COLORS[face.labels["skin"]]
    sheet.line(at(_LOWER_LID), mix(_INK, skin, 0.35), 0.008, depth)
    sheet.line(at(_CREASE), _skin_shadow(skin, 0.7), 0.007, depth)


def _iris(inside: Sheet, center: np.ndarray, half: np.ndarray, color: Color, depth: float) -> None:
    """Dark rim, a gradient from dark above to light below, pupil, and the light that falls through."""
    inside.fill(center + CIRCLE * half, shade(color, 0.85), depth)
    disk = center + CIRCLE * half * 0.9
    rows = inside.pixels(disk[[18, 6]], depth)
    ramp = [shade(color, 0.75), shade(color, 0.35), color, mix(color, WHITE, 0.4)]
    inside.paste(inside.gradient(ramp, (rows[1], rows[3])), disk, depth)
    inside.fill(center - [0, 0.08 * half[1]] + CIRCLE * half * [0.42, 0.44], shade(color, 0.92), depth)
    inside.fill(center + [0, 0.62 * half[1]] + CIRCLE * half * [0.5, 0.2], mix(color, WHITE, 0.6), depth)


def _brow(sheet: Sheet, kind: str, y: float, side: int, color: Color) -> None:
    inner, outer = {"angry": (0.03, -0.015), "calm": (0.0, 0.0), "sad": (-0.022, 0.022)}[kind]
    points = np.array([[0.06 * side, y + inner], [0.215 * side, y + 0.012 + outer], [0.06 * side, y + inner + 0.013]])
    sheet.fill(bent(points, np.array([0.1, -0.06, 0.0]) * side), color, 0.03)
