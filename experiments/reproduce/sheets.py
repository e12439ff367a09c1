"""Sheets of panels in rows and columns, and numbers as they are written beside them."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.reproduce.journal import BOTTOM, WIDTH

LEFT = 0.7
"""Room to the left of the panels. [inch]"""


def said(value: float, layout: str = ".2f") -> str:
    """Return a number as text, with a proper minus and none before nothing."""
    text = format(value, layout)
    return (format(0.0, layout) if float(text.replace(",", "")) == 0 else text).replace("-", "−")


def panel_grid(
    rows: int,
    columns: int,
    *,
    height: float,
    right: float,
    top: float = 0.34,
    gap: float = 0.16,
    own_scales: bool = False,
) -> tuple[Figure, Sequence[Sequence[Axes]]]:
    """Return a figure as wide as the text with rows of panels that share the scale of their first one.

    Parameters
    ----------
    rows, columns : int
        Number of panels.
    height : float
        Height of each. [inch]
    right, top, gap : float
        Room to the right of and above them, and between them. [inch]
    own_scales : bool
        Whether every row has its own horizontal scale, and not only the last one is labelled.
    """
    total = BOTTOM + top + rows * height + (rows - 1) * gap
    width = (WIDTH - LEFT - right - (columns - 1) * gap) / columns
    figure = Figure(figsize=(WIDTH, total))
    grid: list[list[Axes]] = []
    for row in range(rows):
        bottom = BOTTOM + (rows - 1 - row) * (height + gap)
        line: list[Axes] = []
        for column in range(columns):
            left = LEFT + column * (width + gap)
            box = (left / WIDTH, bottom / total, width / WIDTH, height / total)
            ax = figure.add_axes(box, sharey=line[0] if line else None)
            ax.grid(axis="y")
            ax.tick_params(labelsize=7.5, length=2.5, labelleft=not column, labelbottom=own_scales or row == rows - 1)
            line.append(ax)
        line[0].yaxis.set_label_coords(-0.52 / width, 0.5)
        grid.append(line)
    return figure, grid
