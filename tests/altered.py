"""Deliberate alterations of the records of a run: all that follows is made to fit, and stored anew."""

import json

import numpy as np
import pandas as pd
import yaml
from audited import Run, inputs_for

from experiments.run_folder import write_manifest
from sim.audit import AuditReport, audit, audit_folder
from sim.audit.completeness import read_records
from sim.audit.report import Checker
from sim.audit.schema import OPERATOR
from sim.audit.summary import derived
from sim.ledger import write_tables

UNIT = ["day", "hour", "unit"]


def edited(run: Run, table: str, where: str | None = None, **columns: object) -> Run:
    """Return the run with columns of a table changed: to a value, or by a function of the chosen rows."""
    frame = run.tables[table].copy()
    rows = frame.index if where is None else frame.query(where).index
    assert len(rows)
    chosen = frame.loc[rows]
    for column, value in columns.items():
        frame.loc[rows, column] = value(chosen) if callable(value) else value
    return run.changed(table, frame)


def flowed(run: Run) -> Run:
    """Solve the power flow of all hours anew, by sweeps over the radial network; write flows, voltages and meter."""
    branches, buses, lines = (run.tables[name] for name in ("branches", "buses", "lines"))
    numbers = list(buses["bus"].unique())
    paths: dict[int, list[int]] = {next(iter(set(branches["from_bus"]) - set(branches["to_bus"]))): []}
    while len(paths) < len(numbers):
        for line, (start, end) in enumerate(zip(branches["from_bus"], branches["to_bus"], strict=True)):
            if start in paths:
                paths[end] = [*paths[start], line]
    fed_by = np.array([[line in paths[bus] for bus in numbers] for line in range(len(branches))], dtype=float)
    impedance = branches["r_pu"].to_numpy() + 1j * branches["x_pu"].to_numpy()
    drawn = _drawn(run, numbers)
    voltage = np.full_like(drawn, run.study["grid"]["voltage"]["slack_vm_pu"])
    for _ in range(200):
        current = (drawn / voltage).conj() @ fed_by.T
        voltage = run.study["grid"]["voltage"]["slack_vm_pu"] - (current * impedance) @ fed_by
    at = {bus: k for k, bus in enumerate(numbers)}
    into = voltage[:, [at[bus] for bus in branches["from_bus"]]] * current.conj()
    loss = np.abs(current) ** 2 * branches["r_pu"].to_numpy()
    slack = next(k for k, bus in enumerate(numbers) if not paths[bus])
    tie = into[:, branches["from_bus"].to_numpy() == numbers[slack]].sum(axis=1) + drawn[:, slack]
    settlements = run.tables["settlements"].assign(metered_mw=tie.real, metered_q_mvar=tie.imag)
    loading = 100 * np.abs(current) / branches["max_i_pu"].to_numpy()
    flows = lines.assign(
        p_mw=into.real.ravel(), q_mvar=into.imag.ravel(), loss_mw=loss.ravel(), loading_percent=loading.ravel()
    )
    angles = np.degrees(np.angle(voltage)).ravel()
    run = run.changed("buses", buses.assign(vm_pu=np.abs(voltage).ravel(), va_degree=angles))
    run = run.changed("lines", flows).changed("settlements", settlements)
    return run.changed("decisions", run.tables["decisions"].assign(planned_tie_p_mw=tie.real))


def _drawn(run: Run, numbers: list[int]) -> np.ndarray:
    """Return the power drawn at every bus in every hour. [MVA]"""
    tables = run.tables
    bus_of = dict(zip(tables["units"]["unit"], tables["units"]["bus"], strict=True))
    bus_of |= dict(zip(tables["connections"]["connection"], tables["connections"]["bus"], strict=True))
    at = {bus: k for k, bus in enumerate(numbers)}
    drawn = np.zeros((len(tables["settlements"]), len(numbers)), dtype=complex)
    for frame, name in ((tables["dispatch"], "unit"), (tables["trades"], "connection")):
        sign = np.where(frame["kind"] == "load", 1, -1) if name == "unit" else 1
        hour = (frame["day"].to_numpy() - 1) * 24 + frame["hour"].to_numpy() - 1
        bus = [at[bus_of[one]] for one in frame[name]]
        np.add.at(drawn, (hour.astype(int), bus), sign * (frame["p_mw"] + 1j * frame["q_mvar"]).to_numpy())
    return drawn


def settled(run: Run) -> Run:
    """Settle all hours anew: band, penalty, payments, books, and the mismatch of plan and meter."""
    tables, market = run.tables, run.study["market"]
    (tier, *_), tariff = market["rule"]["tiers"], market["tariff"]
    settlements, bid = tables["settlements"], tables["bids"]["bid_mw"].to_numpy()
    price_of = tables["market"].set_index("hour")["price_per_mwh"]
    price, metered = settlements["hour"].map(price_of).to_numpy(), settlements["metered_mw"].to_numpy()
    lower, upper = bid - tier["band"] * np.abs(bid), bid + tier["band"] * np.abs(bid)
    over, under = np.maximum(lower - metered, 0), np.maximum(metered - upper, 0)
    settlements = settlements.assign(
        bid_mw=bid,
        lower_mw=lower,
        upper_mw=upper,
        over_mwh=over,
        under_mwh=under,
        penalty=price * (tier["over"] * over + tier["under"] * under),
    )
    run = run.changed("settlements", settlements)
    losses = tables["lines"].groupby(["day", "hour"])["loss_mw"].sum().to_numpy()
    books = tables["books"].copy()
    books.loc[books["term"] == "loss", "amount"] = tariff["loss_factor"] * price * losses
    books.loc[books["term"] == "wear", "amount"] = _wear(run)
    decisions = tables["decisions"]
    off = np.abs(metered - decisions["planned_tie_p_mw"].to_numpy())
    run = run.changed("books", books).changed("decisions", decisions.assign(power_flow_mismatch_mw=off))
    return run.changed("payments", tables["payments"].assign(amount=_amounts(run, price_of)))


def _wear(run: Run) -> np.ndarray:
    """Return the batteries' wear of every hour. [$]"""
    dispatch, tariff = run.tables["dispatch"], run.study["market"]["tariff"]
    power = dispatch[dispatch["kind"] == "battery"]["p_mw"].to_numpy().reshape(len(run.tables["settlements"]), -1)
    before = np.vstack([np.zeros_like(power[:1]), power[:-1]])
    linear = [unit["wear_per_mwh"] for unit in run.study["fleet"]["battery"]]
    wear = tariff["wear_fast"] * power**2 - tariff["wear_cycling"] * power * before + linear * np.abs(power)
    return np.asarray(wear.sum(axis=1))


def _amounts(run: Run, price_of: "pd.Series[float]") -> np.ndarray:
    """Return what every row of the payments must say. [$]"""
    tables, tariff, paid = run.tables, run.study["market"]["tariff"], run.tables["payments"]
    when = [paid["day"], paid["hour"]]
    unit = paid["payer"].where(paid["payer"] != OPERATOR, paid["payee"])
    done = tables["dispatch"].set_index(UNIT).reindex(pd.MultiIndex.from_arrays([*when, unit]))
    power, spare = done["p_mw"].to_numpy(), (done["available_mw"] - done["p_mw"]).to_numpy()
    hour = tables["settlements"].set_index(["day", "hour"]).reindex(pd.MultiIndex.from_arrays(when))
    price, retail = paid["hour"].map(price_of).to_numpy(), hour["retail_price_per_mwh"].to_numpy()
    trade = tables["trades"].set_index(["day", "hour", "connection"]).reindex(pd.MultiIndex.from_arrays([*when, unit]))
    connection = paid["payee"].where(paid["term"] == "ev_revenue", paid["payer"])
    cars = tables["devices"].query("device == 'ev'").set_index(["day", "hour", "connection"])
    cars = cars.reindex(pd.MultiIndex.from_arrays([*when, connection]))
    amounts = {
        "revenue": retail * power,
        "load_curtailment": tariff["load_curtailment_factor"] * price * spare,
        "generation": tariff["generation_factor"] * price * power,
        "generation_curtailment": tariff["generation_curtailment_factor"] * price * spare,
        "exchange": price * hour["metered_mw"].to_numpy(),
        "imbalance": hour["penalty"].to_numpy(),
        "trade": (trade["price_per_mwh"] * trade["p_mw"]).to_numpy(),
        "ev_revenue": retail * cars["available_mw"].to_numpy(),
        "discomfort": cars["cost"].to_numpy(),
    }
    return np.select([paid["term"] == term for term in amounts], list(amounts.values()))


def charged(run: Run) -> Run:
    """Derive the batteries' states of charge anew from their power."""
    dispatch = run.tables["dispatch"].copy()
    for unit in run.tables["units"].query("kind == 'battery'").itertuples():
        rows = dispatch["unit"] == unit.unit
        power = dispatch.loc[rows, "p_mw"].to_numpy()
        drawn = np.where(power > 0, power / unit.efficiency, power * unit.efficiency)
        dispatch.loc[rows, "soc"] = unit.start_soc - np.cumsum(drawn) / unit.max_e_mwh
    return run.changed("dispatch", dispatch)


def stored(run: Run, folder, *, summary=lambda figures: figures) -> AuditReport:
    """Store a run with a summary that fits, or is changed, and a manifest that fits; return the folder's audit."""
    write_tables(run.tables, folder)
    (folder / "study.yaml").write_text(yaml.safe_dump(run.study, sort_keys=False), encoding="utf-8")
    gaps = Checker()
    records, report = read_records(run.tables, run.study, gaps), audit(run.tables, run.study)
    figures = {} if gaps.findings else derived(records, report)
    figures |= {"audit": {"clean": True, "findings": 0}, "seconds": {"total": 1.0}, "run_dir": "here"}
    (folder / "summary.json").write_text(json.dumps(summary(figures)), encoding="utf-8")
    write_manifest(folder)
    return audit_folder(folder, lambda _: inputs_for(json.dumps(run.study)))
