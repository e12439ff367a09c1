"""Style of all figures: one colour per thing, labels in the margin, and files that are the same byte by byte."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from experiments.whole import write_whole
from grids.network import FloatArray

COLORS = {
    "wind": "#56B4E9",
    "pv": "#E69F00",
    "battery": "#009E73",
    "tie_line": "#0072B2",
    "penalty": "#D55E00",
    "retail": "#CC79A7",
    "price": "#882255",
    "demand": "#222222",
    "loss": "#999999",
    "profit": "#332288",
    "microgrid": "#AA4499",
    "ev_aggregator": "#999933",
    "diesel": "#661100",
    "heat_unit": "#CC6677",
    "thermal_storage": "#44AA99",
    "other": "#B8A06A",
}
"""Colours of things, the same in all panels; safe for colour-blind readers (Okabe-Ito, four more of Paul Tol)."""

NAMES = {"wind": "wind", "pv": "PV"}
"""Names of the kinds of renewables, in the order they are drawn."""

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.8,
    "svg.hashsalt": "tieline",
    "pdf.fonttype": 42,  # journals refuse Type 3 fonts
}

GREY = "#666666"
LABEL_POINTS = 8.0

IMPORT, SOURCE = "+ import, − export", "+ source, − use"
"""The sign convention of all figures, as it stands on their axes: import, generation and discharge are positive."""


@contextmanager
def house_style() -> Iterator[None]:
    """Make and save figures with our settings; those of the caller come back.

    Among them is how lines of collections end: pandapower makes all of them round in a process that imports it.
    """
    before = RendererBase.new_gc
    RendererBase.new_gc = _graphics_context  # type: ignore[assignment, method-assign]
    try:
        with mpl.rc_context(_SETTINGS):
            yield
    finally:
        RendererBase.new_gc = before  # type: ignore[method-assign]


def _graphics_context(_: RendererBase) -> GraphicsContextBase:
    return GraphicsContextBase()


def color_of(kind: str) -> str:
    """Return the colour of a kind of unit; those without one share a colour."""
    return COLORS.get(kind, COLORS["other"])


def tint(color: str, strength: float) -> tuple[float, float, float]:
    """Return a colour mixed with white; strength 1 leaves it, 0 is white, above 1 darkens."""
    red, green, blue = (np.clip(1 - strength * (1 - part), 0, 1) for part in to_rgb(color))
    return float(red), float(green), float(blue)


def ink(color: str) -> tuple[float, float, float]:
    """Return a colour dark enough for small text on white."""
    red, green, blue = to_rgb(color)
    shade = min(1.0, 0.40 / max(0.2126 * red + 0.7152 * green + 0.0722 * blue, 1e-9))
    return red * shade, green * shade, blue * shade


def dollars(amount: float) -> str:
    """Return an amount of money as text, in full dollars from 100 $ on."""
    digits = 0 if abs(amount) >= 99.995 else 2
    text = f"{abs(amount):,.{digits}f}"
    return f"−${text}" if amount < 0 and text.strip("0.,") else f"${text}"


def hour_edges(places: FloatArray) -> FloatArray:
    """Return the borders of steps, or of days, that are drawn around their places, without gaps."""
    half = (places[1] - places[0]) / 2 if len(places) > 1 else 0.5
    return np.append(places - half, places[-1] + half)


def headline(ax: Axes, title: str, finding: str = "", *, y: str = "", color: Any = "black") -> None:
    """Write the title of a panel above it, on the right the finding, and the quantity with its unit at the left."""
    ax.set_title(title, loc="left", fontweight="bold", pad=5, color=color)
    ax.set_title(finding, loc="right", fontsize=LABEL_POINTS, color=GREY, pad=5, parse_math=False)
    if y:
        ax.set_ylabel(y)
        ax.grid(axis="y")


def zero_line(ax: Axes, *, zorder: float = 1) -> None:
    """Draw a line at zero, by default under everything else."""
    ax.axhline(0, color="#444444", lw=0.8, zorder=zorder)


def nothing_to_show(ax: Axes, why: str) -> None:
    """Write into an empty panel why it is empty."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color=GREY)


def spread(wanted: FloatArray, gap: float, low: float, high: float) -> FloatArray:
    """Return positions as near as possible to the wanted ones, `gap` apart and between `low` and `high`.

    The nearest in the sense of least squares: an isotonic regression of the positions less their ranks' gaps.
    """
    steps = gap * np.arange(len(wanted))
    order = np.argsort(wanted, kind="stable")
    placed = isotonic_regression(np.asarray(wanted, dtype=np.float64)[order] - steps).x
    result = np.empty(len(wanted))
    result[order] = np.clip(placed, low, max(low, high - steps[-1])) + steps
    return result


class Label(NamedTuple):
    """A name in the margin of a panel: wanted height in data units, text, colour, and whether a line leads to it."""

    height: float
    text: str
    color: Any
    leader: bool = True


def margin_labels(ax: Axes, labels: Sequence[Label], *, top: float = 1.0) -> None:
    """Write names to the right of a panel whose limits are set, never overlapping.

    Parameters
    ----------
    top : float
        Fraction of the panel's height the labels may use.
    """
    low, high = ax.get_ylim()
    inches = ax.get_position().height * ax.figure.get_figheight()  # type: ignore[union-attr]
    gap = (high - low) * 1.2 * LABEL_POINTS / 72 / inches
    heights = np.array([label.height for label in labels])
    places = spread(heights, gap, low + gap / 2, low + top * (high - low) - gap / 2)
    right = ax.get_yaxis_transform()
    for (height, text, color, leader), place in zip(labels, places, strict=True):
        if leader:
            ax.plot(
                [1.0, 1.006, 1.016, 1.02],
                [height, height, place, place],
                transform=right,
                color=color,
                lw=0.7,
                clip_on=False,
            )
        ax.text(1.024, place, text, transform=right, color=color, va="center", fontsize=LABEL_POINTS)


def fix_layout(figure: Figure) -> None:
    """Lay out a figure for good, in round numbers: the last digits of constrained layout are not the same twice."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        ax.set_position([round(float(part), 4) for part in ax.get_position().bounds])  # type: ignore[arg-type]


_FORMATS: dict[str, dict[str, Any]] = {
    "png": {"metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}
"""Options of every format without which the files would not be the same twice."""


def save_figure(
    figure: Figure, folder: Path, name: str, kinds: Sequence[str] = ("png", "svg"), *, dpi: float = 120
) -> list[Path]:
    """Write a figure, as PNG and SVG by default, and return the files; the same figure gives the same bytes."""
    files = []
    with house_style():
        for kind in kinds:
            drawn = BytesIO()
            figure.savefig(drawn, format=kind, dpi=dpi if kind == "png" else "figure", **_FORMATS[kind])
            files.append(folder / f"{name}.{kind}")
            write_whole(files[-1], drawn.getvalue())
    return files


def write_key(ax: Axes, *others: Axes) -> None:
    """Write the key of what is labelled in a panel and others to its right, beside its middle, the last on top."""
    labelled = [one for panel in (*others, ax) for one in panel.get_legend_handles_labels()[0]]
    if not labelled:
        return
    ax.legend(
        handles=labelled[::-1],
        loc="center left",
        bbox_to_anchor=(1.006, 0.5),
        frameon=False,
        fontsize=LABEL_POINTS,
        handlelength=1.5,
        handleheight=1.0,
        labelspacing=0.55,
        borderpad=0,
        handletextpad=0.5,
    )
