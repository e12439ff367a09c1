"""Summary of the connections of a run: coordination, microgrids, costs, cars."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from experiments.simulate import Run
from sim.market.settlement import COST_TERMS

COST_OF_DEVICE = {
    "battery": "wear",
    "thermal_storage": "wear",
    "diesel": "fuel",
    "heat_unit": "fuel",
    "ev": "discomfort",
}


def summarise_connections(run: Run, terms: Mapping[str, float]) -> dict[str, Any]:
    """Return the part of the summary on connections; empty for a study without them.

    Parameters
    ----------
    run : Run
        The run.
    terms : mapping
        The operator's money. [$]
    """
    tables = run.tables
    if tables["connections"].empty:
        return {}
    calendar = run.instance.calendar
    by_connection = microgrids(tables, calendar.step_h)
    return {
        "coordination": coordination(tables["decisions"], tables["trades"]),
        "microgrids": by_connection,
        "costs": costs(by_connection, terms),
        "cars": cars(tables["cars"], calendar.hours_before(run.instance.study.days + 1)),
    }


def coordination(decisions: pd.DataFrame, trades: pd.DataFrame) -> dict[str, Any]:
    """Return the coordination of operator and microgrids: mode, rounds, worst residuals of all hours, failures."""
    noted = decisions[decisions["coordination_note"] != ""]
    kept = trades[trades["note"] != ""]
    return {
        "mode": ", ".join(decisions["coordination"].unique()),
        "iterations": {"total": int(decisions["iterations"].sum()), "max": int(decisions["iterations"].max())},
        "primal_residual_mw": _worst(decisions["primal_residual_mw"]),
        "dual_residual_per_mwh": _worst(decisions["dual_residual_per_mwh"]),
        "notes": [
            f"day {day}, hour {hour}: {note}"
            for day, hour, note in noted[["day", "hour", "coordination_note"]].itertuples(index=False)
        ]
        + [
            f"day {day}, hour {hour}: {connection} {note}"
            for day, hour, connection, note in kept[["day", "hour", "connection", "note"]].itertuples(index=False)
        ],
    }


def _worst(residual: pd.Series) -> float | None:
    return None if residual.isna().all() else float(residual.max())


def microgrids(tables: Mapping[str, pd.DataFrame], step_h: float = 1.0) -> dict[str, dict[str, Any]]:
    """Return energy [MWh] and money [$] of the microgrid or fleet at every connection, all days together.

    Its cost is its payments (trade, fuel, compensation of cars' owners) and wear, less the payments of cars' owners.
    """
    trades, payments, devices = tables["trades"], tables["payments"], tables["devices"]
    flows = trades.assign(
        exchange_mwh=step_h * trades["p_mw"],
        import_mwh=step_h * trades["p_mw"].clip(lower=0),
        export_mwh=-step_h * trades["p_mw"].clip(upper=0),
        shortfall_mwh=step_h * trades["shortfall_mw"],
    )
    energy = flows.groupby("connection")[["exchange_mwh", "import_mwh", "export_mwh", "shortfall_mwh"]].sum()
    trade = payments[payments["term"] == "trade"].groupby("payer")["amount"].sum()
    revenue = payments[payments["term"] == "ev_revenue"].groupby("payee")["amount"].sum()
    spent = devices.groupby(["connection", devices["device"].map(COST_OF_DEVICE)])["cost"].sum()
    of_connection = {}
    for connection, kind in tables["connections"][["connection", "kind"]].itertuples(index=False):
        money = {
            "trade": float(trade[connection]),
            **{term: float(spent.get((connection, term), 0.0)) for term in ("fuel", "wear", "discomfort")},
            "ev_revenue": float(revenue.get(connection, 0.0)),
        }
        cost = sum(money.values()) - 2 * money["ev_revenue"]
        energies = {str(name): float(value) for name, value in energy.loc[connection].items()}
        of_connection[str(connection)] = {"kind": str(kind), **energies, **money, "cost": cost}
    return of_connection


def costs(by_connection: Mapping[str, Mapping[str, Any]], terms: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of the run to the operator with its own fleets of cars, the microgrids, and all of them. [$]

    Trade between them is left out, for it cancels, and so are the payments of consumers and owners of cars.
    """
    own = {"microgrid": 0.0, "ev_aggregator": 0.0}
    for connection in by_connection.values():
        own[connection["kind"]] += connection["fuel"] + connection["wear"] + connection["discomfort"]
    operator = sum(terms[term] for term in COST_TERMS) + own["ev_aggregator"]
    return {"operator": operator, "microgrids": own["microgrid"], "total": operator + own["microgrid"]}


def cars(sessions: pd.DataFrame, hours: float) -> dict[str, int]:
    """Return the numbers of cars and stays, and of cars that left in the hours of a run: full, or short.

    Short are those whose stay was too short. That a car leaves as full as its stay allows is for the audit to check.
    """
    left = sessions[sessions["departure_h"] <= hours]
    return {
        "count": len(sessions[["connection", "car"]].drop_duplicates()),
        "stays": len(sessions),
        "left_full": int(left["full"].astype(bool).sum()),
        "left_short": int((~left["full"].astype(bool)).sum()),
    }
