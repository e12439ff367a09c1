"""Voltage panel: a map of all buses and hours, with voltages outside the limits framed."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import Normalize

from experiments.figures.style import headline, hour_edges
from grids.components import Voltage
from grids.network import FloatArray
from sim.audit import voltages_outside

MOST_ROWS = 40
"""Largest number of buses that are all numbered."""


def voltage_panel(ax: Axes, buses: pd.DataFrame, branches: pd.DataFrame, limits: Voltage) -> None:
    """Draw voltages as colours around 1 p.u., bus 1 at the top."""
    numbers = buses["bus"].drop_duplicates().to_numpy()
    table = buses.pivot(index="bus", columns="hour", values="vm_pu").loc[numbers]
    vm_pu, hours = table.to_numpy(), table.columns.to_numpy(dtype=np.float64)
    reach = max(1.2 * (limits.max_vm_pu - 1), 1.2 * (1 - limits.min_vm_pu), float(np.abs(vm_pu - 1).max()))
    rows = np.arange(len(numbers) + 1) - 0.5
    mesh = ax.pcolormesh(
        hour_edges(hours),
        rows,
        vm_pu,
        cmap="RdBu",
        norm=Normalize(1 - reach, 1 + reach),
        edgecolors="face",
        linewidth=0.2,
        rasterized=vm_pu.size > 3000,
        gid="voltage",
    )
    _divide_laterals(ax, numbers, branches)
    fed_by_none = np.setdiff1d(branches["from_bus"], branches["to_bus"])
    low, high = voltages_outside(vm_pu, min_vm_pu=limits.min_vm_pu, max_vm_pu=limits.max_vm_pu)
    outside = (low | high) & ~np.isin(numbers, fed_by_none)[:, None]  # the slack's voltage is the main grid's
    frame = LineCollection(
        list(outline(outside, float(hours[0]))), colors="black", linewidths=1.3 * _thin(numbers), gid="violations"
    )
    ax.add_collection(frame, autolim=False)
    ax.set_ylim(len(numbers) - 0.5, -0.5)
    shown = np.arange(0, len(numbers), int(np.ceil(len(numbers) / MOST_ROWS)))
    ax.set_yticks(shown, labels=[str(numbers[k]) for k in shown])
    ax.set_ylabel("bus [number]")
    _color_bar(ax, mesh, limits, reach)
    headline(ax, "(e) Voltage at every bus", _finding(table, outside))


def _finding(table: pd.DataFrame, outside: npt.NDArray[np.bool_]) -> str:
    worst = (table - 1).abs().stack().idxmax()
    bus, hour = worst
    text = f"farthest from 1: {table.loc[bus, hour]:.3f} p.u. at bus {bus}, hour {hour}"
    count = int(outside.sum())
    if not count:
        return f"{text}; all within the limits"
    return f"{text}; framed: {count} of {outside.size} bus-hours outside the limits"


def outline(mask: npt.NDArray[np.bool_], first_hour: float) -> FloatArray:
    """Return the border of the marked cells of a map as lines, shape (lines, 2, 2): ends, (x, y)."""
    padded = np.pad(mask, 1)
    row, column = np.nonzero(padded[1:-1, :-1] != padded[1:-1, 1:])
    x, y = column + first_hour - 0.5, row.astype(np.float64)
    upright = np.stack([np.stack([x, y - 0.5], axis=1), np.stack([x, y + 0.5], axis=1)], axis=1)
    row, column = np.nonzero(padded[:-1, 1:-1] != padded[1:, 1:-1])
    left, height = column + first_hour - 0.5, row - 0.5
    level = np.stack([np.stack([left, height], axis=1), np.stack([left + 1, height], axis=1)], axis=1)
    return np.concatenate([upright, level])


def _thin(numbers: npt.NDArray[np.int64]) -> float:
    """Return the factor by which lines are thinner in a map of many rows."""
    return min(1.0, max(0.4, 1.5 * MOST_ROWS / len(numbers)))


def _divide_laterals(ax: Axes, numbers: npt.NDArray[np.int64], branches: pd.DataFrame) -> None:
    """Draw a gap above each bus that is not fed by the one in the row above."""
    feeding = dict(zip(branches["to_bus"], branches["from_bus"], strict=True))
    starts = [k for k in range(2, len(numbers)) if feeding.get(numbers[k]) != numbers[k - 1]]
    for k in starts if len(starts) < len(numbers) / 3 else []:
        ax.axhline(k - 0.5, color="white", lw=1.6 * _thin(numbers))


def _color_bar(ax: Axes, mesh: QuadMesh, limits: Voltage, reach: float) -> None:
    bar_ax = ax.inset_axes((1.02, 0.0, 0.018, 1.0))
    bar = ax.figure.colorbar(mesh, cax=bar_ax)
    marks = {limits.min_vm_pu: f"{limits.min_vm_pu:g} limit", limits.max_vm_pu: f"{limits.max_vm_pu:g} limit"}
    for end in (1 - reach, 1.0, 1 + reach):
        if all(abs(end - limit) > 0.1 * reach for limit in (limits.min_vm_pu, limits.max_vm_pu)):
            marks[end] = f"{end:.2f}" if end != 1.0 else "1"
    bar.set_ticks(sorted(marks), labels=[marks[place] for place in sorted(marks)])
    for limit in (limits.min_vm_pu, limits.max_vm_pu):
        bar_ax.axhline(limit, color="black", lw=1.8)
    bar.outline.set_visible(False)
    bar_ax.tick_params(labelsize=7.5, length=2.5)
    bar_ax.set_ylabel("voltage [p.u.]", labelpad=2)
