import io
import math

import numpy as np
import pytest
from PIL import Image

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


def colors_of(png: bytes) -> set[tuple[int, ...]]:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    return {color for _, color in image.getcolors(maxcolors=1 << 24) or []}
