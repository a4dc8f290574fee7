"""Curves over the images seen, as one PNG."""

import io
import logging
import math
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Series = tuple[Sequence[float], Sequence[float]] | tuple[Sequence[float], Sequence[float], Sequence[float]]

_COLORS = ("#3567b0", "#d2503f", "#3f9667", "#d98f1f", "#7d5bb0", "#4b9fb5", "#b3487f", "#6b7280")
_DASHES = ("-", "--", ":")  # more series than colors are told apart by these
_INK, _FAINT = "#374151", "#e5e7eb"
# The first draws what it can, the others what it lacks, as far as they are installed: Linux, Apple, Windows.
_FONTS = (
    "DejaVu Sans",
    *("Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "WenQuanYi Zen Hei"),
    *("Hiragino Sans", "PingFang SC", "Apple SD Gothic Neo"),
    *("Yu Gothic", "Microsoft YaHei", "Malgun Gothic"),
)
_DENSE = 120  # from so many points on a series is drawn faint, with its running mean on top


def draw_curves(
    panels: Mapping[str, Mapping[str, Series]],
    *,
    x_label: str = "images seen",
    log: Collection[str] = (),
    columns: int = 2,
    order: Sequence[str] = (),
) -> bytes:
    """Draws one panel for each title.

    Args:
        panels: Title to name to (x, y), two sequences of one length, or (x, y, half) with half the width of a band
            around y. Values that are not finite leave gaps.
        x_label: What x is.
        log: Titles of the panels whose y axis is logarithmic; there, values that are not positive leave gaps.
        columns: Panels a row.
        order: Names of series; given them, each has its color in all panels, and one legend below all explains them.

    Returns:
        A PNG.

    Raises:
        ValueError: If x and y differ in length.
    """
    # Imported here: a report is rare, and this import costs as much as the rest of the program.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, min(columns, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    # Not through pyplot, which keeps every figure and has one global state for all threads.
    figure = Figure(figsize=(5.6 * columns, 3.1 * rows), dpi=110, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # type: ignore[union-attr]
    for number, (title, series) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(rows, columns, number)
        _draw_panel(axes, title, series, x_label, title in log, order)
    if order:
        shown = {name for series in panels.values() for name in series}
        handles = [_handle(name, place) for place, name in enumerate(order) if name in shown]
        legend = figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=9, frameon=False)
        for text in legend.get_texts():
            text.set_color(_INK)
    return _png(figure)


class Point(NamedTuple):
    """A point of a scatter plot, with half the widths of its bars and what is written beside it."""

    x: float
    y: float
    half_x: float = 0.0
    half_y: float = 0.0
    text: str = ""


def draw_scatter(groups: Mapping[str, Sequence[Point]], *, title: str, x_label: str, y_label: str) -> bytes:
    """Draws points with their spread, those of one group joined by a line in the order given.

    Args:
        groups: Name to points; those that are not finite are left out.
        title: What stands above.
        x_label: What x is.
        y_label: What y is.

    Returns:
        A PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 5.4), dpi=110, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, (name, points) in enumerate(groups.items()):
        shown = [p for p in points if math.isfinite(p.x) and math.isfinite(p.y)]
        if not shown:
            continue
        xs, ys = [p.x for p in shown], [p.y for p in shown]
        bars = {"xerr": [p.half_x for p in shown], "yerr": [p.half_y for p in shown]}
        style: dict[str, Any] = {"color": _COLORS[i % len(_COLORS)], "linewidth": 1.4, "elinewidth": 0.9}
        axes.errorbar(xs, ys, **bars, fmt="o-", markersize=6, label=_label(name), **style)
        for p in shown:
            place = {"xytext": (6, 5), "textcoords": "offset points"}
            axes.annotate(p.text, (p.x, p.y), fontsize=8.5, color=style["color"], **place)
    _dress(axes, title, x_label)
    axes.set_ylabel(y_label, fontsize=9, color=_INK)
    axes.margins(0.08)
    if axes.has_data():
        _legend(axes)
    return _png(figure)


def _png(figure: "Figure") -> bytes:
    """Returns a figure as a PNG, every text in it as it is written: no formulas, in whatever script there is a font."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_fontfamily(_FONTS)
    buffer = io.BytesIO()
    with _silent_about_fonts():
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def _silent_about_fonts() -> Iterator[None]:
    """Keeps quiet of fonts that are not installed, or not in bold, and of letters that are therefore drawn as boxes."""
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph|Matplotlib currently does not support")
            yield
    finally:
        log.setLevel(before)


def _label(name: str) -> str:
    """Returns a name as a legend takes it, which leaves out what begins with an underscore."""
    return f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name


def _style(place: int) -> dict[str, Any]:
    return {"color": _COLORS[place % len(_COLORS)], "linestyle": _DASHES[place // len(_COLORS) % len(_DASHES)]}


def _handle(name: str, place: int) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D([], [], label=_label(name), linewidth=1.8, **_style(place))


def _draw_panel(
    axes: "Axes", title: str, series: Mapping[str, Series], x_label: str, is_log: bool, order: Sequence[str]
) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    for i, (name, (x, y, *half)) in enumerate(series.items()):
        if len(x) != len(y):
            raise ValueError(f"{title}, {name}: {len(x)} values of x, {len(y)} of y")
        style = _style(order.index(name) if name in order else i)
        _draw_series(axes, _label(name), _clean(x), _clean(y, positive=is_log), style)
        if half:
            low, high = ([a + sign * b for a, b in zip(y, half[0], strict=True)] for sign in (-1, 1))
            band = {"color": style["color"], "alpha": 0.15, "linewidth": 0}
            axes.fill_between(x, _clean(low, is_log), _clean(high, is_log), **band)
    if is_log and any(np.isfinite(_clean(line[1], positive=True)).any() for line in series.values()):
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        # Where not each power of ten has room, a locator of parts of them would set none.
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1e5 * low else (1,)))
        thousands = EngFormatter(sep="")
        axes.yaxis.set_major_formatter(lambda y, _: thousands(y) if y >= 1 else f"{y:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        title = f"{title} (log)"
    _dress(axes, title, x_label)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.margins(x=0.02)
    if len(series) > 1 and not order:
        _legend(axes)


def _dress(axes: "Axes", title: str, x_label: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=_INK, fontweight="bold")
    axes.set_xlabel(x_label, fontsize=9, color=_INK)
    axes.tick_params(labelsize=8.5, colors=_INK, length=0)
    axes.grid(True, color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_FAINT)


def _legend(axes: "Axes") -> None:
    legend = axes.legend(fontsize=8.5, frameon=True, framealpha=0.85, edgecolor="none", borderpad=0.3)
    for text in legend.get_texts():
        text.set_color(_INK)


def _draw_series(axes: "Axes", label: str, x: np.ndarray, y: np.ndarray, style: dict[str, Any]) -> None:
    style = style | {"solid_capstyle": "round"}
    if len(y) >= _DENSE:
        axes.plot(x, y, linewidth=0.8, alpha=0.25, **style)
        axes.plot(x, _running_mean(y, max(5, len(y) // 40)), linewidth=1.8, label=label, **style)
    else:
        marker = "o" if len(y) <= 30 else ""
        axes.plot(x, y, linewidth=1.6, marker=marker, markersize=3.5, label=label, **style)


def _clean(values: Sequence[float], positive: bool = False) -> np.ndarray:
    array = np.asarray(values, np.float64)
    return np.where(np.isfinite(array) & ((array > 0) | (not positive)), array, np.nan)


def _running_mean(y: np.ndarray, width: int) -> np.ndarray:
    """Returns the mean over a centered window, shorter at the ends, NaN where it holds no value at all."""
    there = np.isfinite(y)
    sums, counts = (
        np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(there, y, 0.0), there.astype(np.float64))
    )
    first = np.maximum(np.arange(len(y)) - width // 2, 0)
    last = np.minimum(np.arange(len(y)) + width // 2 + 1, len(y))
    count = counts[last] - counts[first]
    return np.where(count > 0, (sums[last] - sums[first]) / np.maximum(count, 1), np.nan)
