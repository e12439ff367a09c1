"""Voltage panel: a map of all buses and steps, with voltages outside the limits framed."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar

from experiments.figures.maps import color_bar, color_map, frame
from experiments.figures.page import DaySteps
from experiments.figures.style import headline
from grids.components import Voltage
from sim.audit import voltages_outside
from sim.study import Study

MOST_ROWS = 40
"""Largest number of buses that are all numbered."""

LIMITS = ("min_vm_pu", "max_vm_pu")


def voltage_panel(ax: Axes, buses: pd.DataFrame, branches: pd.DataFrame, limits: Voltage, steps: DaySteps) -> None:
    """Draw voltages as colours around 1 p.u., bus 1 at the top."""
    numbers = buses["bus"].drop_duplicates().to_numpy()
    table = buses.pivot(index="bus", columns="hour", values="vm_pu").loc[numbers]
    vm_pu = table.to_numpy()
    reach = max(1.2 * (limits.max_vm_pu - 1), 1.2 * (1 - limits.min_vm_pu), float(np.abs(vm_pu - 1).max()))
    allowed = {end: _limit_of_each(buses, end, limits).loc[numbers].to_numpy()[:, None] for end in LIMITS}
    rows, span = np.arange(len(numbers)), (1 - reach, 1 + reach)
    mesh = color_map(ax, steps.places, rows, vm_pu, span, "RdBu", gid="voltage")
    _divide_laterals(ax, numbers, branches)
    fed_by_none = np.setdiff1d(branches["from_bus"], branches["to_bus"])
    low, high = voltages_outside(vm_pu, **allowed)
    outside = (low | high) & ~np.isin(numbers, fed_by_none)[:, None]  # the slack's voltage is the main grid's
    frame(ax, outside, steps, width=1.3 * _thin(numbers), gid="violations")
    ax.set_ylim(len(numbers) - 0.5, -0.5)
    shown = np.arange(0, len(numbers), int(np.ceil(len(numbers) / MOST_ROWS)))
    ax.set_yticks(shown, labels=[str(numbers[k]) for k in shown])
    ax.tick_params(axis="y", labelsize=6)
    ax.set_ylabel("bus [number]")
    _mark_limits(color_bar(ax, mesh, "voltage [p.u.]"), limits, reach)
    headline(ax, "(e) Voltage at every bus", _finding(table, outside, steps.name))


def limits_of(study: Study, buses: pd.DataFrame) -> Voltage:
    """Return the voltage limits of a study, or the widest of those that the buses of its network have."""
    widest = {end: float(getattr(buses[end], end[:3])()) for end in LIMITS if end in buses}
    return Voltage.of(study.grid.voltage, **widest)


def _limit_of_each(buses: pd.DataFrame, end: str, limits: Voltage) -> pd.Series:
    """Return a limit of every bus, by its number."""
    once = buses.drop_duplicates("bus").set_index("bus")
    return once[end] if end in once else pd.Series(getattr(limits, end), index=once.index)


def _finding(table: pd.DataFrame, outside: npt.NDArray[np.bool_], step_name: str) -> str:
    worst = (table - 1).abs().stack().idxmax()
    bus, hour = worst
    text = f"farthest from 1: {table.loc[bus, hour]:.3f} p.u. at bus {bus}, hour {hour:.4g}"
    count = int(outside.sum())
    if not count:
        return f"{text}; all within the limits"
    return f"{text}; framed: {count} of {outside.size} bus-{step_name}s outside the limits"


def _thin(numbers: npt.NDArray[np.int64]) -> float:
    """Return the factor by which lines are thinner in a map of many rows."""
    return min(1.0, max(0.4, 1.5 * MOST_ROWS / len(numbers)))


def _divide_laterals(ax: Axes, numbers: npt.NDArray[np.int64], branches: pd.DataFrame) -> None:
    """Draw a gap above each bus that is not fed by the one in the row above."""
    feeding = dict(zip(branches["to_bus"], branches["from_bus"], strict=True))
    starts = [k for k in range(2, len(numbers)) if feeding.get(numbers[k]) != numbers[k - 1]]
    for k in starts if len(starts) < len(numbers) / 3 else []:
        ax.axhline(k - 0.5, color="white", lw=1.6 * _thin(numbers))


def _mark_limits(bar: Colorbar, limits: Voltage, reach: float) -> None:
    marks = {limits.min_vm_pu: f"{limits.min_vm_pu:g} limit", limits.max_vm_pu: f"{limits.max_vm_pu:g} limit"}
    for end in (1 - reach, 1.0, 1 + reach):
        if all(abs(end - limit) > 0.1 * reach for limit in (limits.min_vm_pu, limits.max_vm_pu)):
            marks[end] = f"{end:.2f}" if end != 1.0 else "1"
    bar.set_ticks(sorted(marks), labels=[marks[place] for place in sorted(marks)])
    for limit in (limits.min_vm_pu, limits.max_vm_pu):
        bar.ax.axhline(limit, color="black", lw=1.8)
