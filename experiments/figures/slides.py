"""Slides: one panel of a figure by itself, 16:9, with larger letters."""

import re

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.figures.style import GREY, house_style, write_key
from grids.documents import in_short
from sim.errors import StudyError

WIDTH, HEIGHT = 9.6, 5.4
"""Size of a slide. [inch]"""
LEFT, RIGHT, TOP, BOTTOM = 0.95, 1.75, 1.42, 0.72
"""Room around the panel. [inch]"""
EDGE = 0.15
"""Room between everything and the edge of a slide. [inch]"""
MOST_LARGER = 40
"""Largest number of texts in a panel that grow: of more, such as those in a map's cells, there is no room."""
LARGER = 1.15
"""Growth of letters from page to slide."""


def panel_names(figure: Figure) -> list[str]:
    """Return the names of the panels of a figure, in its order."""
    return [str(ax.get_label()) for ax in figure.axes if ax.get_label() and not str(ax.get_label()).startswith("<")]


def slide_of(figure: Figure, panel: str) -> Figure:
    """Return a figure reduced to one of its panels, with heading and key of the page; the figure itself is changed.

    Parameters
    ----------
    figure : Figure
        A page that is not needed any more.
    panel : str
        Name of the panel that stays.

    Raises
    ------
    StudyError
        If it has no such panel.
    """
    names = panel_names(figure)
    if panel not in names:
        raise StudyError(f"panel {in_short(panel)}: use {', '.join(names)}")
    with house_style():
        ax = figure.axes[names.index(panel)]
        if len(names) == 1:
            return _letterbox(figure)
        _inherit_hours(ax, figure.axes)
        for other in list(figure.axes):
            if other is not ax:
                other.remove()
        _keep_heading(figure)
        write_key(ax)  # on the page, one panel has it for all
        figure.set_size_inches(WIDTH, HEIGHT)
        ax.set_position((LEFT / WIDTH, BOTTOM / HEIGHT, 1 - (LEFT + RIGHT) / WIDTH, 1 - (TOP + BOTTOM) / HEIGHT))
        ax.yaxis.set_label_coords(-0.6 / (WIDTH - LEFT - RIGHT), 0.5)
        _put_finding_below_title(ax)
        numbers = set(ax.texts) if len(ax.texts) > MOST_LARGER else set()  # such as those in the cells of a map
        for text in set(ax.findobj(Text)) - numbers:
            text.set_fontsize(float(text.get_fontsize()) * LARGER)
        ax.tick_params(axis="x", labelsize=8.5, labelcolor="#444444")
        rows = len([mark for mark in ax.get_yticks() if min(ax.get_ylim()) <= mark <= max(ax.get_ylim())])
        ax.tick_params(axis="y", labelsize=min(9.5, 65 * (HEIGHT - TOP - BOTTOM) / rows), labelcolor="#444444")
        _fit(ax)
    return figure


def _fit(ax: Axes) -> None:
    """Narrow or widen a panel so that what stands beside it is on the slide, and ends at its edge."""
    box = ax.get_tightbbox()
    if box is None:
        return
    dots = ax.get_figure(root=True).get_dpi()  # type: ignore[union-attr]
    left, right = max(0.0, EDGE - box.x0 / dots), box.x1 / dots - (WIDTH - 2 * EDGE)
    place = ax.get_position()
    ax.set_position((place.x0 + left / WIDTH, place.y0, place.width - (left + right) / WIDTH, place.height))


def _letterbox(figure: Figure) -> Figure:
    """Return a figure of one panel, drawn to the inch, within the smallest 16:9 page."""
    width, height = figure.get_size_inches()
    page = max(width, height * WIDTH / HEIGHT), max(height, width * HEIGHT / WIDTH)
    figure.set_size_inches(*page)
    share = width / page[0], height / page[1]
    figure.axes[0].set_position(((1 - share[0]) / 2, (1 - share[1]) / 2, *share))
    return figure


def _inherit_hours(ax: Axes, others: list[Axes]) -> None:
    """Give a panel the label of the hours that only the lowest of those with the same hours has."""
    same = [one.get_xlabel() for one in others if one.get_xlabel() and one.get_xlim() == ax.get_xlim()]
    if not ax.get_xlabel() and same:
        ax.set_xlabel(same[0], labelpad=4)


def _keep_heading(figure: Figure) -> None:
    """Keep title, subtitle and first note of the page and put them where they are on a slide."""
    texts = sorted(figure.texts, key=lambda text: -text.get_position()[1])
    for text, below, size in zip(texts, (0.34, 0.62, 0.84), (15, 9.5, 8), strict=False):
        text.set_position((LEFT / WIDTH, 1 - below / HEIGHT))
        text.set_fontsize(size)
    for text in texts[3:]:
        text.remove()


def _put_finding_below_title(ax: Axes) -> None:
    """Write the finding of the panel below its title and not beside it, and leave out the panel's letter."""
    title, finding = (ax.get_title(side) for side in ("left", "right"))
    ax.set_title("", loc="right")
    ax.set_title(re.sub(r"^\(\w\) ", "", title), loc="left", fontweight="bold", pad=20 if finding else 8)
    ax.annotate(
        finding, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", color=GREY, parse_math=False
    )
