"""The audit of tampered books: every check and every number, within a day and over midnight."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from audited import NOON, row_of, unguarded

from sim.audit.schema import LISTS
from sim.ledger import TABLES
from sim.recorder import PROOFS

LIMITS = {"voltage_limits", "loading_limits", "tie_line_capacity", "tie_line_power_factor", "end_of_day_soc"}


# ---- every check can fail ------------------------------------------------------------------------------------


class Tampering(NamedTuple):
    """Tampering with one cell in the books of the receding run, and the check that must find it."""

    check: str
    table: str
    which: dict[str, object]
    column: str
    change: Any  # a new value, or a function of the old one


PENALISED: dict[str, object] = {"hour": "the one with the largest penalty"}
TAMPERINGS = [
    Tampering("completeness", "buses", NOON | {"bus": 18}, "vm_pu", np.nan),
    Tampering("fleet", "units", {"unit": "battery_30"}, "max_e_mwh", 0.7),
    Tampering("load_limits", "dispatch", NOON | {"unit": "load_5"}, "p_mw", lambda p: p + 0.01),
    Tampering("load_limits", "dispatch", NOON | {"unit": "load_5"}, "p_mw", -0.01),
    Tampering("load_power_factor", "dispatch", NOON | {"unit": "load_5"}, "q_mvar", lambda q: q + 1e-6),
    Tampering("renewable_limits", "dispatch", NOON | {"unit": "pv_9"}, "p_mw", lambda p: p + 0.2),
    Tampering("renewable_limits", "dispatch", NOON | {"unit": "pv_9"}, "p_mw", -0.01),
    Tampering("renewable_circle", "dispatch", NOON | {"unit": "pv_9"}, "q_mvar", 0.37),
    Tampering("renewable_power_factor", "dispatch", NOON | {"unit": "pv_9"}, "q_mvar", -0.3),
    Tampering("battery_circle", "dispatch", NOON | {"unit": "battery_2"}, "q_mvar", -0.19),
    Tampering("battery_capacity", "dispatch", NOON | {"unit": "battery_2"}, "available_mw", 0.2),
    Tampering("orders", "dispatch", NOON | {"unit": "battery_2"}, "ordered_p_mw", lambda p: p + 1e-5),
    Tampering("orders", "dispatch", NOON | {"unit": "wind_6"}, "ordered_q_mvar", lambda q: q + 1e-5),
    Tampering("clipped", "dispatch", NOON | {"unit": "load_5"}, "clipped", True),
    Tampering("soc", "dispatch", NOON | {"unit": "battery_2"}, "soc", lambda soc: soc + 1e-5),
    Tampering("soc", "dispatch", {"day": 1, "hour": 1, "unit": "battery_2"}, "p_mw", lambda p: p + 1e-5),
    Tampering("soc", "units", {"unit": "battery_2"}, "start_soc", 0.6),
    Tampering("soc_limits", "dispatch", NOON | {"unit": "battery_2"}, "soc", 0.96),
    Tampering("soc_limits", "dispatch", NOON | {"unit": "battery_2"}, "soc", 0.19),
    Tampering("active_balance", "dispatch", NOON | {"unit": "load_5"}, "p_mw", lambda p: p - 3e-5),
    Tampering("active_balance", "settlements", NOON, "metered_mw", lambda p: p + 3e-5),
    Tampering("active_balance", "branches", {"line": 7}, "r_pu", lambda r: 1.1 * r),
    Tampering("reactive_balance", "dispatch", NOON | {"unit": "battery_2"}, "q_mvar", lambda q: q + 3e-5),
    Tampering("reactive_balance", "settlements", NOON, "metered_q_mvar", lambda q: q + 3e-5),
    Tampering("reactive_balance", "buses", NOON | {"bus": 18}, "va_degree", lambda va: va + 0.01),
    Tampering("line_flow", "lines", NOON | {"line": 7}, "p_mw", lambda p: p + 1e-6),
    Tampering("line_flow", "lines", NOON | {"line": 7}, "q_mvar", lambda q: q + 1e-6),
    Tampering("line_loss", "lines", NOON | {"line": 7}, "loss_mw", lambda p: p + 1e-6),
    Tampering("line_loading", "lines", NOON | {"line": 7}, "loading_percent", lambda part: part + 1e-4),
    Tampering("line_loading", "branches", {"line": 7}, "max_i_pu", 5.0),
    Tampering("ratings", "branches", {"line": 7}, "max_i_pu", 6.1),
    Tampering("slack_voltage", "buses", NOON | {"bus": 1}, "vm_pu", 1.01),
    Tampering("slack_voltage", "buses", NOON | {"bus": 1}, "va_degree", 30.0),
    Tampering("network", "branches", {"line": 7}, "r_pu", lambda r: 1.1 * r),
    Tampering("network", "units", {"unit": "load_5"}, "tan_phi", 0.6),
    Tampering("prices", "market", {"hour": 12}, "price_per_mwh", lambda price: price + 0.01),
    Tampering("prices", "settlements", NOON, "retail_price_per_mwh", lambda price: price + 0.01),
    Tampering("forecasts", "dispatch", NOON | {"unit": "pv_9"}, "forecast_mw", lambda p: p + 1e-6),
    Tampering("availability", "dispatch", NOON | {"unit": "pv_9"}, "available_mw", lambda p: p + 1e-6),
    Tampering("renewable_limits", "dispatch", NOON | {"unit": "pv_9"}, "available_mw", 0.37),
    Tampering("refused_bid", "bids", NOON, "accepted", False),
    Tampering("refused_bid", "bids", NOON, "reason", "late"),
    Tampering("bidding", "bids", NOON, "asked", "basic"),
    Tampering("bidding", "bids", NOON, "strategy", "forecast"),
    Tampering("bidding", "bids", NOON, "fallback_reason", "anm_aware failed"),
    Tampering("bid_capacity", "bids", NOON, "bid_mw", 10.1),
    Tampering("certificate", "bids", NOON, "cone_gap", 0.5),
    Tampering("certificate", "bids", NOON, "bid_mw", lambda bid: bid + 1e-7),
    Tampering("certificate", "bids", NOON, "power_flow_mismatch_mw", 0.01),
    Tampering("certificate", "bids", NOON, "limit_excess_pu", 0.01),
    Tampering("settled_bid", "settlements", NOON, "bid_mw", lambda bid: bid + 1e-6),
    Tampering("settled_bid", "bids", NOON, "bid_mw", lambda bid: bid + 1e-6),
    Tampering("band", "settlements", NOON, "lower_mw", lambda p: p - 1e-6),
    Tampering("band", "settlements", NOON, "upper_mw", lambda p: p + 1e-6),
    Tampering("imbalance", "settlements", NOON, "over_mwh", lambda e: e + 1e-6),
    Tampering("imbalance", "settlements", NOON, "under_mwh", lambda e: e + 1e-6),
    Tampering("penalty", "settlements", NOON, "penalty", lambda money: money + 1e-6),
    Tampering("penalty", "market", PENALISED, "price_per_mwh", lambda price: price + 50.0),
    Tampering("claims", "decisions", NOON, "status", "fine"),
    Tampering("deciders", "decisions", NOON, "policy", "hindsight"),
    Tampering("plan", "decisions", NOON, "planned_tie_p_mw", lambda p: p + 1e-6),
    Tampering("plan", "decisions", NOON, "power_flow_mismatch_mw", np.nan),
    *(
        Tampering("payments", "payments", NOON | {"term": term}, "amount", lambda money: money + 1e-6)
        for term in ("revenue", "load_curtailment", "generation", "generation_curtailment", "exchange", "imbalance")
    ),
    Tampering("payments", "settlements", NOON, "retail_price_per_mwh", 0.0),
    Tampering("retail_price", "settlements", NOON, "retail_price_per_mwh", lambda price: price + 0.01),
    Tampering("retail_price", "market", {"hour": 12}, "retail_price_per_mwh", 0.0),
    Tampering("books", "books", NOON | {"term": "loss"}, "amount", lambda money: money + 1e-6),
    Tampering("books", "books", NOON | {"term": "wear"}, "amount", lambda money: money + 1e-6),
    Tampering("zero_sum", "payments", NOON | {"term": "exchange"}, "payee", "a stranger"),
    Tampering("zero_sum", "payments", NOON | {"payer": "load_5"}, "payer", "a stranger"),
]


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda t: f"{t.check}-{t.table}.{t.column}")
def test_every_check_notices_a_tampered_cell(receding, tampering):
    check, table, which, column, change = tampering
    if which is PENALISED:
        settlements = receding.tables["settlements"]
        which = {"hour": int(settlements.hour[settlements.penalty.idxmax()])}
    row = row_of(receding.tables[table], which)
    value = change(receding.tables[table].loc[row, column]) if callable(change) else change
    report = receding.with_cell(table, row, column, value).audit()
    assert not report.clean
    found = [finding for finding in report.findings if finding.check == check]
    assert found, {finding.check for finding in report.findings}
    assert all(finding.day in (0, 1) and 0 <= finding.hour <= 24 and finding.where for finding in found)


def test_no_check_is_without_a_tampering(receding):
    assert {tampering.check for tampering in TAMPERINGS} == receding.audit().checks.keys() - LIMITS


def test_a_finding_names_place_values_and_unit(receding):
    row = row_of(receding.tables["dispatch"], NOON | {"unit": "load_5"})
    served = receding.tables["dispatch"].loc[row, "available_mw"]
    (finding,) = (
        finding
        for finding in receding.with_cell("dispatch", row, "p_mw", 0.5).audit().findings
        if finding.check == "load_limits"
    )
    assert (finding.day, finding.hour, finding.where) == (1, 12, "load_5")
    assert finding.message == f"served load is 0.5 MW, above the limit of {served:.9g} MW"


# What the audit takes as given.
GIVEN = {
    "bids": set(PROOFS),
    "decisions": {
        *("violation", "cone_gap", "power_flow_mismatch_pu"),
        *("iterations", "primal_residual_mw", "dual_residual_per_mwh"),
    },
}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a power factor above 1
@pytest.mark.parametrize("table", sorted(TABLES.keys() - LISTS.keys() - {"trades", "devices"}))
def test_no_number_is_unguarded(receding, table):
    assert unguarded(receding, table, GIVEN.get(table, ())) == []


# ---- over several days ---------------------------------------------------------------------------------------


def test_state_of_charge_and_wear_carry_over_midnight(export):
    dispatch = export.tables["dispatch"]
    last = row_of(dispatch, {"day": 1, "hour": 24, "unit": "battery_30"})
    found = export.with_cell("dispatch", last, "p_mw", dispatch.loc[last, "p_mw"] + 0.01).audit().findings
    assert {(f.day, f.hour, f.where) for f in found if f.check == "books"} == {(1, 24, "wear"), (2, 1, "wear")}
    assert (2, 1) in {(f.day, f.hour) for f in found if f.check == "soc"}


def test_a_battery_that_starts_each_day_anew_is_found(export):
    dispatch = export.tables["dispatch"].copy()
    second_day = (dispatch["day"] == 2) & (dispatch["unit"] == "battery_30")
    dispatch.loc[second_day, "soc"] += 0.05
    found = export.changed("dispatch", dispatch).audit().findings
    assert {(f.check, f.day, f.where) for f in found if f.check == "soc"} == {("soc", 2, "battery_30")}
