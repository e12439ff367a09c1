"""SimBench: networks by their code, and the year of quarter-hours of their loads and generators."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from grids.documents import in_short
from grids.net_units import kind_of
from grids.network import Grid, GridError

if TYPE_CHECKING:
    from pandapower import pandapowerNet

FIRST_TIME = "2016-01-01 00:00"
"""Beginning of the year, which marks the beginning of its steps."""

CLOCK = "Etc/GMT-1"
"""Clock of the series: Central European time without summer time. Loads come an hour earlier from 27 March on."""

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")


@dataclass(frozen=True, eq=False, kw_only=True)
class Year:
    """Series of a SimBench network, as fractions of what each load takes and each unit can give.

    Attributes
    ----------
    table : DataFrame
        A column for each series; the index holds the beginning of each quarter-hour.
    columns : dict
        For "load", "wind" and "pv" the column of each load or unit of a grid.
    """

    table: pd.DataFrame
    columns: dict[str, list[str]]


def simbench_net(code: str) -> pandapowerNet:
    """Return a net of SimBench without its series, made anew.

    Raises
    ------
    GridError
        If SimBench is not installed, or has no such net.
    """
    net, _ = _net_and_series(code)
    return deepcopy(net)


def simbench_year(code: str, grid: Grid) -> Year:
    """Return the series of 2016 that belong to the loads and units of a grid.

    Units that the net does not have follow the series that most of the net's units of their kind have.

    Parameters
    ----------
    code : str
        Code of the network.
    grid : Grid
        Made from it.

    Raises
    ------
    GridError
        If there are no series for a unit.
    """
    net, series = _net_and_series(code)
    loads, units = series["load"], series["renewables"]
    kinds = [kind_of("sgen", written) for written in net.sgen.type]
    used = {kind: Counter(net.sgen.profile[[one == kind for one in kinds]]).most_common(1) for kind in ("wind", "pv")}
    table = {f"{name}_pload": loads[f"{name}_pload"] for name in net.load.profile.unique()}
    columns: dict[str, list[str]] = {"load": [], "wind": [], "pv": []}
    columns["load"] = [f"{net.load.profile[row]}_pload" for row in grid.net_rows["load"]]
    for name, kind, unit, row in zip(
        grid.renewable_names, grid.renewable_kinds, grid.renewables, grid.net_rows["renewable"], strict=True
    ):
        if row < 0 and not used[kind]:
            raise GridError(f"{name}: SimBench's {code} has no {kind} whose series it could follow; leave it out")
        profile = used[kind][0][0] if row < 0 else net.sgen.profile[row]
        share = 1.0 if row < 0 else float(net.sgen.p_mw[row] * net.sgen.scaling[row]) / unit.max_s_mva
        column = profile if share == 1 else f"{profile} x {share:.6g}"
        table[column] = share * units[profile]
        columns[kind].append(column)
    index = pd.date_range(FIRST_TIME, periods=len(loads), freq="15min", tz=CLOCK)
    values = {name: column.to_numpy().clip(min=0) for name, column in table.items()}  # some are -1e-5
    return Year(table=pd.DataFrame(values, index), columns=columns)


@lru_cache(maxsize=2)
def _net_and_series(code: str) -> tuple[pandapowerNet, dict[str, pd.DataFrame]]:
    """Return a net of SimBench, and apart from it its series; reading them takes seconds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import simbench
    except ImportError:
        raise GridError("SimBench is not installed: pip install simbench (or the extra tieline[simbench])") from None
    codes = simbench.collect_all_simbench_codes()
    if not _CODE.fullmatch(code) or code not in codes:
        close = get_close_matches(code, codes, n=3)
        known = f"did you mean {' or '.join(close)}?" if close else "such as 1-MV-rural--0-sw or 1-LV-rural1--0-sw"
        raise GridError(f"SimBench has no network {in_short(code)}; {known}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = simbench.get_simbench_net(code)
    series = {name: table.apply(pd.to_numeric, errors="coerce") for name, table in net.pop("profiles").items()}
    return net, series
