"""The summary of a run: what was earned, whether the network was kept within its limits, what is proven."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from experiments.play import Play
from experiments.port_summary import summarise_ports
from sim.recorder import PROOFS
from sim.settlement import terms_of, with_profit

VOLTAGE_TOLERANCE_PU = 1e-6


def money_terms(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Return revenue, trade if there are ports, costs and profit of all days, from payments and books. [$]"""
    cash = tables["payments"].groupby("term")["amount"].sum()
    books = tables["books"].groupby("term")["amount"].sum()
    terms = terms_of(ports=len(tables["ports"]) > 0)[:-1]
    return with_profit({term: float(cash.get(term, books.get(term, 0.0))) for term in terms})


def summarise(played: Play) -> dict[str, Any]:
    """Return the summary of a play, as ``--json`` prints it."""
    study, tables = played.setting.study, played.tables
    terms = money_terms(tables)
    return {
        "study": study.name,
        "seed": study.seed,
        "days": study.days,
        "bidding": study.bidding,
        "policy": study.policy,
        "rule": study.market.rule.name,
        "terms": terms,
        "bids_mw": tables["bids"]["bid_mw"].tolist(),
        "certificate": certificate(tables),
        "voltage": voltage(tables["buses"], played),
        "energy_mwh": energy(tables),
        "hours": hours(tables),
        **summarise_ports(played, terms),
        "seconds": played.seconds,
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


def voltage(buses: pd.DataFrame, played: Play) -> dict[str, Any]:
    """Return the range of voltages, and how many bus-hours, and which buses, were outside the limits."""
    limits = played.setting.grid.voltage
    slack = int(played.setting.grid.bus_ids[played.setting.grid.slack])
    inside = buses[buses["bus"] != slack]
    low = inside["vm_pu"] < limits.min_vm_pu - VOLTAGE_TOLERANCE_PU
    high = inside["vm_pu"] > limits.max_vm_pu + VOLTAGE_TOLERANCE_PU
    return {
        "min_pu": float(buses["vm_pu"].min()),
        "max_pu": float(buses["vm_pu"].max()),
        "violations": int((low | high).sum()),
        "buses_below": sorted(map(int, inside.loc[low, "bus"].unique())),
        "buses_above": sorted(map(int, inside.loc[high, "bus"].unique())),
    }


def energy(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Return the energies of all days together. [MWh]"""
    by_kind = tables["dispatch"].groupby(tables["dispatch"]["kind"].eq("load"))
    totals = by_kind[["available_mw", "p_mw"]].sum()
    renewables = tables["dispatch"][tables["dispatch"]["kind"].isin(["wind", "pv"])]
    load = totals.loc[True] if True in totals.index else pd.Series({"available_mw": 0.0, "p_mw": 0.0})
    return {
        "bid": float(tables["bids"]["bid_mw"].sum()),
        "metered": float(tables["settlements"]["metered_mw"].sum()),
        "outside_band": float((tables["settlements"]["over_mwh"] + tables["settlements"]["under_mwh"]).sum()),
        "load_served": float(load["p_mw"]),
        "load_curtailed": float(load["available_mw"] - load["p_mw"]),
        "generation": float(renewables["p_mw"].sum()),
        "generation_curtailed": float((renewables["available_mw"] - renewables["p_mw"]).sum()),
        "losses": float(tables["lines"]["loss_mw"].sum()),
    }


def hours(tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Return how many hours were penalised, were not planned to the optimum, or were decided by a fallback."""
    decisions, bids = tables["decisions"], tables["bids"]
    return {
        "penalised": int((tables["settlements"]["penalty"] > 0.005).sum()),
        **{
            status: int((decisions["status"] == status).sum()) for status in ("least_violation", "repaired", "inexact")
        },
        "fallback": int((decisions["reason"] != "").sum()),
        "bids_refused": int((~bids["accepted"]).sum()),
        "clipped_orders": int(tables["dispatch"]["clipped"].sum()),
    }
