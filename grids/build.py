"""Build a :class:`grids.network.Grid` from a network (packaged, or a pandapower JSON file) and a fleet."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from importlib import import_module
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grids.cases import Tables, case_names
from grids.check import base_net_problems, fleet_problems, orient_lines
from grids.components import TieLine, Voltage, VoltageLimits
from grids.documents import first_few, in_short
from grids.feeders import Numbering, join_feeders, repeat_fleet
from grids.fleet import Fleet
from grids.net_source import NetSource
from grids.network import BASE_MVA, Connection, Grid, GridError, Net

if TYPE_CHECKING:
    from pandapower import pandapowerNet


def load_base_net(case: str) -> Net:
    """Return the pandapower net of a ``.json`` file, or the tables of a packaged case (its net, if it has only that).

    Raises
    ------
    GridError
        If there is no such case or file, or the file holds no pandapower net that may be loaded.
    """
    if case in case_names():
        module = import_module(f"grids.cases.{case}")
        return module.tables() if hasattr(module, "tables") else module.base_net()
    path = Path(case)
    if path.suffix != ".json":
        raise GridError(
            f"unknown network {in_short(case)}: use one of {', '.join(case_names())} or a pandapower .json file"
        )
    if not path.is_file():
        raise GridError(f"network file '{case}' does not exist")
    from grids.net_file import read_net

    return read_net(path)


def build_grid(
    case: str,
    *,
    fleet: Fleet,
    tie_line: TieLine,
    voltage: VoltageLimits,
    line_max_s_mva: float | None = None,
    feeders: int = 1,
) -> Grid:
    """Return the checked grid of a case with its fleet connected.

    Units, and microgrids and fleets of cars (`connections`), stand kind by kind, in each kind feeder by feeder, on
    each feeder in the order of the fleet; microgrids come before the operator's own fleets of cars.

    Parameters
    ----------
    case : str
        Name of a packaged case or path of a pandapower ``.json`` file.
    fleet : Fleet
        Units, microgrids and fleets of cars of each feeder.
    tie_line, voltage : TieLine, VoltageLimits
        Limits of the connection to the main grid and of the bus voltages.
    line_max_s_mva : float, optional
        Rating of every line; by default the ratings of the net are kept. [MVA]
    feeders : int
        Number of such feeders at the substation; bus k of feeder f, counted from 0, has the number k + f·n, where
        n is the number of buses of a feeder.

    Raises
    ------
    GridError
        If the net is not a connected radial feeder with one slack and sane data, or a unit has no bus.
    """
    net = load_base_net(case)
    problems = base_net_problems(net)
    if not problems:
        problems = fleet_problems(net, fleet)
        if fleet.from_net:
            problems.append("fleet.from_net: a case has no units of its own; use grid.pandapower, simbench or network")
    if problems:
        raise GridError(f"network '{case}': " + "; ".join(first_few(problems)))
    numbering, voltage = Numbering.of(net), Voltage.of(voltage)
    fleet = fleet.with_shares((net.load.p_mw * net.load.scaling).groupby(net.load.bus).sum().to_dict())
    net, fleet = join_feeders(net, feeders), repeat_fleet(fleet, numbering, feeders)
    _fold_scaling(net)
    _set_limits(net, tie_line, voltage, line_max_s_mva)
    name = Path(case).stem + (f" x {feeders}" if feeders > 1 else "")
    return Grid(
        name=name, tables=net, tie_line=tie_line, voltage=voltage, **fleet_arrays(fleet), **_network_arrays(net)
    )


def shared_grid(source: str | NetSource, **parts: Any) -> Grid:
    """Return the grid that :func:`build_grid`, or :func:`grids.net_grid.build_net_grid`, makes of these.

    It is made once and shared by all who ask for the same.

    Studies that differ in seed, policy or market alone so have one grid. The last few are kept; a file of the user's
    is read again when it changed. Nobody may change a grid: its arrays are read-only.
    """
    return _kept_grid(source, _file_stamp(source if isinstance(source, str) else source.file), **parts)


@lru_cache(maxsize=8)
def _kept_grid(source: str | NetSource, stamp: object, **parts: Any) -> Grid:
    if isinstance(source, str):
        grid = build_grid(source, **parts)
    else:
        from grids.net_grid import build_net_grid

        grid = build_net_grid(source, **parts)
    for value in vars(grid).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return grid


def _file_stamp(case: str) -> tuple[str, int, int] | None:
    """Return path, time and size of a user's file, which change with it; None for packaged cases and missing files."""
    path = Path(case)
    if case in case_names() or not path.is_file():
        return None
    state = path.stat()
    return str(path.resolve()), state.st_mtime_ns, state.st_size


def _fold_scaling(net: Net) -> None:
    """Write the loads in MW and Mvar with a scaling of 1, so that set points need no scaling."""
    net.load["p_mw"] *= net.load.scaling
    net.load["q_mvar"] *= net.load.scaling
    net.load["scaling"] = 1.0


def fleet_arrays(fleet: Fleet) -> dict[str, Any]:
    """Return the fleet's part of a Grid."""
    kinds = ["wind"] * len(fleet.wind) + ["pv"] * len(fleet.pv)
    renewables = (*fleet.wind, *fleet.pv)
    microgrids = [
        ("microgrid", bus, kind.model_copy(update={"buses": (bus,)})) for kind in fleet.microgrid for bus in kind.buses
    ]
    microgrids += [("ev_aggregator", unit.bus, unit.as_microgrid()) for unit in fleet.ev_aggregator]
    return {
        "renewable_names": unique_names(kinds, [unit.bus for unit in renewables]),
        "renewable_kinds": tuple(kinds),
        "renewables": renewables,
        "battery_names": unique_names(["battery"] * len(fleet.battery), [unit.bus for unit in fleet.battery]),
        "batteries": fleet.battery,
        "connections": tuple(
            Connection(name=f"{kind}_{bus}", kind=kind, bus=bus, microgrid=what) for kind, bus, what in microgrids
        ),
    }


def connected_net(grid: Grid) -> pandapowerNet:
    """Return a grid as a pandapower net: its network, an sgen or storage for each unit, a load for each connection."""
    import pandapower as pp

    net = grid.tables.to_net() if isinstance(grid.tables, Tables) else deepcopy(grid.tables)
    if grid.net_rows:
        net.ext_grid["vm_pu"] = grid.voltage.slack_vm_pu
    sgens, storages = (grid.net_rows.get(kind, repeat(-1)) for kind in ("renewable", "battery"))
    for name, kind, unit, row in zip(grid.renewable_names, grid.renewable_kinds, grid.renewables, sgens, strict=False):
        if row < 0:  # the others are in the net
            pp.create_sgen(net, unit.bus, p_mw=0.0, sn_mva=unit.max_s_mva, name=name, type=kind.upper())
    for name, battery, row in zip(grid.battery_names, grid.batteries, storages, strict=False):
        if row < 0:
            pp.create_storage(
                net,
                battery.bus,
                p_mw=0.0,
                max_e_mwh=battery.max_e_mwh,
                sn_mva=battery.max_s_mva,
                soc_percent=100 * battery.start_soc,
                name=name,
            )
    for connection in grid.connections:
        pp.create_load(net, connection.bus, p_mw=0.0, q_mvar=0.0, name=connection.name)
    return net


def unique_names(kinds: list[str], buses: list[int]) -> tuple[str, ...]:
    """Name units after kind and bus (``wind_6``), with a number for the second and later ones at a bus."""
    names: list[str] = []
    for kind, bus in zip(kinds, buses, strict=True):
        earlier = sum(name.split(".")[0] == f"{kind}_{bus}" for name in names)
        names.append(f"{kind}_{bus}" + (f".{earlier + 1}" if earlier else ""))
    return tuple(names)


def _set_limits(net: Net, tie_line: TieLine, voltage: Voltage, line_max_s_mva: float | None) -> None:
    """Write the study's limits into the net, in pandapower's own columns."""
    net.ext_grid["vm_pu"] = voltage.slack_vm_pu
    net.ext_grid[["min_p_mw", "min_q_mvar"]] = -tie_line.max_s_mva
    net.ext_grid[["max_p_mw", "max_q_mvar"]] = tie_line.max_s_mva
    net.bus["min_vm_pu"] = voltage.min_vm_pu
    net.bus["max_vm_pu"] = voltage.max_vm_pu
    if line_max_s_mva is not None:
        vn_kv = net.bus.vn_kv.loc[net.line.from_bus].to_numpy()
        net.line["max_i_ka"] = line_max_s_mva / (np.sqrt(3) * vn_kv * net.line.parallel * net.line.df)


def _network_arrays(net: Net) -> dict[str, Any]:
    """Return buses, lines and loads of the net as the arrays of a Grid."""
    position = {bus: k for k, bus in enumerate(net.bus.index)}
    line_from, line_to = orient_lines(net)
    vn_kv = net.bus.vn_kv.loc[line_from].to_numpy()
    base_ohm = vn_kv**2 / BASE_MVA
    base_ka = BASE_MVA / (np.sqrt(3) * vn_kv)
    line = net.line
    return {
        "bus_ids": net.bus.index.to_numpy(dtype=np.int64),
        "slack": position[net.ext_grid.bus.iloc[0]],
        "line_from": np.array([position[bus] for bus in line_from], dtype=np.int64),
        "line_to": np.array([position[bus] for bus in line_to], dtype=np.int64),
        "line_r_pu": (line.r_ohm_per_km * line.length_km / line.parallel).to_numpy() / base_ohm,
        "line_x_pu": (line.x_ohm_per_km * line.length_km / line.parallel).to_numpy() / base_ohm,
        "line_max_i_pu": (line.max_i_ka * line.parallel * line.df).to_numpy() / base_ka,
        "load_names": unique_names(["load"] * len(net.load), list(net.load.bus)),
        "load_bus": np.array([position[bus] for bus in net.load.bus], dtype=np.int64),
        "load_p_mw": net.load.p_mw.to_numpy(dtype=np.float64),
        "load_q_mvar": net.load.q_mvar.to_numpy(dtype=np.float64),
    }
