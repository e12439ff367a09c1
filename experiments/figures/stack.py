"""Stacks of power step by step: sources upwards from zero, uses downwards."""

import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from experiments.figures.page import DaySteps
from experiments.figures.style import zero_line
from grids.network import FloatArray

VISIBLE_MW = 1e-6
"""Power that a part must exceed in some step to be drawn. [MW]"""
CURTAILED_MW = 1e-3
"""Curtailed power up to which a step gets no bar. [MW]"""


class Stack:
    """Parts on each other, each beginning where the last of its side of zero ended.

    Parameters
    ----------
    ax : Axes
        The panel.
    steps : DaySteps
        The day's steps.

    Attributes
    ----------
    top, bottom : array, shape (T,)
        The ends of what has been stacked. [MW]
    """

    def __init__(self, ax: Axes, steps: DaySteps) -> None:
        self.ax, self.steps, self.edges = ax, steps, steps.edges
        self.top, self.bottom = np.zeros(len(steps.places)), np.zeros(len(steps.places))

    def add(self, name: str, color: Any, p_mw: FloatArray) -> None:
        """Add the power of a unit, shape (T,), or of several that give and use at once, shape (T, units). [MW]"""
        units = np.nan_to_num(p_mw).reshape(len(self.top), -1)
        gid, label = re.sub(r"\W+", "_", f"{self.ax.get_label()}_{name}").strip("_"), name
        for side, base, height in (
            ("up", self.top, np.maximum(units, 0).sum(axis=1)),
            ("down", self.bottom, np.minimum(units, 0).sum(axis=1)),
        ):
            if np.abs(height).max() > VISIBLE_MW:
                look: dict[str, Any] = {"color": color, "lw": 0.0, "gid": f"{gid}_{side}", "label": label}
                self.ax.stairs(base + height, self.edges, baseline=base.copy(), fill=True, **look)
                label = f"_{name}"  # one entry in the key for both sides
            base += height

    def cut(self, name: str, color: str, p_mw: FloatArray, *, base: FloatArray | None = None) -> None:
        """Hatch what was curtailed in some steps: on top of the stack, or in narrow bars upwards from a base."""
        start, there = (self.top if base is None else base), p_mw > CURTAILED_MW
        if there.any():
            hatch, width, zorder = ("/////", 1.0, 3) if base is None else ("xxxxx", 0.5, 6)
            where: dict[str, Any] = {"bottom": start[there], "width": width * self.steps.step_h, "zorder": zorder}
            look: dict[str, Any] = {"facecolor": "white", "edgecolor": color, "lw": 0.7, "hatch": hatch, "label": name}
            places = self.steps.places[there]
            bars = self.ax.bar(places, p_mw[there], **where, **look)
            for place, bar in zip(places, bars, strict=True):
                bar.set_gid(f"{name.replace(' ', '_')}-{place:g}")
        if base is None:
            self.top += p_mw

    def line(self, name: str, p_mw: FloatArray, *, gid: str) -> None:
        """Draw a line in black on a white rim over the stack."""
        self.ax.stairs(p_mw, self.edges, baseline=None, color="white", lw=3.0, zorder=5)
        self.ax.stairs(p_mw, self.edges, baseline=None, color="black", lw=1.5, zorder=5, gid=gid, label=name)

    def finish(self, highest: float = 0.0) -> None:
        """Set the limits of the panel, and draw a line at zero."""
        low, high = float(self.bottom.min()), max(float(self.top.max()), highest)
        room = 0.06 * max(high - low, 1e-3)
        self.ax.set_ylim(low - room, high + room)
        zero_line(self.ax, zorder=4)
