import io
import math

import numpy as np
import pytest
from PIL import Image

from sakuga.reporting import curves
from sakuga.reporting.curves import Point, draw_curves, draw_scatter


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_each_panel_adds_to_the_picture():
    x = [0.0, 1000.0, 2000.0]
    one = _pixels(draw_curves({"loss": {"G": (x, [3, 2, 1])}}))
    three = _pixels(draw_curves({str(i): {"G": (x, [3, 2, 1])} for i in range(3)}))
    assert three.shape[0] == 2 * one.shape[0]
    assert three.shape[1] == 2 * one.shape[1]


def test_a_series_is_drawn_where_its_values_are():
    x = np.arange(50.0)
    rising, falling = (_pixels(draw_curves({"loss": {"G": (x, y)}})) for y in (x, -x))
    colored = [np.argwhere(p.max(-1).astype(int) - p.min(-1) > 100) for p in (rising, falling)]
    slopes = [np.polyfit(points[:, 1], points[:, 0], 1)[0] for points in colored]
    assert slopes[0] < -0.1 < 0.1 < slopes[1]  # rows count downwards


def test_long_series_get_a_running_mean_that_hides_their_noise():
    x = np.arange(2000.0)
    y = np.where(np.arange(2000) % 2, 1.0, -1.0)
    image = _pixels(draw_curves({"loss": {"D": (x, y)}}))
    # The strongest color lies on a line in the middle, although no value does.
    rows = np.argwhere(image.max(-1).astype(int) - image.min(-1) > 110)[:, 0]
    assert np.ptp(rows) < 0.1 * image.shape[0]


@pytest.mark.parametrize("log", [(), ("loss",)])
def test_what_is_not_finite_leaves_a_gap(log):
    png = draw_curves({"loss": {"G": ([0, 1, 2, 3], [1.0, math.nan, math.inf, 0.5])}}, log=log)
    assert _pixels(png).std() > 0


def test_nothing_to_draw_is_no_error():
    assert _pixels(draw_curves({"loss": {}, "FID": {"model": ([], [])}})).shape[2] == 3
    assert _pixels(draw_curves({})).shape[2] == 3


def test_a_logarithmic_panel_without_positive_values_is_drawn():
    assert draw_curves({"a": {"x": ([0, 1], [0.0, -1.0])}}, log=["a"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("top", [10, 1e4, 1e12])
def test_a_logarithmic_panel_has_a_grid_over_any_range(top):
    line = {"a": ([0, 1], [1e-3, top])}
    image = _pixels(draw_curves({"p": line, "q": line}, log=["p"], order=["a"]))
    middle = image[:, image.shape[1] // 4 - 60 : image.shape[1] // 4]  # of the first panel, between lines of x
    assert ((middle == (229, 231, 235)).all(-1).mean(1) > 0.8).sum() >= 4


def test_unequal_lengths_are_refused_by_name():
    with pytest.raises(ValueError, match="loss, G: 2 values of x, 1 of y"):
        draw_curves({"loss": {"G": ([0, 1], [1.0])}})


def test_a_series_keeps_its_color_where_another_is_missing():
    line = ([0.0, 1.0], [0.0, 1.0])
    both = draw_curves({"p": {"a": line, "b": line}}, order=["a", "b"])
    alone = [draw_curves({"p": {"b": line}}, order=order) for order in (["a", "b"], ["b"])]
    blue, red = (53, 103, 176), (210, 80, 63)
    assert {blue, red} <= colors_of(both)
    assert red in colors_of(alone[0]) and blue not in colors_of(alone[0])
    assert blue in colors_of(alone[1])


def test_a_scatter_plot_leaves_out_what_is_not_finite():
    points = {"a": [Point(1, 2, 0.1, 0.1, "x"), Point(float("nan"), 2)], "b": [Point(1, float("inf"))]}
    pictures = [
        draw_scatter(groups, title="t", x_label="x", y_label="y") for groups in (points, {"a": points["a"][:1]})
    ]
    assert (53, 103, 176) in colors_of(pictures[0])
    assert (210, 80, 63) not in colors_of(pictures[1])


def _drawn(text: str) -> list[bytes]:
    """Returns pictures with a text in every place that takes one."""
    line = ([0.0, 1.0], [0.0, 1.0])
    return [
        draw_curves({text: {text: line, "b": line}}, x_label=text),
        draw_curves({"p": {text: line, "b": line}}, order=[text, "b"]),
        draw_scatter({text: [Point(1, 2, text=text)]}, title=text, x_label=text, y_label=text),
    ]


# As formulas, the first is a mistake, and the others look as their counterparts do.
@pytest.mark.parametrize(("text", "other"), [(r"$\foo$", "$n$"), ("$n$", r"$\mathit{n}$"), (r"\$n", "$n")])
def test_a_text_is_no_formula(text, other):
    assert all(a != b for a, b in zip(_drawn(text), _drawn(other), strict=True))


@pytest.mark.parametrize("order", [False, True])
def test_a_name_that_begins_with_an_underscore_is_in_the_legend(order):
    line = ([0.0, 1.0], [0.0, 1.0])
    names = ("_a", "_b"), ("__a", "__b")
    pictures = [draw_curves({"p": dict.fromkeys(pair, line)}, order=pair if order else ()) for pair in names]
    assert pictures[0] != pictures[1]
    scattered = [draw_scatter({pair[0]: [Point(1, 2)]}, title="t", x_label="x", y_label="y") for pair in names]
    assert scattered[0] != scattered[1]


@pytest.mark.filterwarnings("error")
def test_letters_that_no_font_has_are_no_warning(caplog):
    assert all(picture.startswith(b"\x89PNG") for picture in _drawn("日本語 \U0010fffd"))
    assert caplog.records == []


@pytest.mark.filterwarnings("error")
def test_letters_come_from_the_first_installed_font_that_has_them(monkeypatch, caplog):
    letter = "\N{CIRCLED LATIN CAPITAL LETTER A}"  # STIXGeneral comes with matplotlib
    found = []
    for fonts in (("DejaVu Sans",), ("DejaVu Sans", "No Such Font", "STIXGeneral")):
        monkeypatch.setattr(curves, "_FONTS", fonts)
        found.append(_drawn(letter))
    assert all(a != b for a, b in zip(*found, strict=True))
    assert caplog.records == []


def colors_of(png: bytes) -> set[tuple[int, ...]]:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    return {color for _, color in image.getcolors(maxcolors=1 << 24) or []}
