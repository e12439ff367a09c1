"""Storage panel: state of charge of every battery, between its limits."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.style import COLORS, GREY, Label, headline, hour_edges, ink, margin_labels, tint

DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.2)),
    (0, (1.2, 0.9)),
    (0, (6, 1, 1.2, 1)),
)
MOST_NAMED = 8
"""Largest number of batteries with a name each; of more, all look alike and only their number is written."""


def soc_panel(ax: Axes, dispatch: pd.DataFrame, units: pd.DataFrame, before: pd.Series) -> None:
    """Draw the SOC at the end of each hour, from its value at the start of the day on.

    Parameters
    ----------
    before : Series
        SOC of each battery when the day begins.
    """
    batteries = units[units["kind"] == "battery"]
    ax.set_ylim(0, 100)
    ax.set_yticks([0, 25, 50, 75, 100])
    ax.set_ylabel("SOC [%]")
    ax.grid(axis="y")
    headline(ax, "(d) State of charge of the batteries (SOC), at the end of the hour")
    if batteries.empty:
        ax.text(
            0.5,
            0.5,
            "no batteries in this fleet",
            transform=ax.transAxes,
            ha="center",
            va="center",
            color="#777777",
        )
        return
    labels = []
    for k, unit in enumerate(batteries["unit"]):
        rows = dispatch[dispatch["unit"] == unit]
        percent = 100 * np.append(before[unit], rows["soc"].to_numpy())
        color, dashes = _look(k, len(batteries))
        times = hour_edges(rows["hour"].to_numpy(dtype=np.float64))
        ax.plot(times, percent, color=color, ls=dashes, lw=1.4, gid=unit, solid_joinstyle="round")
        labels.append(Label(round(float(percent[-1]), 2), unit.replace("_", " "), color))
    if len(batteries) > MOST_NAMED:
        middle = float(np.median([label.height for label in labels]))
        labels = [Label(middle, f"{len(batteries)} batteries", ink(COLORS["battery"]))]
    margin_labels(ax, labels + _limits(ax, batteries))


def _look(k: int, count: int) -> tuple[tuple[float, float, float], str | tuple[int, tuple[float, ...]]]:
    """Return shade and dashes of the k-th battery."""
    if count > MOST_NAMED or count == 1:
        return tint(COLORS["battery"], 1.0), "-"
    return tint(COLORS["battery"], 1.6 - 0.8 * k / (count - 1)), DASHES[k % len(DASHES)]


def _limits(ax: Axes, batteries: pd.DataFrame) -> list[Label]:
    """Draw the limits; return labels for those that all batteries share."""
    labels: list[Label] = []
    for column, name in (("max_soc", "upper limit"), ("min_soc", "lower limit")):
        values = sorted(100 * batteries[column].unique())
        for value in values:
            ax.axhline(value, color="#777777", lw=0.8, ls=(0, (4, 3)), gid=f"{column}-{value:g}")
        text = f"{name} {values[0]:.0f} %" if len(values) == 1 else f"{name}s"
        labels.append(Label(float(np.mean(values)), text, GREY))
    return labels
