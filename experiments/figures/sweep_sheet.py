"""Sheets of panels for the figures of a sweep: a heading, a key, rows and columns of panels, and texts that fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, GREY, save_figure
from experiments.figures.sweep_text import SMALL, TICK, inches, plain, shortened, wrapped

WIDTH = 7.6
"""Of every figure, so that all have the same size of letters on a page. [inch]"""
LEFT, RIGHT = 0.95, 0.2
TITLE, LINE, HEAD = 0.36, 0.17, 0.27
"""Room for the title, for a line of text, and for what is written above a panel. [inch]"""
STEPS = (1, 2, 2.5, 5, 10)
"""Between the numbers on an axis."""
KEY_ROW, HANDLE, LONGEST = 0.2, 0.34, 3.2
"""Room for a row of the key, for a handle in it, and for the longest name. [inch]"""
DARK = "#444444"

LOOKS = (
    (COLORS["tie_line"], "o", "-"),
    (COLORS["penalty"], "s", (0, (5, 1.5))),
    (COLORS["battery"], "^", (0, (3, 1, 1, 1))),
    (COLORS["retail"], "D", (0, (1, 1))),
    (COLORS["pv"], "v", (0, (7, 2, 1, 2))),
    (COLORS["demand"], "P", (0, (2, 1.5))),
)
"""Colour, marker and dashes of each line: told apart without colour, too."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawing:
    """A figure of a report.

    Attributes
    ----------
    name : str
        Stem of its files.
    figure : Figure
        The figure.
    caption : str
        What it shows, for those who read on paper or can't see it.
    """

    name: str
    figure: Figure
    caption: str

    def save(self, folder: Path) -> list[Path]:
        """Write PNG and SVG, and return their paths."""
        save_figure(self.figure, folder, self.name)
        return [folder / f"{self.name}.png", folder / f"{self.name}.svg"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Sheet:
    """A figure with its panels.

    Attributes
    ----------
    figure : Figure
        The figure, as wide as all.
    panels : sequence of Axes
        Its panels, row by row.
    lowest : sequence of bool
        Whether nothing is below a panel.
    leftmost : sequence of bool
        Whether nothing is to the left of a panel.
    """

    figure: Figure
    panels: Sequence[Axes]
    lowest: Sequence[bool]
    leftmost: Sequence[bool]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a sheet is divided. All in inches.

    Attributes
    ----------
    columns : int
        Panels in a row.
    height : float
        Of a panel.
    across, between : float
        Room between panels, and between rows besides what is written above a panel.
    below, left, right : float
        Room below the last row and on both sides.
    """

    columns: int
    height: float
    across: float
    between: float
    below: float
    left: float = LEFT
    right: float = RIGHT

    @property
    def panel_width(self) -> float:
        """Width of a panel."""
        return (WIDTH - self.left - self.right - (self.columns - 1) * self.across) / self.columns


def sheet(
    cells: Sequence[int],
    frame: Frame,
    title: str,
    notes: Sequence[str],
    key: Sequence[tuple[Any, str]] = (),
    key_title: str = "",
) -> Sheet:
    """Return a sheet with empty panels below a title, notes and a key.

    Parameters
    ----------
    cells : sequence of int
        Where panels are, counted row by row in rising order.
    frame : Frame
        How the sheet is divided.
    title : str
        What the figure shows.
    notes : sequence of str
        What else is to be known, in grey; long ones are wrapped.
    key : sequence of (handle, str)
        What lines and colours mean.
    key_title : str
        What the names in the key are values of.
    """
    room = WIDTH - 0.3
    titles = wrapped(title, room, 11.5, bold=True, most=2)
    lines = [line for note in notes for line in wrapped(note, room)]
    places = _flow(key, key_title)
    text = TITLE + 0.2 * (len(titles) - 1) + LINE * len(lines)
    above = text + KEY_ROW * (places[-1][1] + 1 if places else 0) + 0.06 + HEAD
    rows = cells[-1] // frame.columns + 1
    height = above + rows * frame.height + (rows - 1) * (frame.between + HEAD) + frame.below
    figure = Figure(figsize=(WIDTH, height))
    _heading(figure, titles, lines)
    _draw_key(figure, key, key_title, places, text)
    panels = [_panel(figure, frame, cell, above) for cell in cells]
    for column in range(frame.columns):
        figure.align_ylabels([ax for ax, cell in zip(panels, cells, strict=True) if cell % frame.columns == column])
    return Sheet(
        figure=figure,
        panels=panels,
        lowest=[cell + frame.columns not in cells for cell in cells],
        leftmost=[cell % frame.columns == 0 for cell in cells],
    )


def _heading(figure: Figure, titles: Sequence[str], lines: Sequence[str]) -> None:
    height = figure.get_figheight()
    for place, text in enumerate(titles):
        y = 1 - (0.22 + 0.2 * place) / height
        figure.text(0.15 / WIDTH, y, plain(text), fontsize=11.5, fontweight="bold", va="center")
    for place, text in enumerate(lines):
        y = 1 - (TITLE + 0.2 * (len(titles) - 1) + LINE * (place + 0.4)) / height
        figure.text(0.15 / WIDTH, y, plain(text), fontsize=SMALL, va="center", color=GREY)


def _panel(figure: Figure, frame: Frame, place: int, above: float) -> Axes:
    row, column = divmod(place, frame.columns)
    height = figure.get_figheight()
    left = frame.left + column * (frame.panel_width + frame.across)
    top = above + row * (frame.height + frame.between + HEAD)
    box = (left / WIDTH, 1 - (top + frame.height) / height, frame.panel_width / WIDTH, frame.height / height)
    ax = figure.add_axes(box, label=f"panel {place}")
    ax.tick_params(labelsize=TICK, length=2.5)
    return ax


def _flow(key: Sequence[tuple[Any, str]], key_title: str) -> list[tuple[float, int]]:
    """Return where each entry of a key is, as inches from the left and the row: side by side as far as they fit."""
    places: list[tuple[float, int]] = []
    left, row = (0.15 + inches(f"{key_title}:") + 0.1 if key_title else 0.15), 0
    for _, name in key:
        width = HANDLE + inches(shortened(name, LONGEST)) + 0.25
        if places and left + width > WIDTH - 0.1:
            left, row = 0.15, row + 1
        places.append((left, row))
        left += width
    return places


def _draw_key(
    figure: Figure,
    key: Sequence[tuple[Any, str]],
    key_title: str,
    places: Sequence[tuple[float, int]],
    top: float,
) -> None:
    height = figure.get_figheight()
    if key and key_title:
        figure.text(0.15 / WIDTH, 1 - (top + 0.1) / height, plain(f"{key_title}:"), fontsize=SMALL, va="center")
    for (handle, name), (left, row) in zip(key, places, strict=True):
        figure.legend(
            handles=[handle],
            labels=[plain(shortened(name, LONGEST))],
            loc="center left",
            bbox_to_anchor=(left / WIDTH, 1 - (top + 0.1 + KEY_ROW * row) / height),
            frameon=False,
            fontsize=SMALL,
            handlelength=HANDLE * 72 / SMALL - 0.5,
            handletextpad=0.5,
            borderpad=0,
            borderaxespad=0,
        )
