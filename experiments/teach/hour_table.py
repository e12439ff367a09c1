"""One row of numbers for every hour of a run, and the same for one bus, unit, line or connection."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from experiments.summary import hourly_money
from sim.errors import StudyError

WHEN = ["day", "hour"]

Tables = Mapping[str, pd.DataFrame]
"""Ledger of a run, as far as it was simulated."""

HOURLY = {
    "price_per_mwh": "day-ahead price [$/MWh]",
    "retail_price_per_mwh": "retail price [$/MWh]",
    "bid_mw": "bid, positive for import [MW]",
    "lower_mw": "lower limit of the tolerance band [MW]",
    "upper_mw": "upper limit of the tolerance band [MW]",
    "metered_mw": "metered tie-line flow, positive for import [MW]",
    "deviation_mw": "metered flow less bid [MW]",
    "over_mwh": "over-scheduling energy, below the band [MWh]",
    "under_mwh": "under-scheduling energy, above the band [MWh]",
    "outside_mwh": "energy outside the band, either side [MWh]",
    "demand_mw": "demand [MW]",
    "load_mw": "load served [MW]",
    "load_curtailed_mw": "load curtailed [MW]",
    "available_mw": "wind and sun available [MW]",
    "generation_mw": "wind and sun used [MW]",
    "generation_curtailed_mw": "wind and sun curtailed [MW]",
    "battery_mw": "batteries, positive for discharge [MW]",
    "stored_mwh": "energy in the batteries at the end of the hour [MWh]",
    "taken_mw": "power taken by microgrids and cars [MW]",
    "losses_mw": "line losses [MW]",
    "min_vm_pu": "lowest voltage [p.u.]",
    "max_vm_pu": "highest voltage [p.u.]",
    "max_loading_percent": "highest line loading [%]",
}
"""Columns of the hour table beside the terms of the money [$], with their meaning and unit."""

PARTS = {
    "bus": ("buses", "bus", ("vm_pu", "va_degree")),
    "line": ("lines", "line", ("p_mw", "q_mvar", "loss_mw", "loading_percent")),
    "unit": ("dispatch", "unit", ("forecast_mw", "available_mw", "p_mw", "q_mvar", "curtailed_mw", "soc")),
    "connection": ("trades", "connection", ("p_mw", "q_mvar", "price_per_mwh", "retail_price_per_mwh")),
}
"""Table of each kind of thing with a row in every hour, the column of its name, and its columns of numbers."""


def hour_table(tables: Tables) -> pd.DataFrame:
    """Return every hour simulated so far, indexed by day and hour: :data:`HOURLY` and all terms of the money [$].

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger.
    """
    settled = tables["settlements"].set_index(WHEN)
    price = tables["market"].set_index("hour")["price_per_mwh"]
    taken_as_settled = settled[["retail_price_per_mwh", "bid_mw", "lower_mw", "upper_mw", "metered_mw"]]
    market = taken_as_settled.assign(
        price_per_mwh=price.reindex(settled.index.get_level_values("hour")).to_numpy(),
        deviation_mw=settled["metered_mw"] - settled["bid_mw"],
        over_mwh=settled["over_mwh"],
        under_mwh=settled["under_mwh"],
        outside_mwh=settled["over_mwh"] + settled["under_mwh"],
    )
    physics = pd.concat([_energy(tables), _network(tables)], axis=1)
    table = market.join(physics).join(_taken(tables)).fillna({"taken_mw": 0.0})
    return table[[*HOURLY]].join(hourly_money(tables))


def _energy(tables: Tables) -> pd.DataFrame:
    """Return demand, generation and batteries of every hour."""
    dispatch = tables["dispatch"]
    capacity = dispatch["unit"].map(tables["units"].set_index("unit")["max_e_mwh"])
    kinds = {"load": "load", "battery": "battery"}
    rows = dispatch.assign(
        stored_mwh=dispatch["soc"] * capacity, what=dispatch["kind"].map(kinds).fillna("generation")
    )
    total = rows.groupby([*WHEN, "what"])[["available_mw", "p_mw", "stored_mwh"]].sum().unstack("what", fill_value=0.0)

    def column(name: str, what: str) -> pd.Series:
        return total[name, what] if (name, what) in total else 0.0 * total.iloc[:, 0]

    return pd.DataFrame(
        {
            "demand_mw": column("available_mw", "load"),
            "load_mw": column("p_mw", "load"),
            "load_curtailed_mw": column("available_mw", "load") - column("p_mw", "load"),
            "available_mw": column("available_mw", "generation"),
            "generation_mw": column("p_mw", "generation"),
            "generation_curtailed_mw": column("available_mw", "generation") - column("p_mw", "generation"),
            "battery_mw": column("p_mw", "battery"),
            "stored_mwh": column("stored_mwh", "battery"),
        }
    )


def _network(tables: Tables) -> pd.DataFrame:
    """Return losses, voltages and loading of every hour."""
    voltage, lines = tables["buses"].groupby(WHEN)["vm_pu"], tables["lines"].groupby(WHEN)
    return pd.DataFrame(
        {
            "losses_mw": lines["loss_mw"].sum(),
            "min_vm_pu": voltage.min(),
            "max_vm_pu": voltage.max(),
            "max_loading_percent": lines["loading_percent"].max(),
        }
    )


def _taken(tables: Tables) -> pd.Series:
    """Return the power that microgrids and cars take in every hour; nothing where there are none."""
    power: pd.Series = tables["trades"].groupby(WHEN)["p_mw"].sum()
    return power.rename("taken_mw")


def part_table(tables: Tables, kind: str, name: int | str) -> pd.DataFrame:
    """Return every hour of one bus, line, unit or connection, indexed by day and hour.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger.
    kind : {"bus", "line", "unit", "connection"}
        Kind of what is looked at.
    name : int or str
        Number of the bus or line, name of the unit or connection.

    Raises
    ------
    StudyError
        If there is no such thing.
    """
    table, column, numbers = PARTS[kind]
    rows = tables[table]
    if kind == "unit":
        rows = rows.assign(curtailed_mw=(rows["available_mw"] - rows["p_mw"]).where(rows["kind"] != "battery", 0.0))
    rows = rows[rows[column] == name]
    if rows.empty:
        known = ", ".join(map(str, tables[table][column].drop_duplicates().head(8)))
        raise StudyError(f"there is no {kind} {name}; there are {known or 'none'} ...")
    return rows.set_index(WHEN)[[*numbers]]
