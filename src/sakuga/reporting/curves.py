"""Curves over the images seen, as one PNG."""

import io
import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = tuple[Sequence[float], Sequence[float]]

_COLORS = ("#3567b0", "#d2503f", "#3f9667", "#d98f1f", "#7d5bb0", "#4b9fb5", "#b3487f", "#6b7280")
_INK, _FAINT = "#374151", "#e5e7eb"
_DENSE = 120  # from so many points on a series is drawn faint, with its running mean on top


def draw_curves(
    panels: Mapping[str, Mapping[str, Series]],
    *,
    x_label: str = "images seen",
    log: Collection[str] = (),
    columns: int = 2,
) -> bytes:
    """Draws one panel for each title.

    Args:
        panels: Title to name to (x, y), two sequences of one length. Values that are not finite leave gaps.
        x_label: What x is.
        log: Titles of the panels whose y axis is logarithmic; there, values that are not positive leave gaps.
        columns: Panels a row.

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
        _draw_panel(axes, title, series, x_label, title in log)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_panel(axes: "Axes", title: str, series: Mapping[str, Series], x_label: str, is_log: bool) -> None:
    from matplotlib.ticker import EngFormatter

    for i, (name, (x, y)) in enumerate(series.items()):
        if len(x) != len(y):
            raise ValueError(f"{title}, {name}: {len(x)} values of x, {len(y)} of y")
        _draw_series(axes, name, _clean(x), _clean(y, positive=is_log), _COLORS[i % len(_COLORS)])
    if is_log and any(np.isfinite(_clean(y, positive=True)).any() for _, y in series.values()):
        axes.set_yscale("log")
    axes.set_title(title, loc="left", fontsize=11, color=_INK, fontweight="bold")
    axes.set_xlabel(x_label, fontsize=9, color=_INK)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.tick_params(labelsize=8.5, colors=_INK, length=0)
    axes.grid(True, color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.02)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_FAINT)
    if len(series) > 1:
        legend = axes.legend(fontsize=8.5, frameon=True, framealpha=0.85, edgecolor="none", borderpad=0.3)
        for text in legend.get_texts():
            text.set_color(_INK)


def _draw_series(axes: "Axes", name: str, x: np.ndarray, y: np.ndarray, color: str) -> None:
    style: dict[str, Any] = {"color": color, "solid_capstyle": "round"}
    if len(y) >= _DENSE:
        axes.plot(x, y, linewidth=0.8, alpha=0.25, **style)
        axes.plot(x, _running_mean(y, max(5, len(y) // 40)), linewidth=1.8, label=name, **style)
    else:
        marker = "o" if len(y) <= 30 else ""
        axes.plot(x, y, linewidth=1.6, marker=marker, markersize=3.5, label=name, **style)


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
