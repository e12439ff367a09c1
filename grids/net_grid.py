"""Build a :class:`grids.network.Grid` from a pandapower net with any of its elements, and a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grids.build import fleet_arrays, unique_names
from grids.check import fleet_problems
from grids.components import TieLine, Voltage, VoltageLimits
from grids.documents import first_few
from grids.fleet import Fleet
from grids.net_branches import Topology, branch_arrays, topology
from grids.net_check import in_service, net_problems
from grids.net_source import NetSource
from grids.net_units import Injections, injections_of, report
from grids.network import BASE_MVA, FloatArray, Grid, GridError
from grids.power_flow import PowerFlowError, shared_power_flow

if TYPE_CHECKING:
    from pandapower import pandapowerNet

_UNLIMITED = 10.0
"""Limit of a branch without a rating, as a multiple of all the power there is: no flow comes near it."""


def build_net_grid(
    source: NetSource,
    *,
    fleet: Fleet,
    tie_line: TieLine,
    voltage: VoltageLimits,
    line_max_s_mva: float | None = None,
) -> Grid:
    """Return the checked grid of a pandapower net with its fleet connected.

    Parameters
    ----------
    source : NetSource
        Origin of the net.
    fleet : Fleet
        Units besides, or with `from_net` on top of, those of the net.
    tie_line : TieLine
        Limits of the connection to the main grid.
    voltage : VoltageLimits
        Slack voltage and limits; what is None is taken from the net. Limits given here hold at every bus.
    line_max_s_mva : float, optional
        Rating of every line, but of no transformer; by default the ratings of the net are kept. [MVA]

    Raises
    ------
    GridError
        If the net is not one that can be simulated; the message lists every reason.
    """
    net = source.read()
    where = f"network '{source.name}'"
    problems = net_problems(net)
    if not problems:
        problems = fleet_problems(net, fleet)
    if problems:
        raise GridError(f"{where}: " + "; ".join(first_few(problems)))
    try:
        found = topology(net)
    except GridError as error:
        raise GridError(f"{where}: {error}") from error
    fleet = _at_its_buses(fleet, found)
    taken = injections_of(net, fleet, found)
    problems = _supply_problems(net, found) + [
        f"gen {row}: stands at the main grid; make it an sgen"
        for (table, row), (became, _) in taken.became.items()
        if table == "gen" and became == "refused"
    ]
    if not taken.load_rows:
        problems.append("no load with active power is in service: there is nothing to serve")
    if problems:
        raise GridError(f"{where}: " + "; ".join(first_few(problems)))
    grid = _grid(source.name, net, found, taken, tie_line, voltage, line_max_s_mva)
    try:
        shared_power_flow(grid)  # which a run needs anyway
    except PowerFlowError as error:
        raise GridError(f"{error}; are its loads in MW, its impedances in ohm, and its voltages in kV?") from error
    return grid


def _grid(
    name: str,
    net: pandapowerNet,
    found: Topology,
    taken: Injections,
    tie_line: TieLine,
    voltage: VoltageLimits,
    line_max_s_mva: float | None,
) -> Grid:
    units, branches = fleet_arrays(taken.fleet), branch_arrays(found.branches)
    loads = net.load.loc[taken.load_rows]
    bus_of = {int(number): k for k, number in enumerate(found.bus_ids)}
    bus_of |= {number: bus_of[first] for number, first in found.fused.items()}
    load_bus = np.array([bus_of[int(bus)] for bus in loads.bus], dtype=np.int64)
    load_names = unique_names(["load"] * len(loads), found.bus_ids[load_bus].tolist())
    own_min, own_max = (
        _own_limits(net, found, column, edge) for column, edge in (("min_vm_pu", 0.0), ("max_vm_pu", np.inf))
    )
    if voltage.min_vm_pu is not None:
        own_min = np.zeros_like(own_min)
    if voltage.max_vm_pu is not None:
        own_max = np.full_like(own_max, np.inf)
    load_p_mw = (loads.p_mw * loads.scaling).to_numpy(dtype=np.float64)
    _limit_lines(branches, line_max_s_mva, tie_line.max_s_mva + float(load_p_mw.sum()) + _capacity_mva(taken, units))
    kinds = np.array(units["renewable_kinds"])
    names = {kind: np.array(units["renewable_names"])[kinds == kind] for kind in ("wind", "pv")}
    return Grid(
        name=name,
        tables=net,
        bus_ids=found.bus_ids,
        slack=found.slack,
        load_names=load_names,
        load_bus=load_bus,
        load_p_mw=load_p_mw,
        load_q_mvar=(loads.q_mvar * loads.scaling).to_numpy(dtype=np.float64),
        tie_line=tie_line,
        voltage=_voltage(net, voltage, own_min, own_max),
        bus_g_pu=found.shunt_pu.real.copy(),
        bus_b_pu=found.shunt_pu.imag.copy(),
        given_p_mw=taken.given_mva.real.copy(),
        given_q_mvar=taken.given_mva.imag.copy(),
        own_min_vm_pu=own_min,
        own_max_vm_pu=own_max,
        held_bus=np.array(list(taken.held), dtype=np.int64),
        held_vm_pu=np.array(list(taken.held.values()), dtype=np.float64),
        is_radial=found.is_tree and not taken.held,
        fused=found.fused,
        net_rows={
            "load": tuple(taken.load_rows),
            "renewable": (*taken.unit_rows["wind"], *taken.unit_rows["pv"]),
            "battery": tuple(taken.unit_rows["battery"]),
        },
        report=report(net, found, taken, load_names, {**names, "battery": units["battery_names"]}),
        **units,
        **branches,
    )


def _at_its_buses(fleet: Fleet, found: Topology) -> Fleet:
    """Return the fleet with the number that a bus goes by, where switches join it to another."""
    at_one_bus = {
        kind: tuple(
            unit.model_copy(update={"bus": found.fused.get(unit.bus, unit.bus)}) for unit in getattr(fleet, kind)
        )
        for kind in ("wind", "pv", "battery", "ev_aggregator")
    }
    microgrids = tuple(
        kind.model_copy(update={"buses": tuple(found.fused.get(bus, bus) for bus in kind.buses)})
        for kind in fleet.microgrid
    )
    fleet = fleet.model_copy(update={**at_one_bus, "microgrid": microgrids})
    live = set(found.bus_ids.tolist())
    buses = [unit.bus for kind in at_one_bus for unit in getattr(fleet, kind)]
    dead = [bus for bus in [*buses, *(bus for kind in microgrids for bus in kind.buses)] if bus not in live]
    if dead:
        raise GridError(f"fleet: bus {dead[0]} is out of service, or has no path to the main grid; choose another bus")
    return fleet


def _supply_problems(net: pandapowerNet, found: Topology) -> list[str]:
    """Return one line for every element in service at a bus that has no path to the main grid."""
    dead = set(found.unsupplied)
    return [
        f"{table} {row}: bus {bus} has no path to the main grid (an island); close a switch or set it out of service"
        for table in ("load", "sgen", "storage", "gen", "shunt")
        for row, bus in in_service(net, table).bus.items()
        if bus in dead
    ]


def _own_limits(net: pandapowerNet, found: Topology, column: str, edge: float) -> FloatArray:
    """Return the voltage limits of the net at each bus, the narrowest of those joined there. [p.u.]"""
    limits: dict[int, float] = dict.fromkeys(found.bus_ids.tolist(), edge)
    if column in net.bus:
        narrower = max if edge == 0 else min
        for number, value in pd.to_numeric(net.bus[column], errors="coerce").items():
            first = found.fused.get(int(number), int(number))
            if first in limits and pd.notna(value):
                limits[first] = narrower(limits[first], float(value))
    limits[int(found.bus_ids[found.slack])] = edge  # its voltage is given
    return np.array(list(limits.values()), dtype=np.float64)


def _voltage(net: pandapowerNet, voltage: VoltageLimits, own_min: FloatArray, own_max: FloatArray) -> Voltage:
    """Return the limits with the slack voltage of the net, wide enough for those of all buses."""
    slack_vm_pu = float(in_service(net, "ext_grid").vm_pu.iloc[0])
    resolved = Voltage.of(voltage, slack_vm_pu=slack_vm_pu)
    given_low, given_high = own_min[own_min > 0], own_max[np.isfinite(own_max)]
    low = min([resolved.min_vm_pu, *given_low] if len(given_low) < len(own_min) - 1 else given_low.tolist())
    high = max([resolved.max_vm_pu, *given_high] if len(given_high) < len(own_max) - 1 else given_high.tolist())
    return resolved.model_copy(update={"min_vm_pu": float(low), "max_vm_pu": float(high)})


def _capacity_mva(taken: Injections, units: dict[str, Any]) -> float:
    exchange = sum(connection.microgrid.max_exchange_mw for connection in units["connections"])
    capacity = sum(unit.max_s_mva for unit in (*units["renewables"], *units["batteries"]))
    return float(capacity + exchange + np.abs(taken.given_mva).sum())


def _limit_lines(branches: dict[str, Any], line_max_s_mva: float | None, power_mva: float) -> None:
    """Write the study's rating into lines, and one that no flow comes near where there is none."""
    if line_max_s_mva is not None:
        lines = np.array([kind == "line" for kind in branches["line_kinds"]])
        for name in ("line_max_i_pu", "line_max_i_to_pu"):
            branches[name][lines] = line_max_s_mva / BASE_MVA
    for name in ("line_max_i_pu", "line_max_i_to_pu"):
        branches[name] = np.minimum(branches[name], _UNLIMITED * power_mva / BASE_MVA)
    shunts = [branches[f"line_{name}_pu"] for name in ("g_from", "b_from", "g_to", "b_to")]
    same = (branches["line_ratio"] == 1) & ~np.any(shunts, axis=0)
    branches["line_max_i_pu"][same] = np.minimum(branches["line_max_i_pu"], branches["line_max_i_to_pu"])[same]
    branches["line_max_i_to_pu"][same] = np.inf  # the current is the same at both ends
