"""Results back in pandapower's own form: a net with the set points of an hour, or its time series."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from grids.network import FloatArray, Grid
from grids.newton import TOLERANCE
from grids.power_flow import PowerFlowError, SetPoints

if TYPE_CHECKING:
    from pandapower import pandapowerNet


def net_with_results(grid: Grid, set_points: SetPoints) -> pandapowerNet:
    """Return a pandapower net with set points in its tables and the results of `runpp` in its ``res_`` tables.

    Parameters
    ----------
    grid : Grid
        The network with its fleet.
    set_points : SetPoints
        Of one hour, arrays of shape (U,).

    Raises
    ------
    PowerFlowError
        If the power flow has no solution.
    """
    import pandapower as pp

    net = deepcopy(grid.net)
    for table, rows, p_mw, q_mvar in _powers(grid, net, set_points):
        net[table].loc[rows, "scaling"] = 1.0
        net[table].loc[rows, "p_mw"], net[table].loc[rows, "q_mvar"] = p_mw, q_mvar
    try:
        pp.runpp(net, tolerance_mva=TOLERANCE, numba=False)
    except pp.LoadflowNotConverged as error:
        raise PowerFlowError("the AC power flow has no solution for these set points") from error
    return net


def series_of_net(grid: Grid, set_points: SetPoints, index: pd.Index) -> dict[str, pd.DataFrame]:
    """Return set points of many hours as time series of the elements of the grid's net, by ``table.column``.

    Parameters
    ----------
    grid : Grid
        The network with its fleet.
    set_points : SetPoints
        Arrays of shape (T, U).
    index : Index
        The T times.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for table, rows, p_mw, q_mvar in _powers(grid, grid.net, set_points):
        for column, power in (("p_mw", p_mw), ("q_mvar", q_mvar)):
            parts.setdefault(f"{table}.{column}", []).append(pd.DataFrame(power, index=index, columns=rows))
    return {name: pd.concat(frames, axis=1) for name, frames in parts.items()}


def _powers(
    grid: Grid, net: pandapowerNet, set_points: SetPoints
) -> Iterator[tuple[str, list[int], FloatArray, FloatArray]]:
    """Yield table, rows, active and reactive power of all units, in pandapower's signs: a storage draws."""
    for kind, table, units, sign in (
        ("load", "load", grid.load_names, 1),
        ("renewable", "sgen", grid.renewables, 1),
        ("battery", "storage", grid.batteries, -1),
        ("exchange", "load", grid.connections, 1),
    ):
        if len(units):
            power = (getattr(set_points, f"{kind}_{part}") for part in ("p_mw", "q_mvar"))
            p_mw, q_mvar = (sign * values + 0.0 for values in power)
            yield table, _rows(grid, net, kind, table, len(units)), p_mw, q_mvar


def _rows(grid: Grid, net: pandapowerNet, kind: str, table: str, count: int) -> list[int]:
    """Return the rows of the units of a kind; those that the net did not have stand at the end of the table."""
    there = list(net[table].index)
    if kind == "load" and "load" not in grid.net_rows:
        return there[:count]
    rows = np.array(grid.net_rows.get(kind, [-1] * count), dtype=np.int64)
    new = int((rows < 0).sum())
    rows[rows < 0] = there[len(there) - new :]
    return [int(row) for row in rows]
