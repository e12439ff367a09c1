"""Outputs of a run: one row of figures, one row for each hour, or all tables; each with name, unit and type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.evaluation import Evaluation
from experiments.simulate import Run
from experiments.summary import limits_in_json, strategy_of
from sim.audit import LIMITS
from sim.market.settlement import COST_TERMS, TRADE


@dataclass(frozen=True)
class Output:
    """Output of a run: one figure of its summary.

    Attributes
    ----------
    name : str
        Column in the results.
    label : str
        Quantity, with the unit.
    path : tuple of str
        Its keys in the summary of a run.
    whole : bool
        Whether it is a whole number; others may be missing.
    better : {-1, 0, 1}
        Whether less or more of it is better, or neither.
    """

    name: str
    label: str
    path: tuple[str, ...]
    whole: bool = False
    better: int = 0


BID_FALLBACKS, HOUR_FALLBACKS = "bid_fallbacks", "hours_fallback"
"""Columns that count bids and hours decided by a fallback."""

BIDDING_USED = "bidding_used"
"""Column of the bidding strategies that were used, as text."""

OUTPUTS = (
    Output("profit", "profit [$]", ("terms", "profit"), better=1),
    Output("revenue", "revenue [$]", ("terms", "revenue"), better=1),
    Output(TRADE, "income from microgrids [$]", ("terms", TRADE)),
    *(Output(term, f"{term.replace('_', ' ')} cost [$]", ("terms", term), better=-1) for term in COST_TERMS),
    Output("total_cost", "cost of operator and microgrids [$]", ("costs", "total"), better=-1),
    Output("bid_mwh", "bids [MWh]", ("energy_mwh", "bid")),
    Output("metered_mwh", "metered exchange [MWh]", ("energy_mwh", "metered")),
    Output("outside_band_mwh", "energy outside the band [MWh]", ("energy_mwh", "outside_band"), better=-1),
    Output("load_curtailed_mwh", "load curtailed [MWh]", ("energy_mwh", "load_curtailed"), better=-1),
    Output("generation_mwh", "renewable generation [MWh]", ("energy_mwh", "generation"), better=1),
    Output(
        "generation_curtailed_mwh", "generation curtailed [MWh]", ("energy_mwh", "generation_curtailed"), better=-1
    ),
    Output("losses_mwh", "losses [MWh]", ("energy_mwh", "losses"), better=-1),
    Output("min_vm_pu", "lowest voltage [p.u.]", ("voltage", "min_pu")),
    Output("max_vm_pu", "highest voltage [p.u.]", ("voltage", "max_pu")),
    Output(
        "violations", "bus-hours outside voltage limits [1]", ("limits", "voltage", "count"), whole=True, better=-1
    ),
    *(
        Output(f"{name}_violations", f"{label} [1]", ("limits", name, "count"), whole=True, better=-1)
        for name, label in (
            ("line_current", "line-hours above the rating"),
            ("tie_capacity", "hours above the tie line's capacity"),
            ("tie_power_factor", "hours beyond the tie line's power factor"),
            ("device", "device-hours beyond a device's limits"),
        )
    ),
    *(
        Output(f"worst_{name}", f"{label} [{LIMITS[name].unit}]", ("limits", name, "worst"), better=-1)
        for name, label in (
            ("voltage", "most beyond a voltage limit"),
            ("line_current", "most above a line's rating"),
            ("tie_capacity", "most above the tie line's capacity"),
            ("tie_power_factor", "most beyond the tie line's power factor"),
            ("device", "most beyond a device's limit"),
        )
    ),
    *(
        Output(f"hours_{name}", f"{label} [h]", ("hours", name), whole=True, better=-1)
        for name, label in (
            ("penalised", "penalised hours"),
            ("least_violation", "hours of least violation"),
            ("repaired", "repaired hours"),
            ("inexact", "inexact hours"),
            ("fallback", "hours of a fallback"),
            ("bids_refused", "hours with refused bids"),
        )
    ),
    Output(BID_FALLBACKS, "days with bids of a fallback [d]", ("bid_strategy", "fallbacks"), whole=True, better=-1),
    Output("clipped_orders", "orders clipped [1]", ("hours", "clipped_orders"), whole=True, better=-1),
    Output("optimality_gap", "optimality gap of the bid [1]", ("certificate", "optimality_gap"), better=-1),
    Output("cone_gap", "worst cone gap [1]", ("certificate", "cone_gap"), better=-1),
    Output("rounds", "rounds of coordination [1]", ("coordination", "iterations", "total"), better=-1),
)
"""Figures of every run, in the order of their columns; those of microgrids are missing where there are none."""

SECONDS = ("bid", "dispatch", "power_flow", "total")

TIMINGS = tuple(
    Output(f"{part}_s", f"{label} [s]", (), better=-1)
    for part, label in zip(SECONDS, ("time of the bid", "time of dispatch", "time of power flow", "time"), strict=True)
)
"""Computing times of a run; kept apart, for they are never the same twice."""


HOURLY = (
    *("price_per_mwh", "bid_mw", "metered_mw", "over_mwh", "under_mwh", "imbalance", "load_mw", "load_curtailed_mw"),
    *("generation_mw", "generation_curtailed_mw", "battery_p_mw", "stored_mwh", "loss_mw", "min_vm_pu", "max_vm_pu"),
    "status",
)
"""Figures of every hour, in the order of their columns."""

EVALUATED = ("imbalance_mwh", "proven_gap", "scenarios_beyond_limits", "scenarios_inexact", "remarks")
"""Further columns where bids are evaluated: mean magnitude of flow minus bid [MWh], what any other bid can promise
more at most [$], scenarios that don't keep all limits or that physics can't do, and what the optimiser has to say."""

COLUMNS = frozenset(
    {"key", "replication", "seed", "day", "hour", "error", BIDDING_USED, *HOURLY, *EVALUATED}.union(
        output.name for output in (*OUTPUTS, *TIMINGS)
    )
)
"""Names of columns that are no factor: no factor can have such a name."""


def output_of(name: str) -> Output | None:
    """Return the output of a name, also a time; None if there is none."""
    return next((output for output in (*OUTPUTS, *TIMINGS) if output.name == name), None)


def figures(summary: Mapping[str, Any]) -> dict[str, float | int]:
    """Return the outputs of a run from its summary; NaN where there is none."""
    row: dict[str, float | int] = {}
    for output in OUTPUTS:
        value: Any = summary
        for part in output.path:
            value = value.get(part) if isinstance(value, Mapping) else None
        row[output.name] = float("nan") if value is None else int(value) if output.whole else float(value)
    return row


def evaluated_figures(found: Evaluation) -> dict[str, Any]:
    """Return the outputs of bids evaluated over scenarios, expected ones of money and energy, and `EVALUATED`."""
    strategy, expected = strategy_of(found.submission), found.expected
    volts = [outcome.vm_pu for outcome in found.outcomes]
    summary = {
        "terms": found.terms,
        "energy_mwh": {name.removesuffix("_mwh"): amount for name, amount in expected.items()},
        "voltage": {"min_pu": min(map(np.min, volts)), "max_pu": max(map(np.max, volts))},
        "limits": limits_in_json(found.limits),
        "bid_strategy": strategy,
        "certificate": found.certificate,
    }
    more = (expected["imbalance_mwh"], found.gap, found.beyond_limits, found.inexact, found.submission.remarks)
    return figures(summary) | dict(zip(EVALUATED, more, strict=True)) | {BIDDING_USED: strategy["used"]}


def hourly(simulated: Run) -> pd.DataFrame:
    """Return one row for every hour of a run: market, energy, voltage, storage."""
    tables = simulated.tables
    hours = ["day", "hour"]
    settled = tables["settlements"].set_index(hours)
    dispatch = tables["dispatch"]
    load, battery = dispatch["kind"] == "load", dispatch["kind"] == "battery"
    renewable = dispatch["kind"].isin(["wind", "pv"])
    volts = tables["buses"].groupby(hours)["vm_pu"]
    stored = dispatch["soc"] * dispatch["unit"].map(tables["units"].set_index("unit")["max_e_mwh"])

    def total(chosen: pd.Series, values: pd.Series) -> pd.Series:
        return values.where(chosen, 0.0).groupby([dispatch["day"], dispatch["hour"]]).sum()

    cut = dispatch["available_mw"] - dispatch["p_mw"]
    frame = pd.DataFrame(
        {
            "price_per_mwh": np.tile(tables["market"]["price_per_mwh"], len(settled) // len(tables["market"])),
            "bid_mw": settled["bid_mw"],
            "metered_mw": settled["metered_mw"],
            "over_mwh": settled["over_mwh"],
            "under_mwh": settled["under_mwh"],
            "imbalance": settled["penalty"],
            "load_mw": total(load, dispatch["p_mw"]),
            "load_curtailed_mw": total(load, cut),
            "generation_mw": total(renewable, dispatch["p_mw"]),
            "generation_curtailed_mw": total(renewable, cut),
            "battery_p_mw": total(battery, dispatch["p_mw"]),
            "stored_mwh": total(battery, stored.fillna(0.0)),
            "loss_mw": tables["lines"].groupby(hours)["loss_mw"].sum(),
            "min_vm_pu": volts.min(),
            "max_vm_pu": volts.max(),
            "status": tables["decisions"].set_index(hours)["status"],
        }
    )
    return frame[list(HOURLY)].reset_index()
