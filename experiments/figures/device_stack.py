"""Stacks: sources above zero, uses below, hour by hour."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.connection_page import HOURS, power_axis
from experiments.figures.style import hour_edges, write_key
from grids.network import FloatArray

VISIBLE_MW = 1e-6
"""Power [MW]; a part that never exceeds it gets no entry in the key."""


class Part(NamedTuple):
    """Part of a stack: name, colour, power given (positive) and used (negative), shape (24,). [MW]"""

    name: str
    color: Any
    up: FloatArray
    down: FloatArray


def split(p_mw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the positive and the negative power, summed over the connections, shape (24,) each."""
    return np.maximum(p_mw, 0).sum(axis=1), np.minimum(p_mw, 0).sum(axis=1)


def stack_panel(
    ax: Axes,
    parts: Sequence[Part],
    *,
    line: FloatArray | None = None,
    line_name: str = "",
    legend: bool = False,
) -> None:
    """Draw parts on each other, each beginning where the last of its side of zero ended.

    Parameters
    ----------
    line : array, shape (24,), optional
        Drawn in black over the stack.
    legend : bool
        Whether to write a key to the right of the panel.
    """
    edges, top, bottom = hour_edges(HOURS), np.zeros(len(HOURS)), np.zeros(len(HOURS))
    key: list[Artist] = []
    for part in parts:
        name = re.sub(r"\W+", "_", f"{ax.get_label()}_{part.name}").strip("_")
        for side, base, height in (("up", top, part.up), ("down", bottom, part.down)):
            if np.abs(height).max() > VISIBLE_MW:
                look: dict[str, Any] = {"color": part.color, "lw": 0.0, "gid": f"{name}_{side}"}
                ax.stairs(base + height, edges, baseline=base.copy(), fill=True, **look)
            base += height
        key.append(Patch(color=part.color, label=part.name))
    if line is not None:
        ax.stairs(line, edges, baseline=None, color="white", lw=3.0, zorder=5)
        ax.stairs(line, edges, baseline=None, color="black", lw=1.5, zorder=5, gid=f"{ax.get_label()}_line")
        key.append(Line2D([], [], color="black", lw=1.5, label=line_name))
    room = 0.06 * max(float(top.max() - bottom.min()), 1e-3)
    ax.set_ylim(bottom.min() - room, top.max() + room)
    power_axis(ax)
    if legend:
        write_key(ax, key[::-1])
