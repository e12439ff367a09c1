"""Requirements on a network that can be simulated: one slack, connected, radial, sane numbers."""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd

from grids.fleet import Fleet
from grids.network import IntArray, Net

_NOT_MODELLED = (
    "trafo",
    "trafo3w",
    "gen",
    "sgen",
    "storage",
    "shunt",
    "impedance",
    "ward",
    "xward",
    "dcline",
    "motor",
    "asymmetric_load",
    "asymmetric_sgen",
    "svc",
    "ssc",
    "tcsc",
    "vsc",
    "line_dc",
)


_COLUMNS = {
    "bus": ("vn_kv",),
    "line": (
        "from_bus",
        "to_bus",
        "length_km",
        "r_ohm_per_km",
        "x_ohm_per_km",
        "c_nf_per_km",
        "max_i_ka",
        "parallel",
        "df",
    ),
    "load": ("bus", "p_mw", "q_mvar", "scaling"),
    "ext_grid": ("bus",),
}
"""Tables of a net that are used, and their columns of numbers."""

MOST_BUS = 100_000
"""Largest number of a bus: pandapower takes up memory for all that are smaller."""


def base_net_problems(net: Net) -> list[str]:
    """Return every reason why a pandapower net can't serve as a microgrid's feeder (empty: it can)."""
    problems = _form_problems(net)
    if problems:
        return problems
    if len(net.ext_grid) != 1:
        problems.append(f"exactly one ext_grid (the tie line) is needed, found {len(net.ext_grid)}")
    problems += [
        f"{len(net[kind])} element(s) of kind '{kind}' are not modelled: remove them" for kind in _present(net)
    ]
    if not all(net[kind].in_service.all() for kind in ("bus", "line", "load", "ext_grid")):
        problems.append("elements out of service: remove them from the net")
    if len(net.switch) and not net.switch.closed.all():
        problems.append("open switches: remove the open lines from the net instead")
    if len(net.switch) and (net.switch.et == "b").any():
        problems.append("switches between buses are not modelled: join the buses instead")
    problems += _reference_problems(net) + _number_problems(net)
    return problems or _topology_problems(net)


def _form_problems(net: Net) -> list[str]:
    """Return every fault in the form of the tables: missing columns, wrong types, rows or buses numbered wrongly."""
    tables = {*_COLUMNS, "switch", *(kind for kind in _NOT_MODELLED if kind in net)}
    problems = [f"'{name}' is no table" for name in sorted(tables) if not isinstance(net.get(name), pd.DataFrame)]
    if problems:
        return problems
    for name, columns in _COLUMNS.items():
        table = net[name]
        for column in columns:
            if column not in table or (len(table) and not is_numeric(table[column])):
                problems.append(f"{name}: column {column} of numbers is missing")
        if "in_service" not in table or not table.in_service.isin([True, False]).all():
            problems.append(f"{name}: column in_service of true and false is missing")
        if len(table) and (table.index.dtype.kind not in "iu" or not table.index.is_unique):
            problems.append(f"{name}: rows must be numbered, each with a number of its own")
    if not {"et", "closed"} <= set(net.switch):
        problems.append("switch: columns et and closed are missing")
    if not problems and len(net.bus) and not 0 <= net.bus.index.min() <= net.bus.index.max() <= MOST_BUS:
        problems.append(f"bus numbers must lie between 0 and {MOST_BUS:,}")
    if net.get("user_pf_options"):
        problems.append("options of the power flow stored in the net are not used: clear net.user_pf_options")
    return problems


def is_numeric(column: pd.Series) -> bool:
    """Return whether a column holds real numbers."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)


def _present(net: Net) -> list[str]:
    return [kind for kind in _NOT_MODELLED if kind in net and len(net[kind])]


def _reference_problems(net: Net) -> list[str]:
    """Return one line for every element at a bus that does not exist."""
    known = set(net.bus.index)
    return [
        f"{table} {row}: unknown bus {bus} in {column}"
        for table, column in (("ext_grid", "bus"), ("load", "bus"), ("line", "from_bus"), ("line", "to_bus"))
        for row, bus in net[table][column].items()
        if bus not in known
    ]


def _number_problems(net: Net) -> list[str]:
    problems = []
    if not net.bus.index.is_unique:
        problems.append("bus numbers are not unique")
    impedance = net.line[["r_ohm_per_km", "x_ohm_per_km", "length_km"]].to_numpy(dtype=float)
    for k in np.flatnonzero(~(np.isfinite(impedance) & (impedance > 0)).all(axis=1)):
        problems.append(f"line {net.line.index[k]}: r_ohm_per_km, x_ohm_per_km and length_km must be positive")
    for column in ("max_i_ka", "parallel", "df"):
        for k in np.flatnonzero(~(net.line[column] > 0)):
            problems.append(f"line {net.line.index[k]}: {column} must be positive")
    if "g_us_per_km" in net.line and (net.line.g_us_per_km.fillna(0) != 0).any():
        problems.append("line conductance is not modelled: set g_us_per_km to 0")
    for column in [name for name in net.load if name.startswith(("const_z", "const_i"))]:
        if (net.load[column].fillna(0) != 0).any():
            problems.append(f"voltage-dependent loads are not modelled: set {column} to 0")
    for k in np.flatnonzero(~(net.load.scaling > 0)):
        problems.append(f"load {net.load.index[k]}: scaling must be positive")
    if (net.line.c_nf_per_km.fillna(0) != 0).any():
        problems.append("line charging is not modelled: set c_nf_per_km to 0")
    demand = net.load[["p_mw", "q_mvar"]].to_numpy(dtype=float)
    for k in np.flatnonzero(~np.isfinite(demand).all(axis=1) | ~(demand[:, 0] > 0)):
        problems.append(f"load {net.load.index[k]}: p_mw must be positive and q_mvar finite")
    if not (net.bus.vn_kv > 0).all():
        problems.append("vn_kv must be positive at every bus")
    elif len(set(net.bus.vn_kv)) > 1:
        problems.append("buses of different vn_kv can't be joined without a transformer")
    return problems


def _topology_problems(net: Net) -> list[str]:
    reached = set(_breadth_first(net))
    problems = []
    split = [bus for bus in net.bus.index if bus not in reached]
    if split:
        problems.append(f"split network: no path from the tie line to bus(es) {', '.join(map(str, split))}")
    loops = len(net.line) - (len(net.bus) - 1)
    if loops > 0 and not split:
        problems.append(f"meshed network: {loops} line(s) too many for a radial feeder ({len(net.bus)} buses)")
    return problems


def fleet_problems(net: Net, fleet: Fleet) -> list[str]:
    """Return one line for every unit of the fleet that can't be where it is said to be."""
    known, slack = set(net.bus.index), int(net.ext_grid.bus.iloc[0])
    units = [
        (f"fleet.{kind}.{k}.bus", unit.bus)
        for kind in ("wind", "pv", "battery")
        for k, unit in enumerate(getattr(fleet, kind))
    ]
    connections = _connections(fleet)
    problems = [
        f"{field}: unknown bus {bus}, the network has {min(known)}..{max(known)}"
        for field, bus in units + connections
        if bus not in known
    ]
    problems += [
        f"{field}: bus {bus} is the one at the main grid, which all feeders share; choose a bus of the feeder"
        for field, bus in connections
        if bus == slack
    ]
    first: dict[int, str] = {}
    problems += [
        f"{field}: bus {bus} is taken by {first[bus]}; a bus has one microgrid or EV aggregator, move one of them"
        for field, bus in connections
        if first.setdefault(bus, field) != field
    ]
    return problems


def _connections(fleet: Fleet) -> list[tuple[str, int]]:
    """Return field and bus of every microgrid and every fleet of cars."""
    microgrids = [
        (f"fleet.microgrid.{k}.buses.{place}", bus)
        for k, kind in enumerate(fleet.microgrid)
        for place, bus in enumerate(kind.buses)
    ]
    return microgrids + [(f"fleet.ev_aggregator.{k}.bus", unit.bus) for k, unit in enumerate(fleet.ev_aggregator)]


def orient_lines(net: Net) -> tuple[IntArray, IntArray]:
    """Return the bus numbers at the sending and receiving end of every line, pointing away from the slack."""
    rank = {bus: k for k, bus in enumerate(_breadth_first(net))}
    ends = net.line[["from_bus", "to_bus"]].to_numpy(dtype=np.int64)
    swap = np.array([rank[a] > rank[b] for a, b in ends], dtype=bool)
    ends[swap] = ends[swap][:, ::-1]
    return ends[:, 0], ends[:, 1]


def _breadth_first(net: Net) -> list[int]:
    """Return the buses reached from the slack, nearest first."""
    neighbours: dict[int, list[int]] = {bus: [] for bus in net.bus.index}
    for a, b in net.line[["from_bus", "to_bus"]].to_numpy():
        neighbours[a].append(b)
        neighbours[b].append(a)
    order = [int(net.ext_grid.bus.iloc[0])]
    seen, queue = set(order), deque(order)
    while queue:
        for bus in neighbours[queue.popleft()]:
            if bus not in seen:
                seen.add(bus)
                order.append(bus)
                queue.append(bus)
    return order
