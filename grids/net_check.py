"""Requirements on a pandapower net with any elements: sound tables, one main grid, nothing that is not modelled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from grids.check import MOST_BUS, is_numeric

if TYPE_CHECKING:
    from pandapower import pandapowerNet

COLUMNS: dict[str, tuple[str, ...]] = {
    "bus": ("vn_kv",),
    "line": ("from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km", "max_i_ka", "parallel", "df"),
    "trafo": ("hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "parallel", "df"),
    "load": ("bus", "p_mw", "q_mvar", "scaling"),
    "sgen": ("bus", "p_mw", "q_mvar", "scaling"),
    "storage": ("bus", "p_mw", "q_mvar", "scaling", "max_e_mwh"),
    "gen": ("bus", "p_mw", "vm_pu", "scaling"),
    "shunt": ("bus", "p_mw", "q_mvar"),
    "ext_grid": ("bus", "vm_pu"),
}
"""Tables that are carried, and their columns of numbers that are used."""

REFUSED = {
    "trafo3w": "replace it by two-winding transformers and a bus",
    "impedance": "replace it by a line",
    "ward": "replace it by a load and a shunt",
    "xward": "replace it by a load, a shunt and a line",
    "dcline": "replace it by an sgen at one end and a load at the other",
    "motor": "replace it by a load",
    "asymmetric_load": "replace it by a load of the sum of its phases",
    "asymmetric_sgen": "replace it by an sgen of the sum of its phases",
    **dict.fromkeys(("svc", "ssc", "tcsc", "vsc", "b2b_vsc"), "replace it by what it feeds in"),
    **dict.fromkeys(("line_dc", "source_dc", "load_dc", "bus_dc"), "there are no networks of direct current"),
}
"""Elements that are not modelled, and the remedy."""

VECTOR_GROUP = re.compile(r"(D|YN?|ZN?|I)(d|yn?|zn?|i)(\d|1[01])?(a?)", re.IGNORECASE)

_BUS_COLUMNS = [(table, "bus") for table in ("load", "sgen", "storage", "gen", "shunt", "ext_grid")]
_BUS_COLUMNS += [("line", "from_bus"), ("line", "to_bus"), ("trafo", "hv_bus"), ("trafo", "lv_bus"), ("switch", "bus")]


def net_problems(net: pandapowerNet) -> list[str]:
    """Return every reason why a pandapower net can't be carried, each with its remedy (empty: it can)."""
    problems = _form_problems(net)
    if problems:
        return problems
    problems = _reference_problems(net)
    if problems:
        return problems
    return [*_refused_elements(net), *_main_grid_problems(net), *_number_problems(net), *_trafo_problems(net)]


def in_service(net: pandapowerNet, table: str) -> pd.DataFrame:
    """Return the rows of a table that are in service."""
    rows: pd.DataFrame = net[table]
    return rows[rows.in_service.astype(bool)] if "in_service" in rows else rows


def _form_problems(net: pandapowerNet) -> list[str]:
    tables = [*COLUMNS, "switch"]
    problems = [f"'{name}' is no table" for name in tables if not isinstance(net.get(name), pd.DataFrame)]
    if problems:
        return problems
    for name, columns in COLUMNS.items():
        table = net[name]
        if not len(table):
            continue
        lacking = [column for column in columns if column not in table or not is_numeric(table[column])]
        problems += [f"{name}: column {column} of numbers is missing" for column in lacking]
        if "in_service" not in table or not table.in_service.isin([True, False]).all():
            problems.append(f"{name}: column in_service of true and false is missing")
        if table.index.dtype.kind not in "iu" or not table.index.is_unique:
            problems.append(f"{name}: rows must be numbered, each with a number of its own")
    if not {"bus", "element", "et", "closed"} <= set(net.switch):
        problems.append("switch: columns bus, element, et and closed are missing")
    if not len(net.bus):
        problems.append("it has no buses")
    elif not problems and not 0 <= net.bus.index.min() <= net.bus.index.max() <= MOST_BUS:
        problems.append(f"bus numbers must lie between 0 and {MOST_BUS:,}")
    other = sorted(set(net.get("user_pf_options") or {}) - {"trafo_model", "init", "numba", "algorithm"})
    if other:
        problems.append(f"options of the power flow in net.user_pf_options are not used: remove {', '.join(other)}")
    return problems


def _reference_problems(net: pandapowerNet) -> list[str]:
    """Return one line for every element at a bus, line or transformer that does not exist."""
    known = set(net.bus.index)
    problems = [
        f"{table} {row}: unknown bus {bus} in {column}"
        for table, column in _BUS_COLUMNS
        for row, bus in net[table][column].items()
        if bus not in known
    ]
    where = {"b": "bus", "l": "line", "t": "trafo"}
    for row, kind, element in zip(net.switch.index, net.switch.et, net.switch.element, strict=True):
        if kind not in where:
            if kind != "t3":
                problems.append(f"switch {row}: unknown type '{kind}' in et; use b, l or t")
        elif element not in net[where[kind]].index:
            problems.append(f"switch {row}: unknown {where[kind]} {element}")
    return problems


def _refused_elements(net: pandapowerNet) -> list[str]:
    problems = []
    for table, remedy in REFUSED.items():
        rows = in_service(net, table) if isinstance(net.get(table), pd.DataFrame) else ()
        if len(rows):
            problems.append(
                f"{len(rows)} element(s) of kind '{table}' are not modelled: {remedy}, or set it out of service"
            )
    load = in_service(net, "load")
    for column in [name for name in load if str(name).startswith(("const_z", "const_i"))]:
        rows = load.index[load[column].fillna(0) != 0]
        if len(rows):
            problems.append(f"load {rows[0]}: voltage-dependent loads are not modelled: set {column} to 0")
    return problems


def _main_grid_problems(net: pandapowerNet) -> list[str]:
    grids = in_service(net, "ext_grid")
    grids = grids[net.bus.in_service.loc[grids.bus].to_numpy(dtype=bool)]
    if not len(grids):
        return ["no ext_grid in service: add one with pandapower.create_ext_grid, it is the tie line"]
    angle = grids.va_degree.fillna(0.0) if "va_degree" in grids else grids.vm_pu * 0
    if len({*zip(grids.vm_pu, angle, net.bus.vn_kv.loc[grids.bus], strict=True)}) > 1:
        return [f"{len(grids)} ext_grids of different voltage: there is one tie line; keep one, make the others sgens"]
    if not (grids.vm_pu > 0).all():
        return [f"ext_grid {grids.index[0]}: vm_pu must be positive"]
    return []


def _number_problems(net: pandapowerNet) -> list[str]:
    problems = [f"bus {bus}: vn_kv must be positive" for bus in net.bus.index[~(net.bus.vn_kv > 0)]]
    line = in_service(net, "line")
    for column in ("length_km", "parallel", "df"):
        problems += [f"line {row}: {column} must be positive" for row in line.index[~(line[column] > 0)]]
    r, x = line.r_ohm_per_km.to_numpy(dtype=float), line.x_ohm_per_km.to_numpy(dtype=float)
    for k in np.flatnonzero(~((r >= 0) & (x >= 0) & np.isfinite(r + x))):
        problems.append(f"line {line.index[k]}: r_ohm_per_km and x_ohm_per_km must be numbers of 0 or more")
    for k in np.flatnonzero((r == 0) & (x == 0)):
        problems.append(f"line {line.index[k]}: has no impedance; join its buses by a closed switch instead")
    kv = [net.bus.vn_kv.loc[line[end]].to_numpy() for end in ("from_bus", "to_bus")]
    for k in np.flatnonzero(kv[0] != kv[1]):
        problems.append(f"line {line.index[k]}: joins buses of {kv[0][k]:g} and {kv[1][k]:g} kV without a transformer")
    for table in ("load", "sgen", "storage", "shunt"):
        rows = in_service(net, table)
        power = rows[[name for name in ("p_mw", "q_mvar") if name in rows]].to_numpy(dtype=float)
        problems += [f"{table} {rows.index[k]}: p_mw and q_mvar must be numbers" for k in _not_finite(power)]
    for table in ("load", "sgen", "storage", "gen"):
        rows = in_service(net, table)
        problems += [f"{table} {rows.index[k]}: scaling must be a number" for k in _not_finite(rows[["scaling"]])]
    return problems


def _not_finite(values: object) -> list[int]:
    """Return the rows in which a number is missing or infinite."""
    return [int(k) for k in np.flatnonzero(~np.isfinite(np.asarray(values, dtype=float)).all(axis=1))]


def _trafo_problems(net: pandapowerNet) -> list[str]:
    problems = []
    trafo = in_service(net, "trafo")
    for column in ("sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "parallel", "df"):
        problems += [f"trafo {row}: {column} must be positive" for row in trafo.index[~(trafo[column] > 0)]]
    for row in trafo.index[~(trafo.vkr_percent.between(0, trafo.vk_percent))]:
        problems.append(f"trafo {row}: vkr_percent must lie between 0 and vk_percent")
    for row, group in trafo.get("vector_group", pd.Series(dtype=object)).dropna().items():
        if not VECTOR_GROUP.fullmatch(str(group)):
            problems.append(f"trafo {row}: unknown vector group '{str(group)[:20]}'; write one such as Dyn5, or none")
    return problems
