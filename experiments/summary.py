"""Summary of a run: money, limits of the network that were not kept, certificate, energies."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from experiments.connection_summary import summarise_connections
from experiments.simulate import Run
from sim.audit import AuditReport, LimitCount, audit, voltages_outside
from sim.calendar import Calendar
from sim.market.settlement import terms_of, with_profit
from sim.messages import Submission
from sim.recorder import PROOFS


def money_terms(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Return revenue, trade if there are connections, costs and profit of all days, from payments and books. [$]"""
    cash = tables["payments"].groupby("term")["amount"].sum()
    books = tables["books"].groupby("term")["amount"].sum()
    terms = terms_of(connections=len(tables["connections"]) > 0)[:-1]
    return with_profit({term: float(cash.get(term, books.get(term, 0.0))) for term in terms})


def hourly_money(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the same of every day and hour, a column for each term. [$]"""
    both = pd.concat([tables["payments"], tables["books"]])
    by_term = both.pivot_table(index=["day", "hour"], columns="term", values="amount", aggfunc="sum", fill_value=0.0)
    terms = terms_of(connections=len(tables["connections"]) > 0)[:-1]
    columns: dict[str, Any] = {term: by_term.get(term, 0.0 * by_term.iloc[:, 0]) for term in terms}
    return pd.DataFrame(with_profit(columns))


RENEWABLE_KINDS = ("wind", "pv")

LONG_DAYS = 14
"""Largest number of days that are summed up only as a whole; a longer run also has a summary by month."""

MONTH_DAYS = 30
"""Length of a month where days have no dates."""


def daily_money(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the operator's money of every day, a column for each term. [$]"""
    terms = terms_of(connections=len(tables["connections"]) > 0)[:-1]
    paid = pd.concat([tables[name].groupby(["day", "term"])["amount"].sum() for name in ("payments", "books")])
    by_term = paid.unstack(fill_value=0.0).reindex(columns=list(terms), fill_value=0.0)
    return pd.DataFrame(with_profit({term: by_term[term] for term in terms}))


def daily_energy(tables: Mapping[str, pd.DataFrame], step_h: float) -> pd.DataFrame:
    """Return the energies of every day, of steps of a length [h]. [MWh]"""
    dispatch, settled = tables["dispatch"], tables["settlements"].groupby("day")
    short = (dispatch["available_mw"] - dispatch["p_mw"]).rename("short_mw")
    sums = pd.concat([dispatch[["day", "kind", "p_mw"]], short], axis=1).groupby(["day", "kind"]).sum()
    by_kind = {"load": ["load"], "renewable": [*RENEWABLE_KINDS]}
    done, left = (
        {name: sums[column].unstack().reindex(columns=kinds).sum(axis=1) for name, kinds in by_kind.items()}
        for column in ("p_mw", "short_mw")
    )
    power = {
        "bid": tables["bids"].groupby("day")["bid_mw"].sum(),
        "metered": settled["metered_mw"].sum(),
        "load_served": done["load"],
        "load_curtailed": left["load"],
        "generation": done["renewable"],
        "generation_curtailed": left["renewable"],
        "losses": tables["lines"].groupby("day")["loss_mw"].sum(),
    }
    outside = settled["over_mwh"].sum() + settled["under_mwh"].sum()
    return pd.DataFrame({name: step_h * sums for name, sums in power.items()} | {"outside_band": outside})


def month_of(calendar: Calendar, day: int) -> str:
    """Return the month of a day, such as ``2015-07``; where days have no dates, its thirty days, such as ``31-60``."""
    if calendar.first_day is not None:
        return f"{calendar.first_day + timedelta(days=day - 1):%Y-%m}"
    first = (day - 1) // MONTH_DAYS * MONTH_DAYS
    return f"{first + 1}-{first + MONTH_DAYS}"


def months(tables: Mapping[str, pd.DataFrame], calendar: Calendar) -> list[dict[str, Any]]:
    """Return number of days, money [$] and energies [MWh] of every month of a run."""
    money, energies = daily_money(tables), daily_energy(tables, calendar.step_h)
    named = pd.Series([month_of(calendar, int(day)) for day in money.index], index=money.index)
    return [
        {
            "month": month,
            "days": len(days),
            "terms": {name: float(sums) for name, sums in money.loc[days].sum().items()},
            "energy_mwh": {name: float(sums) for name, sums in energies.loc[days].sum().items()},
        }
        for month, days in named.groupby(named, sort=False).groups.items()
    ]


def summarise(run: Run, verdict: AuditReport | None = None) -> dict[str, Any]:
    """Return the summary of a run, as ``--json`` prints it.

    Parameters
    ----------
    run : Run
        The run.
    verdict : AuditReport, optional
        Its audit, which counts the limits that were not kept; made here if it isn't at hand.
    """
    study, tables = run.instance.study, run.tables
    verdict = verdict or audit(tables, study.model_dump(mode="json"))
    terms = money_terms(tables)
    return {
        "study": study.name,
        "seed": study.seed,
        "days": study.days,
        "bidding": study.bidding,
        "bid_strategy": bid_strategy(_strategies(tables["bids"])),
        "policy": study.policy,
        "rule": study.market.rule.name,
        "terms": terms,
        "bids_mw": tables["bids"]["bid_mw"].tolist(),
        "certificate": certificate(tables),
        "limits": limits_in_json(verdict.limits),
        "hours_beyond_limits": verdict.hours_beyond,
        "voltage": voltage(tables["buses"], run, verdict.limits),
        "energy_mwh": energy(tables, study.calendar.step_h),
        "hours": hours(tables, study.policy),
        **summarise_connections(run, terms),
        **({"months": months(tables, study.calendar)} if study.days > LONG_DAYS else {}),
        "seconds": run.seconds,
    }


def certificate(tables: Mapping[str, pd.DataFrame]) -> dict[str, float | None]:
    """Return the worst proof of all bids and hours; None where nothing was planned."""
    frames = (tables["bids"], tables["decisions"])
    return worst([{name: float(frame[name].max()) for name in PROOFS if name in frame} for frame in frames])


def worst(certificates: Iterable[Mapping[str, float | str | None]]) -> dict[str, float | None]:
    """Return the largest value of each proof over certificates; None where none has one."""
    known = list(certificates)
    largest: dict[str, float | None] = {}
    for name in PROOFS:
        values = [value for proof in known if isinstance(value := proof.get(name), float) and np.isfinite(value)]
        largest[name] = max(values, default=None)
    return largest


def bid_strategy(days: Iterable[tuple[int, str, str, str]]) -> dict[str, Any]:
    """Return the bidding strategies asked for and used, the number of days on which they differ, and the reasons.

    Parameters
    ----------
    days : iterable of tuple
        Number of every day, the strategy asked for, the one used, and the reason.
    """
    known = list(days)
    others = [(day, used, reason) for day, asked, used, reason in known if used != asked]
    return {
        "asked": known[0][1],
        "used": ", ".join(dict.fromkeys(used for _, _, used, _ in known)),
        "fallbacks": len(others),
        "reasons": [f"day {day}, {used}: {reason}" for day, used, reason in others],
    }


def strategy_of(submission: Submission) -> dict[str, Any]:
    """Return the bidding strategies asked for and used in the bids of one day."""
    used = submission.strategy
    return bid_strategy([(1, submission.asked or used, used, submission.reason)])


def _strategies(bids: pd.DataFrame) -> list[tuple[int, str, str, str]]:
    by_day = bids.drop_duplicates("day")[["day", "asked", "strategy", "fallback_reason"]]
    return list(by_day.itertuples(index=False, name=None))


def limits_in_json(limits: Mapping[str, LimitCount]) -> dict[str, dict[str, Any]]:
    """Return count, worst excess and its unit for each kind of limit."""
    return {name: vars(one) for name, one in limits.items()}


def voltage(buses: pd.DataFrame, run: Run, limits: Mapping[str, LimitCount]) -> dict[str, Any]:
    """Return the range of voltages, and the number of bus-hours and the buses outside the limits."""
    allowed, grid = run.instance.grid.voltage, run.instance.grid
    inside = buses[buses["bus"] != int(grid.bus_ids[grid.slack])]
    least, most = (inside.get(f"{end}_vm_pu", getattr(allowed, f"{end}_vm_pu")) for end in ("min", "max"))
    low, high = voltages_outside(inside["vm_pu"], min_vm_pu=least, max_vm_pu=most)
    return {
        "min_pu": float(buses["vm_pu"].min()),
        "max_pu": float(buses["vm_pu"].max()),
        "violations": limits["voltage"].count,
        "buses_below": sorted(map(int, inside.loc[low, "bus"].unique())),
        "buses_above": sorted(map(int, inside.loc[high, "bus"].unique())),
    }


def energy(tables: Mapping[str, pd.DataFrame], step_h: float = 1.0) -> dict[str, float]:
    """Return the energies of all days together, of steps of a length [h]. [MWh]"""
    by_kind = tables["dispatch"].groupby(tables["dispatch"]["kind"].eq("load"))
    totals = by_kind[["available_mw", "p_mw"]].sum()
    renewables = tables["dispatch"][tables["dispatch"]["kind"].isin(RENEWABLE_KINDS)]
    load = totals.loc[True] if True in totals.index else pd.Series({"available_mw": 0.0, "p_mw": 0.0})
    settled = tables["settlements"]
    of_power = {
        "bid": float(tables["bids"]["bid_mw"].sum()),
        "metered": float(settled["metered_mw"].sum()),
        "outside_band": float((settled["over_mwh"] + settled["under_mwh"]).sum()) / step_h,
        "load_served": float(load["p_mw"]),
        "load_curtailed": float(load["available_mw"] - load["p_mw"]),
        "generation": float(renewables["p_mw"].sum()),
        "generation_curtailed": float((renewables["available_mw"] - renewables["p_mw"]).sum()),
        "losses": float(tables["lines"]["loss_mw"].sum()),
    }
    return {name: step_h * power for name, power in of_power.items()}


def hours(tables: Mapping[str, pd.DataFrame], policy: str) -> dict[str, int]:
    """Return the numbers of hours penalised, not planned to the optimum, decided by a fallback, or with a remark."""
    decisions, bids = tables["decisions"], tables["bids"]
    return {
        "penalised": int((tables["settlements"]["penalty"] > 0.005).sum()),
        **{
            status: int((decisions["status"] == status).sum()) for status in ("least_violation", "repaired", "inexact")
        },
        "fallback": int((decisions["policy"] != policy).sum()),
        "remarks": int(((decisions["reason"] != "") & (decisions["policy"] == policy)).sum()),
        "bids_refused": int((~bids["accepted"]).sum()),
        "clipped_orders": int(tables["dispatch"]["clipped"].sum()),
    }
