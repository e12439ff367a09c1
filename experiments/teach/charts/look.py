"""Look that all charts share: axes of the hours, large type, and keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.colors import to_hex

from experiments.figures.style import tint
from experiments.teach.day import HOURS
from grids.network import FloatArray

Options = dict[str, Any]
"""Options of a chart, as ECharts takes them."""

INK, GREY, RULE = "#1F2430", "#5B6270", "#E3E6EA"
FONT = 15
"""Size of the letters. [px]"""

FAMILY = "Roboto, 'DejaVu Sans', sans-serif"
"""Letters of the charts: those of the page, which come with it."""

DASHES: tuple[Any, ...] = ("solid", [10, 5], [3, 4], [12, 4, 3, 4], [6, 3], [2, 6], [16, 6])
MARKERS = ("circle", "triangle", "rect", "diamond", "emptyCircle", "emptyTriangle", "emptyRect")
"""Dash patterns and markers by which lines of one colour are told apart."""


WITH_MINUS = "value => value.toLocaleString('en', { maximumFractionDigits: 6 }).replace('-', '\u2212')"
"""Expression that writes the numbers of an axis, with a true minus."""


@dataclass(frozen=True)
class Entry:
    """Entry of a panel's key: what is drawn, its colour, and whether as a line, a dashed line or an area."""

    label: str
    color: str
    kind: str = "area"


def pale(color: str, strength: float = 0.3) -> str:
    """Return a colour mixed with white."""
    return to_hex(tint(color, strength))


def chart(*series: Options, unit: str, low: float, high: float, **more: Any) -> Options:
    """Return a chart over the 24 hours of a day; on the axis are the hours' ends."""
    return {
        "animation": False,
        "textStyle": {"fontFamily": FAMILY, "fontSize": FONT, "color": INK},
        "aria": {"enabled": True},
        "grid": {"left": 64, "right": 18, "top": 30, "bottom": 30},
        "tooltip": tooltip(),
        "xAxis": hours_axis(),
        "yAxis": value_axis(unit, low, high),
        "series": [*series],
        **more,
    }


def tooltip() -> Options:
    """Return the box that shows the numbers of the hour under the pointer."""
    return {
        "trigger": "axis",
        "textStyle": {"fontSize": FONT - 1, "color": INK},
        "confine": True,
        "transitionDuration": 0,
        ":valueFormatter": "value => value == null || value === '-' ? '–' : (+value).toFixed(3)",
    }


def hours_axis() -> Options:
    """Return the axis of the hours: a mark at the end of every hour."""
    return {
        "type": "category",
        "boundaryGap": False,
        "data": [str(hour) for hour in range(HOURS + 1)],
        "axisLabel": {"fontSize": FONT - 1, "color": GREY, "interval": 2, "hideOverlap": True},
        "axisTick": {"show": False},
        "axisLine": {"onZero": False, "lineStyle": {"color": "#9AA1AC"}},
    }


def value_axis(unit: str, low: float, high: float) -> Options:
    """Return the axis of a quantity, from low to high."""
    return {
        "type": "value",
        "min": low,
        "max": high,
        "name": unit,
        "nameTextStyle": {"fontSize": FONT - 1, "color": GREY, "align": "right", "padding": [0, 6, 0, 0]},
        "nameGap": 12,
        "axisLabel": {"fontSize": FONT - 1, "color": GREY, ":formatter": WITH_MINUS},
        "interval": _interval(low, high),
        "splitLine": {"lineStyle": {"color": RULE}},
    }


def steps(values: Sequence[float | None]) -> list[float | str]:
    """Return values of the 24 hours as the points of a step line that begins at 0 o'clock."""
    points: list[float | str] = ["-" if value is None else value for value in values]
    return [points[0], *points]


def step_line(name: str, values: Sequence[float | None], color: str, **more: Any) -> Options:
    """Return a line that is level over every hour."""
    style = {"color": color, "width": more.pop("width", 2.5), "type": more.pop("dash", "solid")}
    return {
        "type": "line",
        "name": name,
        "data": steps(values),
        "step": "start",
        "symbol": "none",
        "lineStyle": style,
        "itemStyle": {"color": color},
        **more,
    }


def step_area(name: str, values: Sequence[float | None], color: str, stack: str, **more: Any) -> Options:
    """Return an area between a stack so far and the same with these values on top."""
    hidden = {"areaStyle": {"opacity": 0}, "lineStyle": {"width": 0}, "tooltip": {"show": False}}
    drawn = {"areaStyle": {"color": color, "opacity": 1}, "lineStyle": {"width": 1, "color": "#FFFFFF"}}
    return {
        **step_line(name, values, color),
        "stack": stack,
        "stackStrategy": "all" if stack.startswith("both") else "samesign",
        **(drawn if name else hidden),
        **more,
    }


def around(values: Iterable[float | FloatArray | Sequence[float]], *, zero: bool = True) -> tuple[float, float]:
    """Return round limits of an axis around all values, and zero."""
    every = np.concatenate([np.ravel(value) for value in values] + ([[0.0]] if zero else []))
    low, high = (float(np.nanmin(every)), float(np.nanmax(every))) if every.size else (0.0, 1.0)
    marks = _marks(low, max(high, low + 1e-3), 6)
    return round(float(marks[0]), 6), round(float(marks[-1]), 6)


def _marks(low: float, high: float, most: int) -> FloatArray:
    """Return round values, the same distance apart, from low or less to high or more."""
    from matplotlib.ticker import MaxNLocator

    return np.asarray(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))


@lru_cache(maxsize=500)
def _interval(low: float, high: float) -> float | None:
    """Return the distance of marks of which one is at either end of an axis, or None if there are no such marks."""
    tried = (_marks(low, high, most) for most in range(4, 9))
    return next((round(float(m[1] - m[0]), 9) for m in tried if np.allclose(m[[0, -1]], (low, high))), None)


def now_line(hour: int) -> Options:
    """Return a thin line at the end of the hour that is shown."""
    return {
        "silent": True,
        "symbol": "none",
        "label": {"show": False},
        "lineStyle": {"color": GREY, "type": [2, 3], "width": 1.2},
        "data": [{"xAxis": str(hour)}],
        "animation": False,
    }


ENLARGED = {"fontSize", "symbolSize", "edgeSymbolSize", "left", "right", "top", "bottom"}
"""Sizes of a chart that is shown large; widths of lines are among them only in lineStyle."""


def enlarged(part: Any, key: str = "", *, factor: float = 1.35) -> Any:
    """Return a chart, or a part of one, with larger letters, lines and symbols."""
    if isinstance(part, dict):
        inside = ENLARGED | ({"width"} if key == "lineStyle" else set())
        return {
            name: round(factor * value, 1)
            if name in inside and isinstance(value, int | float)
            else enlarged(value, name, factor=factor)
            for name, value in part.items()
        }
    if key == "symbolOffset":
        return [factor * one for one in part]
    return [enlarged(one, key, factor=factor) for one in part] if isinstance(part, list) else part
