"""The hair of a synthetic face: what lies behind the head, the locks at the sides, and the fringe."""

import numpy as np

from sakuga.data.drawing import CIRCLE, WHITE, Color, Sheet, bent, mirrored, mix, outline, shade, shifted, smooth

HAIR_COLORS: dict[str, Color] = {
    "aqua": (104, 214, 218),
    "black": (60, 56, 70),
    "blonde": (252, 222, 120),
    "blue": (80, 118, 216),
    "brown": (146, 94, 62),
    "gray": (152, 154, 166),
    "green": (98, 178, 98),
    "orange": (246, 150, 64),
    "pink": (250, 166, 194),
    "purple": (154, 104, 200),
    "red": (212, 62, 66),
    "white": (236, 236, 244),
}

# From the right temple to the left: tips of the locks and the notches between them, y from the longest tip.
_FRINGES = {
    "straight": ".262 .02, .222 -.07, .165 .01, .135 -.06, .075 .015, .035 -.05, -.025 .01, -.06 -.055, -.12 .015,"
    "-.155 -.06, -.205 .01, -.228 -.06",
    "parted": ".265 .1, .215 -.03, .17 .02, .135 -.05, .035 -.2, -.02 -.09, -.075 -.015, -.105 -.07, -.19 .06,"
    "-.222 -.02",
    "pointed": ".262 .05, .21 -.07, .15 .015, .095 -.09, .05 -.03, .035 -.06, -.01 .11, -.06 -.08, -.14 .015,-.19 -.08",
    "swept": ".262 .0, .2 -.12, .14 -.05, .11 -.11, .04 -.02, .02 -.07, -.08 .03, -.1 -.02, -.2 .09, -.228 .0",
}
_CROWN = "-.31 .62, -.335 .42, -.25 .21, 0 .1, .25 .21, .335 .42, .31 .62"
_CROWN_BENDS = np.array([0.04, 0.1, 0.15, 0.15, 0.1, 0.04, -0.08])

_CAP = "0 .13, .2 .16, .31 .29, .335 .45, .325 .62, .25 .74"
_BOB = "0 .13, .2 .16, .31 .28, .37 .5, .385 .7, .335 .875, .16 .86"
_TAIL = ".26 .24, .36 .17, .45 .24, .475 .46, .465 .78, .39 1.1, .375 .8, .37 .5, .33 .33"
_PONYTAIL = ".1 .12, .27 .05, .42 .15, .485 .4, .465 .7, .39 .95, .4 .64, .345 .36"
_RIBBON = "0 0, .075 -.06, .085 .03, 0 .01, -.06 .075, -.005 .09"

_LOCK_ENDS = {"short": 0.66, "spiky": 0.7, "bob": 0.83, "ponytail": 0.82, "buns": 0.8}


class Hair:
    """The hair of one face.

    Args:
        color: A name of `HAIR_COLORS`.
        shape: One of bob, buns, long, ponytail, short, spiky, twintails, wavy.
        fringe: One of parted, pointed, straight, swept.
        chance: Uniform numbers for lengths, shades and sides, float `[12]`.
    """

    def __init__(self, color: str, shape: str, fringe: str, chance: np.ndarray) -> None:
        base = HAIR_COLORS[color]
        self.color = mix(shade(base, 0.07), mix(base, WHITE, 0.1), chance[0])
        self.dark, self.light = shade(self.color, 0.3), mix(self.color, WHITE, 0.6)
        self.line = shade(self.color, 0.78)
        self._shape, self._chance = shape, chance
        self._side = 1 if chance[1] < 0.5 else -1
        tips = shifted(outline(_FRINGES[fringe]), 0.0, 0.48 + 0.035 * chance[2])
        self._tips = tips if self._side > 0 else tips[::-1] * [-1, 1]
        zigzag = np.where(np.arange(len(tips)) % 2, 0.11, -0.11)
        self.fringe = bent(np.concatenate([outline(_CROWN), self._tips]), np.concatenate([_CROWN_BENDS, zigzag]))

    def behind(self, sheet: Sheet) -> None:
        """Draws what lies behind head and shoulders."""
        colors = sheet.gradient([self.color, mix(self.color, self.dark, 0.6), self.dark, shade(self.color, 0.45)])
        for part in self._parts_behind():
            sheet.paste(colors, part, -0.015)
            sheet.line(part, self.line, 0.011, -0.015, closed=True)

    def front(self, sheet: Sheet, ribbon: Color) -> None:
        """Draws the locks at the sides, the fringe with its highlight and strands, and what is tied into it."""
        for side in (-1, 1):
            lock = self._lock(side)
            sheet.paste(sheet.gradient([self.color, self.color, self.color, self.dark]), lock, 0.01)
            sheet.line(lock, self.line, 0.009, 0.01, closed=True)
        crown = sheet.layer(sheet.gradient([self.dark, self.color, self.color, self.color, self.dark, self.dark]))
        self._strands(crown)
        self._highlight(crown)
        sheet.paste(crown.image, self.fringe, 0.01)
        sheet.line(self.fringe, self.line, 0.011, 0.01, closed=True)
        self._extras(sheet, ribbon)

    def _strands(self, crown: Sheet) -> None:
        """Shadows that rise from the notches of the fringe towards the whorl, and a fine line beside each."""
        t = np.linspace(0, 1, 6)[:, None]
        whorl = np.array([0.05 * self._side, 0.13])
        for x, y in self._tips[1::2]:
            notch = np.array([x, y])
            control = np.array([x * 1.25, y - 0.2])
            rise = (1 - t) ** 2 * notch + 2 * t * (1 - t) * control + t**2 * (0.55 * control + 0.45 * whorl)
            width = 0.02 * (1 - t) * np.array([1.0, 0.0])
            crown.fill(np.concatenate([rise - width, (rise + width)[::-1]]), self.dark, 0.01)
            crown.line(rise, shade(self.color, 0.5), 0.006, 0.01)

    def _highlight(self, crown: Sheet) -> None:
        """The ring of light around the crown, its lower edge broken up by the strands."""
        x = np.linspace(-0.27, 0.27, 23)
        arch = 0.235 + 0.02 * self._chance[3] + 0.55 * x * x
        thickness = 0.02 * (1 - (x / 0.28) ** 2)
        teeth = np.where(np.arange(23) % 2, 1.5, 0.4)
        upper, lower = np.stack([x, arch - thickness], axis=1), np.stack([x, arch + thickness * teeth], axis=1)
        crown.fill(np.concatenate([upper, lower[::-1]]), self.light, 0.02)

    def _lock(self, side: int) -> np.ndarray:
        end = _LOCK_ENDS.get(self._shape, 0.97) + 0.08 * (self._chance[4] - 0.5)
        points = np.array([[0.2, 0.3], [0.325, 0.42], [0.33, 0.62], [0.262, end], [0.255, 0.62], [0.245, 0.47]])
        return bent(points * [side, 1], np.array([0.1, 0.05, 0.09, 0.07, 0.03, 0.0]) * side)

    def _extras(self, sheet: Sheet, ribbon: Color) -> None:
        if self._chance[5] < 0.3:  # one hair that stands up
            start = np.array(
                [[0.0, 0.11], [0.06 * self._side, 0.01], [0.15 * self._side, 0.035], [0.03 * self._side, 0.115]]
            )
            cowlick = bent(start, np.array([-0.1, -0.15, 0.25, 0.0]) * -self._side)
            sheet.fill(cowlick, self.color, 0.01)
            sheet.line(cowlick, self.line, 0.009, 0.01, closed=True)
        places = {"twintails": [(-0.3, 0.24), (0.3, 0.24)], "ponytail": [(0.25 * self._side, 0.14)]}.get(
            self._shape, []
        )
        if not places and self._chance[6] < 0.25:
            places = [(0.24 * self._side, 0.31)]
        for x, y in places:
            knot = shifted(outline(_RIBBON) * [1.1 if x > 0 else -1.1, 1.1], x, y)
            sheet.fill(knot, ribbon, 0.01)
            sheet.line(knot, shade(ribbon, 0.6), 0.009, 0.01, closed=True)

    def _parts_behind(self) -> list[np.ndarray]:
        wide = np.array([1 + 0.06 * self._chance[7], 1])
        cap = smooth(mirrored(outline(_CAP) * wide))
        if self._shape == "bob":
            return [smooth(mirrored(outline(_BOB) * wide))]
        if self._shape in ("long", "wavy"):
            return [self._curtain(0.022 if self._shape == "wavy" else 0.0)]
        if self._shape == "spiky":
            return [self._spikes()]
        if self._shape == "buns":
            size = 0.095 + 0.015 * self._chance[8]
            return [np.array([0.265 * side, 0.155]) + CIRCLE * size for side in (-1, 1)] + [cap]
        if self._shape == "twintails":
            return [*(smooth(outline(_TAIL) * wide * [side, 1]) for side in (-1, 1)), cap]
        if self._shape == "ponytail":
            return [smooth(outline(_PONYTAIL) * wide * [self._side, 1]), cap]
        return [cap]

    def _curtain(self, wave: float) -> np.ndarray:
        y = np.linspace(0.5, 1.2, 14)
        x = 0.36 + 0.025 * self._chance[7] + (0.1 if wave else 0.05) * (y - 0.5) + wave * np.sin(np.arange(14) * 1.9)
        return smooth(mirrored(np.concatenate([outline("0 .13, .2 .16, .31 .28"), np.stack([x, y], axis=1)])))

    def _spikes(self) -> np.ndarray:
        corner = np.arange(25)
        angles = np.linspace(-0.2, 1.2, 25) * np.pi
        reach = np.where(corner % 2, 0.46 + 0.03 * np.cos(5 * corner + 6 * self._chance[8]), 0.335)
        angles = angles + np.where(corner % 2, 0.09 * np.sign(np.cos(angles)) * -1, 0.0)  # the tips hang down
        points = np.stack([reach * np.cos(angles) * 0.98, 0.46 - 0.95 * reach * np.sin(angles)], axis=1)
        droop = np.where(corner % 2, 0.1, -0.16) * np.where(np.cos(angles) > 0, 1, -1)
        return bent(points, np.append(droop[:-1], 0.0))
