"""Formula of every term of the money with the numbers of an hour in it, and the equation it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from experiments.teach.day import Day
from sim.market.imbalance import Tier
from sim.market.settlement import COST_TERMS, TRADE


@dataclass(frozen=True)
class Formula:
    """Formula of a term in one hour.

    Attributes
    ----------
    symbols : str
        The formula.
    lines : tuple of str
        The same with numbers, line by line; the last one ends in the amount.
    equation : str
        Equation of the paper (Energies 2016, 9(1), 48); empty for the trade with microgrids, which it does not have.
    note : str
        Meaning of the term in one sentence.
    """

    symbols: str
    lines: tuple[str, ...]
    equation: str
    note: str


def money(amount: float) -> str:
    """Return an amount of money with cents."""
    text = f"${abs(amount):,.2f}"
    return f"−{text}" if amount < 0 and text != "$0.00" else text


def number(value: float, digits: int = 3) -> str:
    """Return a number with a true minus, and no sign if it is zero."""
    text = f"{abs(value):,.{digits}f}"
    return f"−{text}" if value < 0 and text.strip("0.,") else text


def formula(day: Day, term: str) -> Formula:
    """Return the formula of a term of the money in the last hour shown.

    Parameters
    ----------
    day : Day
        The day, past its first hour.
    term : str
        Term of :func:`sim.market.settlement.terms_of`.
    """
    return FORMULAS[term](day, day.hours.loc[day.hour])


def _product(price: float, power: str, amount: float, *, factor: float | None = None) -> str:
    """Return a product of factor, price and power with its numbers, and the amount."""
    before = "" if factor is None else f"{factor:g} · "
    return f"{before}{number(price, 2)} $/MWh · {power} MW · 1 h = {money(amount)}"


def _curtailed(row: pd.Series, whole: str, used: str) -> str:
    return f"({number(row[whole])} − {number(row[used])})"


def _revenue(_: Day, row: pd.Series) -> Formula:
    line = _product(row["retail_price_per_mwh"], number(row["load_mw"]), row["revenue"])
    return Formula("ρ · Σ P_L", (line,), "(8)", "Consumers pay the retail price ρ for the load that was served.")


def _trade(day: Day, row: pd.Series) -> Formula:
    trades = day.table("trades")
    lines = [
        f"{name}: {number(price, 2)} $/MWh · {number(power)} MW = {money(price * power)}"
        for name, price, power in zip(trades["connection"], trades["price_per_mwh"], trades["p_mw"], strict=True)
    ]
    price = "the retail price" if day.run.study.coordination == "uncoordinated" else "the agreed price"
    note = f"Microgrids and cars pay {price} for the power they take; what they give, they are paid."
    return Formula("Σ price · P_MG", (*lines, f"Σ = {money(row[TRADE])}"), "", note)


def _exchange(_: Day, row: pd.Series) -> Formula:
    line = _product(row["price_per_mwh"], number(row["metered_mw"]), row["exchange"])
    note = "The metered energy is bought at the day-ahead price λ, or sold if it flows out (negative)."
    return Formula("λ · P_CON", (line,), "(14)", note)


def _imbalance(day: Day, row: pd.Series) -> Formula:
    rule, prices = day.run.instance.rule, day.run.instance.step_prices
    bid, metered = float(row["bid_mw"]), float(row["metered_mw"])
    over, under = rule.energies([bid], [metered])
    side, sign, energies = ("under", "+", under) if metered > bid else ("over", "−", over)
    steps = prices[1 if side == "under" else 0][day.hour - 1]
    lines = [f"metered P = {number(metered)} MW, bid B = {number(bid)} MW: {side}-scheduling"]
    for tier, energy, step in zip(rule.tiers, energies[0], steps, strict=True):
        lines += _tier(tier, bid, sign, float(energy), float(step))
    peak = rule.base_price == "day_peak"
    base = float(day.table("market")["price_per_mwh"].max() if peak else row["price_per_mwh"])
    what = "the day's peak price" if peak else "λ"
    lines.append(f"rates refer to π = |{what}| = {number(abs(base), 2)} $/MWh; penalty = {money(row['imbalance'])}")
    note = "Energy outside the tolerance band around the bid is charged; inside, nothing is."
    return Formula("Σ rate · π · max(0, |P − B| − b·|B|)", tuple(lines), "(15), (16)", note)


def _tier(tier: Tier, bid: float, sign: str, energy: float, step: float) -> list[str]:
    """Return the lines of one tier of a rule."""
    limit = bid + (1 if sign == "+" else -1) * tier.band * abs(bid)
    return [
        f"limit {number(bid)} {sign} {tier.band:.0%} · {number(abs(bid))} = {number(limit)} MW",
        f"beyond it {number(energy)} MWh · {number(step, 2)} $/MWh = {money(energy * step)}",
    ]


def _loss(day: Day, row: pd.Series) -> Formula:
    weight, price = day.run.instance.tariff.loss_factor, abs(float(row["price_per_mwh"]))
    line = _product(price, number(row["losses_mw"], 4), row["loss"], factor=weight)
    note = "Losses heat the lines; the operator's books value them at the day-ahead price (no cash flows)."
    return Formula("weight · |λ| · Σ losses", (line,), "(12), (13)", note)


def _wear(day: Day, row: pd.Series) -> Formula:
    tariff, lines = day.run.instance.tariff, []
    for name, unit in zip(day.grid.battery_names, day.grid.batteries, strict=True):
        now, before = (_battery_mw(day, name, hour) for hour in (day.hour, day.hour - 1))
        cycling = f"{tariff.wear_cycling:g}·{number(now)}·{number(before)}"
        own = f" + {unit.wear_per_mwh:g}·{number(abs(now))}" if unit.wear_per_mwh else ""
        lines.append(f"{name}: {tariff.wear_fast:g}·{number(now)}² − {cycling}{own}")
    note = "Fast charging and cycling wear batteries (power of this hour and the one before); in the operator's books."
    symbols = "Σ α·P_B² − β·P_B·P_B,previous + wear·|P_B|"
    return Formula(symbols, (*lines, f"Σ = ${number(row['wear'], 4)}"), "(17)", note)


def _battery_mw(day: Day, name: str, hour: int) -> float:
    """Return the power of a battery in an hour of the day, hour 0 being the last of the day before."""
    when = (day.day, hour) if hour else (day.day - 1, 24)
    rows = day.records.tables["dispatch"]
    return float(rows.loc[(rows["unit"] == name) & (rows["day"] == when[0]) & (rows["hour"] == when[1]), "p_mw"].sum())


def _generation(day: Day, row: pd.Series) -> Formula:
    share = day.run.instance.tariff.generation_factor
    line = _product(row["price_per_mwh"], number(row["generation_mw"]), row["generation"], factor=share)
    note = "The owners of wind turbines and PV plants are paid the day-ahead price for their output."
    return Formula("share · λ · Σ P_G", (line,), "(10)", note)


def _generation_curtailment(day: Day, row: pd.Series) -> Formula:
    factor, price = day.run.instance.tariff.generation_curtailment_factor, max(float(row["price_per_mwh"]), 0.0)
    curtailed = _curtailed(row, "available_mw", "generation_mw")
    line = _product(price, curtailed, row["generation_curtailment"], factor=factor)
    note = "For output that was available and not taken, owners are compensated."
    return Formula("γ_G · max(λ, 0) · Σ (P_AV − P_G)", (line,), "(11)", note)


def _load_curtailment(day: Day, row: pd.Series) -> Formula:
    factor, price = day.run.instance.tariff.load_curtailment_factor, abs(float(row["price_per_mwh"]))
    line = _product(price, _curtailed(row, "demand_mw", "load_mw"), row["load_curtailment"], factor=factor)
    note = "Consumers whose load is curtailed are compensated at a multiple of the day-ahead price."
    return Formula("γ_L · |λ| · Σ (P_D − P_L)", (line,), "(9)", note)


def _profit(day: Day, row: pd.Series) -> Formula:
    income = [f"revenue {money(row['revenue'])}"] + ([f"trade {money(row[TRADE])}"] if TRADE in day.terms else [])
    costs = [f"− {term.replace('_', ' ')} {money(row[term])}" for term in COST_TERMS]
    note = "All that is earned less all that is paid or worn; so Table 5 of the paper adds up."
    return Formula("revenue − all costs", (*income, *costs, f"= {money(row['profit'])}"), "(7), Table 5", note)


FORMULAS: dict[str, Callable[[Day, pd.Series], Formula]] = {
    "revenue": _revenue,
    TRADE: _trade,
    "exchange": _exchange,
    "imbalance": _imbalance,
    "loss": _loss,
    "wear": _wear,
    "generation": _generation,
    "generation_curtailment": _generation_curtailment,
    "load_curtailment": _load_curtailment,
    "profit": _profit,
}
"""Formula of each term."""
