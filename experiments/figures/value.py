"""What a bid promises and what it earns, by the number of scenarios it is made from."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, GREY, LABEL_POINTS, dollars, headline, house_style, ink
from experiments.value_report import CONFIDENCE, Trial, ValueReport
from grids.network import FloatArray

SIZE = (8.0, 6.6)
"""Width and height. [inch]"""

BOXES = {"profit": (0.1, 0.52, 0.87, 0.335), "difference": (0.1, 0.105, 0.87, 0.335)}
"""Where the panels are, as left, bottom, width and height of the figure."""


def value_figure(report: ValueReport) -> Figure:
    """Return a report as a figure.

    Parameters
    ----------
    report : ValueReport
        From :meth:`experiments.value.Comparison.run`.
    """
    with house_style():
        figure = Figure(figsize=SIZE)
        panels = {name: figure.add_axes(box, label=name) for name, box in BOXES.items()}
        _profit_panel(panels["profit"], report)
        _difference_panel(panels["difference"], report)
        for ax in panels.values():
            ax.set_xlim(-0.6, len(report.trials) - 0.4)
            ax.set_xticks(range(len(report.trials)), labels=[_tick(trial, report) for trial in report.trials])
            ax.grid(axis="y")
            ax.yaxis.set_label_coords(-0.075, 0.5)
        panels["difference"].set_xlabel("scenarios the bid is made from [number]", labelpad=4)
        _title(figure, report)
    return figure


def _profit_panel(ax: Axes, report: ValueReport) -> None:
    """Draw what each bid promises over its own scenarios, and what it earns in the test."""
    color, trials = COLORS["profit"], report.trials
    at = np.arange(len(trials), dtype=np.float64)
    promised = np.array([trial.training for trial in trials])
    earned = np.array([trial.test.mean for trial in trials])
    error = np.array([trial.test.standard_error for trial in trials])
    comparable = _comparable(report)
    _limit(ax, np.concatenate([promised, earned - error, earned + error])[np.tile(comparable, 3)])
    ax.plot(at, promised, "o", ms=6, mfc="white", mec=color, mew=1.2, gid="promised")
    ax.errorbar(at, earned, error, fmt="o", ms=6, color=color, mec="white", mew=0.6, lw=1.2, zorder=3)[0].set_gid(
        "earned"
    )
    _off_scale(ax, earned, error)
    ax.set_ylabel("profit of a day [$]")
    headline(ax, "(a) Promised and earned", "○ expected over its own scenarios   ● mean of the test, ± standard error")
