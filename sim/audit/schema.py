"""Schema of the stored tables of a complete run: columns, and the things with a row in every hour."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

OPERATOR, SYSTEM_OPERATOR = "microgrid_operator", "system_operator"
RENEWABLE_KINDS = ("wind", "pv")

Things = list[tuple[Any, ...]]
"""Things that a table has rows for, each by its values in the key columns."""

LISTS = {
    "connections": ("connection", "kind", "bus", "max_exchange_mw"),
    "cars": (
        *("connection", "stay", "car", "arrival_h", "departure_h"),
        *("arrival_soc", "need_mwh", "start_mwh", "full"),
    ),
    "charging": ("day", "hour", "connection", "car", "p_mw"),
}
"""Tables of connections that don't have a row for each of them in every hour, and their columns."""

BRANCH_NUMBERS = ("from_bus", "to_bus", "r_pu", "x_pu", "max_i_pu")

TWO_PORT = {
    **dict.fromkeys(("shift_degree", "g_from_pu", "b_from_pu", "g_to_pu", "b_to_pu"), 0.0),
    **{"ratio": 1.0, "max_i_to_pu": float("inf"), "slack_bus": float("nan")},
}
"""Numbers of branches that a network of bare lines does not have, and what stands for them there."""

BUS_NUMBERS = ("min_vm_pu", "max_vm_pu", "g_pu", "b_pu", "given_p_mw", "given_q_mvar")
"""Numbers of buses that a network of bare lines does not have."""

UNIT_NUMBERS = {
    "load": ("bus", "tan_phi"),
    **dict.fromkeys(RENEWABLE_KINDS, ("bus", "max_s_mva", "min_power_factor")),
    "battery": ("bus", "max_s_mva", "max_e_mwh", "min_soc", "max_soc", "start_soc", "efficiency"),
}
"""The kinds of units, and the numbers each of them has."""


class Schema(NamedTuple):
    """Columns of a table: those that name its things, those of numbers, others, and numbers it may have."""

    keys: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


HOUR_TABLES = {
    "market": Schema(numbers=("price_per_mwh", "retail_price_per_mwh")),
    "bids": Schema(
        numbers=("bid_mw",),
        others=(
            *("asked", "strategy", "fallback_reason", "accepted", "reason"),
            *("status", "cone_gap", "power_flow_mismatch_mw", "limit_excess_pu"),
        ),
    ),
    "dispatch": Schema(
        keys=("unit", "kind"),
        numbers=("available_mw", "ordered_p_mw", "ordered_q_mvar", "p_mw", "q_mvar"),
        others=("forecast_mw", "soc", "clipped"),
    ),
    "buses": Schema(keys=("bus",), numbers=("vm_pu", "va_degree"), optional=BUS_NUMBERS),
    "lines": Schema(keys=("line",), numbers=("p_mw", "q_mvar", "loss_mw", "loading_percent")),
    "settlements": Schema(
        numbers=(
            *("bid_mw", "metered_mw", "metered_q_mvar", "lower_mw", "upper_mw"),
            *("over_mwh", "under_mwh", "penalty", "retail_price_per_mwh"),
        )
    ),
    "trades": Schema(
        keys=("connection",),
        numbers=(
            *("retail_price_per_mwh", "price_per_mwh", "ordered_p_mw", "ordered_q_mvar"),
            *("p_mw", "q_mvar", "shortfall_mw"),
        ),
        others=("note",),
    ),
    "devices": Schema(
        keys=("connection", "device"),
        numbers=("p_mw", "q_mvar", "heat_mw", "cost"),
        others=("available_mw", "energy_mwh"),
    ),
    "payments": Schema(keys=("term", "payer", "payee"), numbers=("amount",)),
    "books": Schema(keys=("term",), numbers=("amount",)),
    "decisions": Schema(
        numbers=("iterations",),
        others=(
            *("policy", "status", "reason", "violation", "planned_tie_p_mw"),
            *("power_flow_mismatch_mw", "power_flow_mismatch_pu", "coordination", "coordination_note"),
            *("primal_residual_mw", "dual_residual_per_mwh"),
        ),
    ),
}
"""The tables by day and hour (the prices of the market: by hour)."""


def things_by_table(
    units: pd.DataFrame, branches: pd.DataFrame, devices: Mapping[str, Sequence[str]]
) -> dict[str, Things]:
    """Return for each of `HOUR_TABLES` the things with one row in every hour.

    Parameters
    ----------
    units, branches : DataFrame
        The tables of that name.
    devices : mapping of sequence of str
        Devices of every connection.
    """
    buses = sorted({*branches["from_bus"], *branches["to_bus"]})
    return {
        "dispatch": list(zip(units["unit"], units["kind"], strict=True)),
        "buses": [(bus,) for bus in buses],
        "lines": [(line,) for line in branches["line"]],
        "payments": _payments(units) + _connection_payments(devices),
        "trades": [(connection,) for connection in devices],
        "devices": [(connection, device) for connection, names in devices.items() for device in names],
        "books": [("loss",), ("wear",)],
        **{name: [()] for name in ("market", "bids", "settlements", "decisions")},
    }


def _payments(units: pd.DataFrame) -> Things:
    """Return term, payer and payee of every payment of an hour."""
    loads = units["unit"][units["kind"] == "load"]
    owners = units["unit"][units["kind"].isin(RENEWABLE_KINDS)]
    return [
        *(("revenue", load, OPERATOR) for load in loads),
        *(("load_curtailment", OPERATOR, load) for load in loads),
        *(("generation", OPERATOR, owner) for owner in owners),
        *(("generation_curtailment", OPERATOR, owner) for owner in owners),
        ("exchange", OPERATOR, SYSTEM_OPERATOR),
        ("imbalance", OPERATOR, SYSTEM_OPERATOR),
    ]


def _connection_payments(devices: Mapping[str, Sequence[str]]) -> Things:
    """Return term, payer and payee of every payment of an hour to or by a connection."""
    with_cars = [connection for connection, names in devices.items() if "ev" in names]
    return [
        *(("trade", connection, OPERATOR) for connection in devices),
        *(("ev_revenue", owners_of(connection), connection) for connection in with_cars),
        *(("discomfort", connection, owners_of(connection)) for connection in with_cars),
    ]


def owners_of(connection: str) -> str:
    """Return the name of the owners of a connection's cars."""
    return f"ev_owners_{connection}"
