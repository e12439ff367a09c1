"""Market in the paper's own problem: bids, bands and money, Eq. (7)-(17)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyo

from agents.dispatch.connection_problem import StoreValues
from agents.dispatch.exact.ac_case import ACCase, Model
from agents.dispatch.microgrid_hour import UNSERVED_PRICE
from agents.dispatch.plan import VIOLATION_PRICE
from sim.market.imbalance import band_limits, imbalance_cost
from sim.market.settlement import price_parts, terms


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

    def limits(t: int, k: int) -> tuple[Any, Any]:
        return band_limits(m.bid_mw[t], magnitude[t], case.rule.tiers[k].band)

    tied = [t for t in decided if t % case.problem.market_steps]
    m.same_bid = pyo.Constraint(tied, rule=lambda m, t: m.bid_mw[t] == m.bid_mw[t - 1])
    _add_imbalance(case, m, limits)


def _add_imbalance(case: ACCase, m: Model, limits: Callable[[int, int], tuple[Any, Any]]) -> None:
    """Add the energy outside the bands of every settlement period, at its last step in view."""
    problem, last = case.problem, len(m.HOURS) - 1
    places = {min(max(period), last): period for period in problem.periods.settlement(len(m.HOURS)).tolist()}

    def beyond(s: int, t: int, k: int, side: int) -> Any:
        """Return the energy drawn above the band (side 1), or below it (side 0), negative within. [MWh]"""
        if t not in places:
            return 0.0
        bid, metered, limit = max(min(places[t]), 0), problem.metered_mw, limits(max(min(places[t]), 0), k)[side]
        flow = sum(
            m.tie_p_mw[s, u] if 0 <= u <= last else m.bid_mw[bid] if u > last else float(metered[u]) for u in places[t]
        )
        above = problem.step_h * (flow - len(places[t]) * limit)
        return above if side else -above

    m.over_scheduling_mwh = pyo.Var(m.AT, m.TIERS, bounds=(0, None), initialize=0.0)
    m.under_scheduling_mwh = pyo.Var(m.AT, m.TIERS, bounds=(0, None), initialize=0.0)
    m.eq15_over = pyo.Constraint(
        m.AT,
        m.TIERS,
        rule=lambda m, s, t, k: m.over_scheduling_mwh[s, t, k] >= beyond(s, t, k, 0),
        doc="Drawn below the lower limit of the tier's band.",
    )
    m.eq15_under = pyo.Constraint(
        m.AT,
        m.TIERS,
        rule=lambda m, s, t, k: m.under_scheduling_mwh[s, t, k] >= beyond(s, t, k, 1),
        doc="Drawn above the upper limit of the tier's band.",
    )


def add_money(case: ACCase, m: Model) -> None:
    """Add the cost of every hour, Eq. (8)-(17), and the expected cost of the day, Eq. (7)."""
    tariff, given, batteries = case.tariff, case.problem, case.grid.batteries
    shunts, bus_g = np.flatnonzero(case.grid.bus_g_pu).tolist(), case.grid.bus_g_pu.tolist()
    injected_mw = float(case.grid.given_p_mw.sum())
    m.WEARING = pyo.Set(initialize=[i for i in m.BATTERIES if batteries[i].wear_per_mwh > 0])
    m.throughput_mw = pyo.Var(m.AT, m.WEARING, bounds=(0, None), initialize=0.0)
    m.throughput = pyo.Constraint(
        m.AT,
        m.WEARING,
        (-1, 1),
        rule=lambda m, s, t, i, sign: sign * m.battery_p_mw[s, t, i] <= m.throughput_mw[s, t, i],
        doc="Throughput is the magnitude of the power.",
    )

    def of(component: Any, units: pyo.Set, s: int, t: int) -> npt.NDArray[np.object_]:
        return np.fromiter((component[s, t, i] for i in units), dtype=object)

    def lost(s: int, t: int, left: Any) -> Any:
        """Return (13): what comes in and does not go out; `left` is without what nobody decides."""
        for i in shunts:
            left = left - bus_g[i] * m.vm_pu[s, t, i] ** 2
        return left + injected_mw if injected_mw else left

    def cost(m: Model, s: int, t: int) -> Any:
        load = of(m.load_p_mw, m.LOADS, s, t).sum(keepdims=True)  # linear in the money: small expressions do
        output = of(m.renewable_p_mw, m.RENEWABLES, s, t).sum(keepdims=True)
        battery, tie = of(m.battery_p_mw, m.BATTERIES, s, t), m.tie_p_mw[s, t]
        throughput = (m.throughput_mw[s, t, i] if i in m.WEARING else 0.0 for i in m.BATTERIES)
        energies = of(m.over_scheduling_mwh, m.TIERS, s, t), of(m.under_scheduling_mwh, m.TIERS, s, t)
        over_price, under_price = given.step_prices
        money = terms(
            tariff,
            **price_parts(given.price_per_mwh[[t]]),
            retail_price_per_mwh=given.retail_price_per_mwh[[t]],
            demand_mw=given.demand_mw[s, t].sum(keepdims=True),
            load_p_mw=load,
            available_mw=given.available_mw[s, t].sum(keepdims=True),
            renewable_p_mw=output,
            battery_p_mw=battery,
            previous_battery_p_mw=of(m.battery_p_mw, m.BATTERIES, s, t - 1) if t else given.previous_battery_p_mw,
            battery_throughput_mw=np.fromiter(throughput, dtype=object),
            wear_per_mwh=np.array([unit.wear_per_mwh for unit in batteries]),
            metered_mw=tie,
            losses_mw=lost(s, t, tie + output + battery.sum() - load),
            penalty=imbalance_cost(energies, (over_price[t], under_price[t])),
            step_h=given.step_h,
        )
        return -money.totals()["profit"]

    expected = sum(float(given.probability[s]) * cost(m, s, t) for s, t in m.AT)
    for violation in m.violations:
        expected += (
            given.step_h
            * VIOLATION_PRICE
            * sum(float(given.probability[at[0]]) * amount for at, amount in violation.items())
        )
    if given.values is not None:
        expected -= _value_of_stores(case, m, given.values)
    m.eq7 = pyo.Objective(expr=expected, sense=pyo.minimize)


def _value_of_stores(case: ACCase, m: Model, values: StoreValues) -> Any:
    """Return the expected value of the batteries' energy after the last hour: it fills its falling parts in order."""
    last, probability = case.problem.shape[1] - 1, case.problem.probability
    m.PARTS = pyo.RangeSet(0, values.segments - 1)
    m.part_mwh = pyo.Var(
        m.SCENARIOS, m.BATTERIES, m.PARTS, bounds=lambda m, s, i, k: (0.0, float(values.width_mwh[i])), initialize=0.0
    )
    m.missing_mwh = pyo.Var(m.SCENARIOS, m.BATTERIES, bounds=(0, None), initialize=0.0)
    m.filled = pyo.Constraint(
        m.SCENARIOS,
        m.BATTERIES,
        rule=lambda m, s, i: (
            sum(m.part_mwh[s, i, k] for k in m.PARTS) - m.missing_mwh[s, i]
            <= m.end_energy_mwh[s, last, i] - float(values.least_mwh[i])
        ),
    )
    worth = sum(float(probability[s] * values.slopes[i, k]) * part for (s, i, k), part in m.part_mwh.items())
    return worth - UNSERVED_PRICE * sum(float(probability[s]) * short for (s, _), short in m.missing_mwh.items())
