"""Market in the paper's own problem: bids, bands and money, Eq. (7)-(17)."""

from typing import Any

import pyomo.environ as pyo

from agents.dispatch.exact.ac_case import ACCase, Model


def add_bids(case: ACCase, m: Model) -> None:
    """Add bids, given or decided, and the energy outside their bands, Eq. (15)."""
    capacity, given = case.grid.tie_line.max_s_mva, case.problem.bid_mw
    banded, least = bool(case.rule.bands.any()), case.least_bid_mw
    decided = [] if given is not None else list(m.HOURS)
    openly = [t for t in decided if banded and least < 0 and case.integer and case.directions.bid[t] == 0]
    m.imports_bid = pyo.Var(openly, domain=pyo.Binary, initialize=1)
    m.open_magnitude_mw = pyo.Var(openly, bounds=(0, capacity), initialize=0.0)
    m.bid_mw = pyo.Var(m.HOURS, initialize=0.0)
    magnitude: dict[int, Any] = {}
    for t in m.HOURS:
        exports = case.directions.bid[t] < 0 and least < 0
        if given is not None:
            m.bid_mw[t].fix(float(given[t]))
            magnitude[t] = abs(float(given[t]))
            continue
        magnitude[t] = m.open_magnitude_mw[t] if t in m.imports_bid else (-1 if exports else 1) * m.bid_mw[t]
        both = t in m.imports_bid or not banded
        m.bid_mw[t].setlb(least if both or exports else 0.0)
        m.bid_mw[t].setub(0.0 if exports and not both else capacity)
    m.magnitude_of_import = pyo.Constraint(
        openly, rule=lambda m, t: m.open_magnitude_mw[t] <= m.bid_mw[t] + 2 * capacity * (1 - m.imports_bid[t])
    )
    m.magnitude_of_export = pyo.Constraint(
        openly, rule=lambda m, t: m.open_magnitude_mw[t] <= -m.bid_mw[t] + 2 * capacity * m.imports_bid[t]
    )
    bands = case.rule.bands.tolist()
    m.over_scheduling_mwh = pyo.Var(m.AT, m.TIERS, bounds=(0, None), initialize=0.0)
    m.under_scheduling_mwh = pyo.Var(m.AT, m.TIERS, bounds=(0, None), initialize=0.0)
    m.eq15_over = pyo.Constraint(
        m.AT,
        m.TIERS,
        rule=lambda m, s, t, k: (
            m.over_scheduling_mwh[s, t, k] >= m.bid_mw[t] - bands[k] * magnitude[t] - m.tie_p_mw[s, t]
        ),
        doc="Drawn below the lower limit of the tier's band.",
    )
    m.eq15_under = pyo.Constraint(
        m.AT,
        m.TIERS,
        rule=lambda m, s, t, k: (
            m.under_scheduling_mwh[s, t, k] >= m.tie_p_mw[s, t] - m.bid_mw[t] - bands[k] * magnitude[t]
        ),
        doc="Drawn above the upper limit of the tier's band.",
    )


def add_money(case: ACCase, m: Model) -> None:
    """Add the cost of every hour, Eq. (8)-(17), and the expected cost of the day, Eq. (7)."""
    tariff, given, units = case.tariff, case.problem, case.grid.batteries
    m.WEARING = pyo.Set(initialize=[i for i in m.BATTERIES if units[i].wear_per_mwh > 0])
    m.throughput_mw = pyo.Var(m.AT, m.WEARING, bounds=(0, None), initialize=0.0)
    m.throughput = pyo.Constraint(
        m.AT,
        m.WEARING,
        (-1, 1),
        rule=lambda m, s, t, i, sign: sign * m.battery_p_mw[s, t, i] <= m.throughput_mw[s, t, i],
        doc="Throughput is the magnitude of the power.",
    )

    def wear(m: Model, s: int, t: int, i: int) -> Any:
        power = m.battery_p_mw[s, t, i]
        before = m.battery_p_mw[s, t - 1, i] if t else float(given.previous_battery_p_mw[i])
        linear = units[i].wear_per_mwh * m.throughput_mw[s, t, i] if i in m.WEARING else 0.0
        return tariff.wear_fast * power**2 - tariff.wear_cycling * before * power + linear

    def cost(m: Model, s: int, t: int) -> Any:
        price, retail = float(given.price_per_mwh[t]), float(given.retail_price_per_mwh[t])
        load = sum(m.load_p_mw[s, t, i] for i in m.LOADS)
        output = sum(m.renewable_p_mw[s, t, i] for i in m.RENEWABLES)
        battery = sum(m.battery_p_mw[s, t, i] for i in m.BATTERIES)
        demanded, available = float(given.demand_mw[s, t].sum()), float(given.available_mw[s, t].sum())
        losses = m.tie_p_mw[s, t] + output + battery - load  # (13): what comes in and does not go out
        money = -retail * load  # (8)
        money += tariff.load_curtailment_factor * abs(price) * (demanded - load)  # (9)
        money += tariff.generation_factor * price * output  # (10)
        money += tariff.generation_curtailment_factor * max(price, 0.0) * (available - output)  # (11)
        money += tariff.loss_factor * abs(price) * losses  # (12)
        money += price * m.tie_p_mw[s, t]  # (14)
        money += sum(  # (15)-(16)
            float(given.over_price_per_mwh[t, k]) * m.over_scheduling_mwh[s, t, k]
            + float(given.under_price_per_mwh[t, k]) * m.under_scheduling_mwh[s, t, k]
            for k in m.TIERS
        )
        return money + sum(wear(m, s, t, i) for i in m.BATTERIES)  # (17)

    m.eq7 = pyo.Objective(expr=sum(float(given.probability[s]) * cost(m, s, t) for s, t in m.AT), sense=pyo.minimize)
