"""Figures as a journal prints them: one column wide, with a caption that stands alone and the data they show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import save_figure
from experiments.figures.style import GREY, hour_edges
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult, csv_of, write_texts
from grids.network import FloatArray

WIDTH = 6.7
"""Width of the text in the journal. [inch]"""
LEFT, BOTTOM, LABELS = 0.7, 0.5, 0.18
"""Room beside and below the panels, and to the left of the labels of their axes. [inch]"""

HOURS: FloatArray = np.arange(1.0, 25.0)


def panel_grid(
    rows: int,
    columns: int,
    *,
    height: float,
    right: float,
    top: float = 0.34,
    gap: float = 0.16,
    left: float = LEFT,
    own_scales: bool = False,
) -> tuple[Figure, Sequence[Sequence[Axes]]]:
    """Return a figure as wide as the text with rows of panels that share the scale of their first one.

    Parameters
    ----------
    rows, columns : int
        Number of panels.
    height : float
        Height of each. [inch]
    right, top, gap, left : float
        Room to the right of and above them, between them, and to their left. [inch]
    own_scales : bool
        Whether every row has its own horizontal scale, and not only the last one is labelled.
    """
    total = BOTTOM + top + rows * height + (rows - 1) * gap
    width = (WIDTH - left - right - (columns - 1) * gap) / columns
    figure = Figure(figsize=(WIDTH, total))
    room = {"left": left / WIDTH, "right": 1 - right / WIDTH, "bottom": BOTTOM / total, "top": 1 - top / total}
    grid = figure.subplots(
        *(rows, columns),
        sharex="none" if own_scales else "col",
        sharey="row",
        squeeze=False,
        gridspec_kw=room | {"hspace": gap / height, "wspace": gap / width},
    )
    for ax in grid.flat:
        ax.grid(axis="y")
        ax.tick_params(labelsize=7.5, length=2.5)
    for ax in grid[:, 0]:
        ax.yaxis.set_label_coords((LABELS - left) / width, 0.5)
    return figure, [[*row] for row in grid]


def panels(count: int, *, height: float, right: float, top: float = 0.34) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure with panels one above the other, see :func:`panel_grid`."""
    figure, grid = panel_grid(count, 1, height=height, right=right, top=top, gap=0.44, left=0.62, own_scales=True)
    return figure, [row[0] for row in grid]


def hour_axis(ax: Axes, *, label: bool = True) -> None:
    """Give a panel the hours of the day."""
    edges = hour_edges(HOURS)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xticks(HOURS, labels=[f"{hour:.0f}" for hour in HOURS])
    if label:
        ax.set_xlabel("hour of the day (hour ending) [h]")


def publish(
    context: Context,
    name: str,
    figure: Figure,
    *,
    caption: str,
    data: pd.DataFrame,
    title: str = "",
    original: str = "",
) -> ItemResult:
    """Write a figure as PNG, SVG and PDF, its caption as Markdown and its data as CSV; return what to say of it.

    Parameters
    ----------
    name : str
        Name of the item, such as ``fig7``.
    caption : str
        What the figure shows, without its number.
    data : DataFrame
        What is drawn, with units in the headings.
    title : str, optional
        What the figure is called; by default its number.
    original : str, optional
        The caption of the paper's figure, if it is one of the paper's.
    """
    title = title or f"Figure {name.removeprefix('fig')}"
    full = f"**{title}.** {caption} {context.provenance}"
    text = "\n\n".join([full, *([f'The paper\'s caption: "{original}"'] if original else [])]) + "\n"
    stem = context.stem(name)
    if context.quick:
        figure.text(0.995, 0.995, "quick run, not a result", ha="right", va="top", fontsize=7, color=GREY)
    texts = {f"{stem}.md": f"![{title}]({stem}.png)\n\n{text}", f"{stem}.csv": csv_of(data)}
    drawn = save_figure(figure, context.folder, stem, ("png", "svg", "pdf"))
    plain = data.astype(object).where(data.notna(), None)  # JSON has no NaN
    return ItemResult(
        summary={
            "caption": full,
            **({"original": original} if original else {}),
            "data": plain.to_dict(orient="list"),
        },
        files=[*drawn, *write_texts(context, texts)],
        remarks=text.replace("**", "").strip().split("\n\n"),
    )
