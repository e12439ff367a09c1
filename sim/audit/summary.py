"""Checks of the summary of a run: every figure of it derived again from the tables and the study."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from grids.documents import in_short
from sim.audit.limits import voltage_limits, voltages_outside
from sim.audit.physics import slack_bus
from sim.audit.records import Records, numbers, study_value
from sim.audit.report import AuditReport, Checker, FloatArray, IntArray
from sim.audit.schema import owners_of

COSTS = ("exchange", "imbalance", "loss", "wear", "generation", "generation_curtailment", "load_curtailment")

PROOFS = ("cone_gap", "power_flow_mismatch_mw", "power_flow_mismatch_pu", "limit_excess_pu", "optimality_gap")

PENALISED = 0.005
"""Penalty from which on an hour counts as penalised: half a cent. [$]"""

ROUND_OFF = 1e-9
"""Relative round-off of a sum, absolute for one below 1."""

SPENT = {
    "fuel": ("diesel", "heat_unit"),
    "wear": ("battery", "thermal_storage"),
    "discomfort": ("ev",),
}
"""Terms of the devices' costs, and the devices of each."""

LONG_DAYS, MONTH_DAYS = 14, 30
"""Days from which on a run has a summary by month, and days of a month where there are no dates."""

GIVEN = ("seconds", "run_dir")
"""Figures of the summary that follow from no table."""


def check_summary(summary: Mapping[str, Any], records: Records, report: AuditReport, checker: Checker) -> None:
    """Check every figure of a summary; one that the audit can't derive must not be there.

    Parameters
    ----------
    summary : mapping
        Contents of ``summary.json``.
    records : Records
        The stored tables, complete.
    report : AuditReport
        The audit of these tables, which counts limits not kept.
    checker : Checker
        Takes down the faults.
    """
    stored = {name: value for name, value in summary.items() if name not in GIVEN}
    problems, compared = [], 0
    for path, value, expected in _pairs(stored, derived(records, report), ""):
        compared += 1
        if not _same(value, expected):
            problems.append((path, f"is {_shown(value)}, expected {_shown(expected)}"))
    for path, problem in problems:
        checker.note("summary", f"summary.json: {path}", problem)
    checker.checks["summary"] = compared


MISSING = object()


def _pairs(value: Any, expected: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield place, stored and expected value of everything in one of two documents."""
    if isinstance(value, Mapping) and isinstance(expected, Mapping):
        for name in dict.fromkeys([*expected, *value]):
            below = f"{path}.{name}" if path else name
            yield from _pairs(value.get(name, MISSING), expected.get(name, MISSING), below)
    elif isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        for k, (one, other) in enumerate(zip(value, expected, strict=True)):
            yield from _pairs(one, other, f"{path}.{k}")
    else:
        yield path, value, expected


def _same(value: Any, expected: Any) -> bool:
    """Return whether a stored value is the expected one, but for round-off."""
    if isinstance(expected, float) and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return abs(float(value) - expected) <= ROUND_OFF * max(1.0, abs(expected))
        except OverflowError:  # a whole number of hundreds of digits
            return False
    return type(value) is type(expected) and bool(value == expected)


def _shown(value: Any) -> str:
    """Return a value in a few words."""
    return "missing" if value is MISSING else f"{value:.9g}" if isinstance(value, float) else in_short(value)


def derived(records: Records, report: AuditReport) -> dict[str, Any]:
    """Return the summary that tables and study give, without what is taken as given."""
    study, terms = records.study, _terms(records)
    return {
        "study": study_value(study, "name"),
        "seed": study_value(study, "seed"),
        "days": records.days,
        "bidding": study_value(study, "bidding"),
        "bid_strategy": _bid_strategy(records),
        "policy": study_value(study, "policy"),
        "rule": study_value(study, "market.rule.name"),
        "terms": terms,
        "bids_mw": records["bids"].numbers("bid_mw")[:, 0].tolist(),
        "certificate": _certificate(records),
        "limits": {name: vars(one) for name, one in report.limits.items()},
        "hours_beyond_limits": report.hours_beyond,
        "voltage": _voltage(records, report),
        "energy_mwh": _energy(records),
        "hours": _hours(records),
        **(_of_microgrids(records, terms) if len(records.lists["connections"]) else {}),
        **({"months": _months(records)} if records.days > LONG_DAYS and "calendar" in study else {}),
        "audit": {"clean": report.clean, "findings": len(report.findings)},
    }


def _terms(records: Records) -> dict[str, float]:
    """Return the operator's money of all days. [$]"""
    amounts: dict[str, float] = {}
    for table in ("payments", "books"):
        frame = records[table].frame
        for term in dict.fromkeys(frame["term"]):
            amounts[term] = float(numbers(frame, "amount")[frame["term"] == term].sum())
    income = ("revenue", "trade") if len(records.lists["connections"]) else ("revenue",)
    terms = {term: amounts.get(term, 0.0) for term in (*income, *COSTS)}
    return {**terms, "profit": sum(terms[term] for term in income) - sum(terms[term] for term in COSTS)}


def _months(records: Records) -> list[dict[str, Any]]:
    """Return number of days, money [$] and energies [MWh] of every month; without dates it has thirty days."""
    begun, days = study_value(records.study, "calendar.first_day"), np.arange(records.days)
    if begun is None:
        first = days // MONTH_DAYS * MONTH_DAYS
        named = [f"{day + 1}-{day + MONTH_DAYS}" for day in first.tolist()]
    else:
        dates = np.datetime64(str(begun)) + days
        named = np.datetime_as_string(dates.astype("datetime64[M]")).tolist()
    names = list(dict.fromkeys(named))
    month = np.array([names.index(name) for name in named])
    money = _money_of_months(records, month, len(names))
    energies = _energy_of_months(records, month, len(names))
    return [
        {
            "month": name,
            "days": int((month == k).sum()),
            "terms": {term: float(sums[k]) for term, sums in money.items()},
            "energy_mwh": {what: float(sums[k]) for what, sums in energies.items()},
        }
        for k, name in enumerate(names)
    ]


def _money_of_months(records: Records, month: IntArray, count: int) -> dict[str, FloatArray]:
    """Return the operator's money of every month. [$]"""
    income = ("revenue", "trade") if len(records.lists["connections"]) else ("revenue",)
    sums = {term: np.zeros(count) for term in (*income, *COSTS)}
    for table in ("payments", "books"):
        frame = records[table].frame
        of, amount = month[numbers(frame, "day").astype(np.int64) - 1], numbers(frame, "amount")
        for term in sums:
            rows = np.asarray(frame["term"] == term)
            sums[term] += np.bincount(of[rows], amount[rows], minlength=count)
    earned, spent = (np.sum([sums[term] for term in names], axis=0) for names in (income, COSTS))
    return {**sums, "profit": earned - spent}


def _energy_of_months(records: Records, month: IntArray, count: int) -> dict[str, FloatArray]:
    """Return the energies of every month. [MWh]"""
    loads, renewables, settled = records.loads, records.renewables, records["settlements"]
    of = month[records.clock.day_of]
    by_step = {
        "bid": records["bids"].numbers("bid_mw"),
        "metered": settled.numbers("metered_mw"),
        "load_served": loads.p_mw,
        "load_curtailed": loads.available_mw - loads.p_mw,
        "generation": renewables.p_mw,
        "generation_curtailed": renewables.available_mw - renewables.p_mw,
        "losses": records["lines"].numbers("loss_mw"),
        "outside_band": (settled.numbers("over_mwh") + settled.numbers("under_mwh")) / records.step_h,
    }
    sums = {name: np.bincount(of, power.sum(axis=1), minlength=count) for name, power in by_step.items()}
    return {name: np.asarray(records.step_h * power) for name, power in sums.items()}


def _bid_strategy(records: Records) -> dict[str, Any]:
    """Return the bidding strategies asked for and used, and the reasons, by the first bid of every day."""
    first = [records["bids"].values(name)[records.clock.first, 0] for name in ("asked", "strategy", "fallback_reason")]
    days = list(zip(range(1, records.days + 1), *(map(str, column) for column in first), strict=True))
    others = [f"day {day}, {used}: {reason}" for day, asked, used, reason in days if used != asked]
    return {
        "asked": days[0][1],
        "used": ", ".join(dict.fromkeys(used for _, _, used, _ in days)),
        "fallbacks": len(others),
        "reasons": others,
    }


def _certificate(records: Records) -> dict[str, float | None]:
    """Return the largest of each figure of the solver's; None where there is none."""
    largest: dict[str, float | None] = {}
    for name in PROOFS:
        frames = [records[table].frame for table in ("bids", "decisions")]
        stated = np.concatenate([numbers(frame, name) for frame in frames if name in frame] or [np.zeros(0)])
        finite = stated[np.isfinite(stated)]
        largest[name] = float(finite.max()) if len(finite) else None
    return largest


def _voltage(records: Records, report: AuditReport) -> dict[str, Any]:
    """Return range of voltages, and the buses that were outside the limits. [p.u.]"""
    buses = records["buses"]
    vm_pu, bus = buses.numbers("vm_pu"), buses.numbers("bus")[0].astype(np.int64)
    least, most = voltage_limits(records)
    low, high = (
        side & (bus != slack_bus(records)) for side in voltages_outside(vm_pu, min_vm_pu=least, max_vm_pu=most)
    )
    return {
        "min_pu": float(vm_pu.min()),
        "max_pu": float(vm_pu.max()),
        "violations": report.limits["voltage"].count,
        "buses_below": np.sort(bus[low.any(axis=0)]).tolist(),
        "buses_above": np.sort(bus[high.any(axis=0)]).tolist(),
    }


def _energy(records: Records) -> dict[str, float]:
    """Return energies of all days. [MWh]"""
    loads, renewables, settled = records.loads, records.renewables, records["settlements"]
    of_power = {
        "bid": float(records["bids"].numbers("bid_mw").sum()),
        "metered": float(settled.numbers("metered_mw").sum()),
        "load_served": float(loads.p_mw.sum()),
        "load_curtailed": float((loads.available_mw - loads.p_mw).sum()),
        "generation": float(renewables.p_mw.sum()),
        "generation_curtailed": float((renewables.available_mw - renewables.p_mw).sum()),
        "losses": float(records["lines"].numbers("loss_mw").sum()),
    }
    outside = float(settled.numbers("over_mwh").sum() + settled.numbers("under_mwh").sum())
    return {name: records.step_h * power for name, power in of_power.items()} | {"outside_band": outside}


def _hours(records: Records) -> dict[str, int]:
    """Return the number of hours out of the ordinary, by kind."""
    decisions = records["decisions"]
    fallback = decisions.values("policy") != study_value(records.study, "policy")
    return {
        "penalised": int((records["settlements"].numbers("penalty") > PENALISED).sum()),
        **{
            status: int((decisions.values("status") == status).sum())
            for status in ("least_violation", "repaired", "inexact")
        },
        "fallback": int(fallback.sum()),
        "remarks": int(((decisions.values("reason") != "") & ~fallback).sum()),
        "bids_refused": int((~records["bids"].values("accepted").astype(bool)).sum()),
        "clipped_orders": int(records["dispatch"].values("clipped").astype(bool).sum()),
    }


def _of_microgrids(records: Records, terms: Mapping[str, float]) -> dict[str, Any]:
    """Return the part of a summary on connections."""
    microgrids = _microgrids(records)
    own = {
        kind: sum(one["fuel"] + one["wear"] + one["discomfort"] for one in microgrids.values() if one["kind"] == kind)
        for kind in ("microgrid", "ev_aggregator")
    }
    operator = sum(terms[term] for term in COSTS) + own["ev_aggregator"]
    sessions = records.lists["cars"]
    left = numbers(sessions, "full")[numbers(sessions, "departure_h") <= records.clock.hours]
    return {
        "coordination": _coordination(records),
        "microgrids": microgrids,
        "costs": {"operator": operator, "microgrids": own["microgrid"], "total": operator + own["microgrid"]},
        "cars": {
            "count": len({*zip(sessions["connection"], sessions["car"], strict=True)}),
            "stays": len(sessions),
            "left_full": int((left == 1).sum()),
            "left_short": int((left == 0).sum()),
        },
    }


def _microgrids(records: Records) -> dict[str, Any]:
    """Return energies [MWh] and money [$] of every connection."""
    trades, devices, paid = records["trades"], records["devices"], records["payments"].frame
    amount, cost = numbers(paid, "amount"), devices.numbers("cost")
    device_of = devices.values("device")[0]
    connection_of = devices.values("connection")[0]
    found = {}
    for k, (connection, kind) in enumerate(
        records.lists["connections"][["connection", "kind"]].itertuples(index=False)
    ):
        exchange = records.step_h * trades.numbers("p_mw")[:, k]
        spent = {
            term: float(cost[:, (connection_of == connection) & np.isin(device_of, sorts)].sum())
            for term, sorts in SPENT.items()
        }
        trade = float(amount[(paid["term"] == "trade") & (paid["payer"] == connection)].sum())
        revenue = float(amount[(paid["term"] == "ev_revenue") & (paid["payer"] == owners_of(connection))].sum())
        found[str(connection)] = {
            "kind": str(kind),
            "exchange_mwh": float(exchange.sum()),
            "import_mwh": float(exchange.clip(min=0).sum()),
            "export_mwh": float(-exchange.clip(max=0).sum()),
            "shortfall_mwh": float(records.step_h * trades.numbers("shortfall_mw")[:, k].sum()),
            "trade": trade,
            **spent,
            "ev_revenue": revenue,
            "cost": trade + sum(spent.values()) - revenue,
        }
    return found


def _coordination(records: Records) -> dict[str, Any]:
    """Return modes, rounds, worst residuals, and failures."""
    decisions, trades = records["decisions"], records["trades"]
    rounds = decisions.numbers("iterations").astype(np.int64)
    said = [(h, note) for h, note in enumerate(decisions.values("coordination_note")[:, 0]) if note != ""]
    said += [
        (h, f"{trades.names[k]} {note}")
        for h, notes in enumerate(trades.values("note"))
        for k, note in enumerate(notes)
        if note != ""
    ]
    return {
        "mode": ", ".join(dict.fromkeys(map(str, decisions.values("coordination")[:, 0]))),
        "iterations": {"total": int(rounds.sum()), "max": int(rounds.max())},
        "primal_residual_mw": _worst(decisions.numbers("primal_residual_mw")),
        "dual_residual_per_mwh": _worst(decisions.numbers("dual_residual_per_mwh")),
        "notes": ["day {}, hour {}: {}".format(*records.clock.time(h), note) for h, note in said],
    }


def _worst(residual: FloatArray) -> float | None:
    known = residual[~np.isnan(residual)]
    return float(known.max()) if len(known) else None
