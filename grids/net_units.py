"""Loads, generators and storages of a pandapower net as loads, units of the fleet, or given output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grids.components import Battery, Renewable
from grids.fleet import Fleet
from grids.net_branches import Topology
from grids.net_check import COLUMNS, in_service

if TYPE_CHECKING:
    from pandapower import pandapowerNet

KINDS = {"pv": ("pv", "solar", "photovoltaic", "lv_res"), "wind": ("wp", "wind", "wt")}
"""Beginnings of the types of sgens that are units of a fleet; SimBench's ``lv_RES`` is a low-voltage net's PV."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Fate of an element of a net: the part it became, or the reason why it is none.

    Attributes
    ----------
    element : str
        Table of the net.
    row : int
        Its row there.
    name : str
        Its name there.
    bus : str
        Bus, or buses at its ends.
    became : str
        ``bus 3``, ``line 5``, ``load_7``, ``given``, ``out of service`` and the like.
    note : str
        Why, or what to do about it.
    """

    element: str
    row: int
    name: str
    bus: str
    became: str
    note: str = ""


@dataclass(kw_only=True)
class Injections:
    """Loads, units and given injections of a net, and the rows they have there (-1: not in the net).

    Attributes
    ----------
    load_rows : list of int
        Rows of the loads that consume.
    fleet : Fleet
        Units of the net, and of the study on top of them.
    unit_rows : dict
        Rows of sgens by "wind" and "pv", and of storages by "battery".
    given_mva : array, shape (B,)
        Injections that nobody decides, generation positive. [MVA]
    held : dict
        Voltages that generators hold, by bus position. [p.u.]
    became : dict
        What became of each element, and a note.
    """

    load_rows: list[int]
    fleet: Fleet
    unit_rows: dict[str, list[int]]
    given_mva: Any
    held: dict[int, float]
    became: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)


def injections_of(net: pandapowerNet, fleet: Fleet, topology: Topology) -> Injections:
    """Return the loads and units of a net, and of a study's fleet on top of it.

    Parameters
    ----------
    net : pandapowerNet
        A sound net, see :func:`grids.net_check.net_problems`.
    fleet : Fleet
        Of the study: with `from_net` PV, wind and storages of the net are units too; without, they feed in what the
        net says.
    topology : Topology
        Buses of the net.
    """
    bus_of = {int(number): k for k, number in enumerate(topology.bus_ids)}
    bus_of |= {number: bus_of[first] for number, first in topology.fused.items()}
    taken = Injections(
        load_rows=[],
        fleet=fleet,
        unit_rows={"wind": [], "pv": [], "battery": []},
        given_mva=np.zeros(len(topology.bus_ids), dtype=np.complex128),
        held={},
    )
    units: dict[str, list[Any]] = {"wind": [], "pv": [], "battery": []}
    for table, sign in (("load", -1), ("sgen", 1), ("storage", -1)):
        for row in in_service(net, table).to_dict("index").items():
            _take(table, sign, row, fleet, bus_of, topology, units, taken)
    for number, gen in in_service(net, "gen").to_dict("index").items():
        at = bus_of.get(int(gen["bus"]))
        if at is not None and at != topology.slack:
            taken.given_mva[at] += gen["p_mw"] * gen["scaling"]
            taken.held[at] = float(gen["vm_pu"])
            taken.became["gen", int(number)] = "held voltage", "exact AC only: its Q is what the voltage takes"
        elif at is not None:
            taken.became["gen", int(number)] = "refused", "stands at the main grid: make it an sgen"
    peak: dict[int, float] = {}
    for _, load in net.load.loc[taken.load_rows].iterrows():
        bus = int(topology.bus_ids[bus_of[int(load.bus)]])
        peak[bus] = peak.get(bus, 0.0) + float(load.p_mw * load.scaling)
    fleet = fleet.with_shares(peak)
    for kind in units:
        taken.unit_rows[kind] += [-1] * len(getattr(fleet, kind))
    taken.fleet = fleet.model_copy(update={kind: (*units[kind], *getattr(fleet, kind)) for kind in units})
    return taken


def _take(
    table: str,
    sign: int,
    row: tuple[Any, dict[str, Any]],
    fleet: Fleet,
    bus_of: dict[int, int],
    topology: Topology,
    units: dict[str, list[Any]],
    taken: Injections,
) -> None:
    """Take a load, sgen or storage as a load, a unit or a given injection."""
    number, element = int(row[0]), row[1]
    at = bus_of.get(int(element["bus"]))
    if at is None:
        return
    p_mw, q_mvar = element["p_mw"] * element["scaling"], element["q_mvar"] * element["scaling"]
    bus, kind = int(topology.bus_ids[at]), "" if table == "load" else kind_of(table, element.get("type"))
    if table == "load" and p_mw > 0:
        taken.load_rows.append(number)
        return
    unit: Battery | Renewable | None = None
    note = ""
    if fleet.from_net and kind:
        unit, note = _battery(bus, element, p_mw) if kind == "battery" else _renewable(bus, element, p_mw)
    if unit is not None:
        units[kind].append(unit)
        taken.unit_rows[kind].append(number)
        taken.became[table, number] = kind, note
        return
    taken.given_mva[at] += sign * complex(p_mw, q_mvar)
    if table == "load":
        note = "no active power" if p_mw == 0 else "feeds in"
    elif kind and not fleet.from_net:
        note = "fleet.from_net: true makes it a unit"
    elif not kind:
        note = f"type {str(element.get('type'))[:20]} is neither PV nor wind"
    taken.became[table, number] = f"given {-p_mw if sign < 0 else p_mw:g} MW", note


def kind_of(table: str, written: object) -> str:
    """Return "pv" or "wind" for an sgen of such a type, "battery" for a storage, or nothing.

    Examples
    --------
    >>> kind_of("sgen", "PV_MV"), kind_of("sgen", "WP"), kind_of("sgen", "Biomass_MV"), kind_of("storage", None)
    ('pv', 'wind', '', 'battery')
    """
    if table == "storage":
        return "battery"
    text = str(written).lower()
    return next((kind for kind, starts in KINDS.items() if text.startswith(starts)), "")


def _number(element: dict[str, Any], *names: str) -> float:
    """Return the first of these numbers that an element has, or 0."""
    values = (element.get(name) for name in names)
    return next((abs(float(value)) for value in values if value is not None and pd.notna(value) and value), 0.0)


def _renewable(bus: int, element: dict[str, Any], p_mw: float) -> tuple[Renewable | None, str]:
    capacity = max(_number(element, "sn_mva", "max_p_mw"), abs(p_mw))
    if capacity <= 0 or p_mw < 0:
        return None, "no capacity: give it an sn_mva" if capacity <= 0 else "consumes: p_mw is negative"
    return Renewable(bus=bus, max_s_mva=capacity), ""


def _battery(bus: int, element: dict[str, Any], p_mw: float) -> tuple[Battery | None, str]:
    capacity = max(_number(element, "sn_mva", "max_p_mw"), abs(p_mw))
    energy = _number(element, "max_e_mwh")
    if capacity <= 0 or energy <= 0:
        return None, "no capacity: give it sn_mva and max_e_mwh"
    least = min(_number(element, "min_e_mwh") / energy, 1.0)
    percent = element.get("soc_percent")
    known = percent is not None and pd.notna(percent)
    soc = min(max(float(percent) / 100 if known else 0.5, least), 1.0)  # type: ignore[arg-type]
    battery = Battery(bus=bus, max_s_mva=capacity, max_e_mwh=energy, min_soc=least, max_soc=1.0, start_soc=soc)
    return battery, "" if known else "soc_percent is missing: it starts half full"


def report(
    net: pandapowerNet, topology: Topology, taken: Injections, load_names: tuple[str, ...], unit_names: dict[str, Any]
) -> tuple[Carried, ...]:
    """Return what became of every element of a net, table by table.

    Parameters
    ----------
    net : pandapowerNet
        The net.
    topology, taken : Topology, Injections
        What was made of it.
    load_names : tuple of str
        Names of the loads.
    unit_names : dict
        Names of the units by kind, those of the net first.
    """
    known = dict(taken.became)
    known |= {("load", row): (name, "") for row, name in zip(taken.load_rows, load_names, strict=True)}
    for kind, rows in taken.unit_rows.items():
        table = "storage" if kind == "battery" else "sgen"
        known |= {
            (table, row): (name, known[table, row][1])
            for row, name in zip(rows, unit_names[kind], strict=False)
            if row >= 0
        }
    for line, branch in enumerate(topology.branches):
        together = "one with equal, parallel ones" if len(branch.elements) > 1 else ""
        known |= dict.fromkeys(branch.elements, (f"line {line}", together))
    for element, at in topology.hanging.items():
        known[element] = f"shunt at bus {topology.bus_ids[at]}", "open at its other end"
    for number in topology.bus_ids:
        known["bus", int(number)] = f"bus {number}", ""
    for number, first in topology.fused.items():
        known["bus", number] = f"bus {first}", "joined to it by closed switches"
    for number in topology.unsupplied:
        known["bus", number] = "left out", "no path to the main grid"
    slack = int(topology.bus_ids[topology.slack])
    known |= {("ext_grid", int(row)): (f"tie line at bus {slack}", "") for row in in_service(net, "ext_grid").index}
    known |= {
        ("shunt", int(row)): (f"shunt at bus {topology.fused.get(int(bus), int(bus))}", "")
        for row, bus in in_service(net, "shunt").bus.items()
    }
    return tuple(
        _carried(net, table, int(row), element, known)
        for table in (*COLUMNS, "switch")
        for row, element in net[table].to_dict("index").items()
    ) + tuple(_unused(net))


def _carried(
    net: pandapowerNet, table: str, row: int, element: dict[str, Any], known: dict[tuple[str, int], tuple[str, str]]
) -> Carried:
    ends = [element[name] for name in ("bus", "from_bus", "to_bus", "hv_bus", "lv_bus") if name in element]
    if table == "switch":
        ends, outcome = (
            [element["bus"]] + [element["element"]] * (element["et"] == "b"),
            _switch(element, known.get((table, row))),
        )
    elif not element.get("in_service", True):
        outcome = "out of service", ""
    else:
        outcome = known.get((table, row), ("left out", "its bus or both its ends are out of service or open"))
    name = element.get("name")
    return Carried(
        element=table,
        row=row,
        name="" if name is None or pd.isna(name) else str(name),
        bus="-".join(str(int(end)) for end in ends) if table != "bus" else str(row),
        became=outcome[0],
        note=outcome[1],
    )


def _switch(element: dict[str, Any], line: tuple[str, str] | None) -> tuple[str, str]:
    """Return what became of a switch between a bus and a bus, line or transformer."""
    of = {"b": "bus", "l": "line", "t": "trafo"}.get(str(element["et"]), str(element["et"]))
    if line is not None:
        return line[0], "a switch with impedance"
    if not element["closed"]:
        return "open", f"at {of} {element['element']}"
    return ("joins its buses", "") if of == "bus" else ("closed", f"at {of} {element['element']}")


def _unused(net: pandapowerNet) -> list[Carried]:
    """Return the tables of a net that its power flow does not use, and elements that are not modelled, with rows."""
    skipped = {*COLUMNS, "switch"}
    return [
        Carried(element=str(name), row=-1, name="", bus="", became="not used", note=f"{len(table)} row(s)")
        for name, table in net.items()
        if isinstance(table, pd.DataFrame)
        and len(table)
        and name not in skipped
        and not name.startswith(("_", "res_"))
    ]
