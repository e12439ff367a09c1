"""Money of a plan, hour by hour as the market settles it."""

import numpy as np

from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from grids.network import FloatArray, Grid
from sim.imbalance import ImbalanceRule
from sim.settlement import TERMS, Tariff, settle_hour


def plan_money(
    grid: Grid, tariff: Tariff, rule: ImbalanceRule, problem: DispatchProblem, plan: Plan
) -> dict[str, FloatArray]:
    """Return every term of the money of every scenario of a plan, shape (S,) each; planned flows count as metered. [$]

    Parameters
    ----------
    grid : Grid
        Network and fleet without microgrids; its batteries may wear with what they move.
    tariff, rule : Tariff, ImbalanceRule
        Terms of the settlement.
    problem, plan : DispatchProblem, Plan
        The problem, and its plan.
    """
    points = plan.set_points
    supply = points.renewable_p_mw.sum(axis=2) + points.battery_p_mw.sum(axis=2)
    losses_mw = plan.tie_p_mw + supply - points.load_p_mw.sum(axis=2)
    penalty = true_penalty(rule, problem, plan.bid_mw, plan.tie_p_mw)
    wear_per_mwh = np.array([unit.wear_per_mwh for unit in grid.batteries])
    money = {term: np.zeros(problem.shape[0]) for term in TERMS}
    for s, t in np.ndindex(problem.shape):
        hour = settle_hour(
            tariff=tariff,
            price_per_mwh=float(problem.price_per_mwh[t]),
            retail_price_per_mwh=float(problem.retail_price_per_mwh[t]),
            penalty=float(penalty[s, t]),
            metered_mw=float(plan.tie_p_mw[s, t]),
            losses_mw=float(losses_mw[s, t]),
            demand_mw=problem.demand_mw[s, t],
            load_p_mw=points.load_p_mw[s, t],
            available_mw=problem.available_mw[s, t],
            renewable_p_mw=points.renewable_p_mw[s, t],
            battery_p_mw=points.battery_p_mw[s, t],
            previous_battery_p_mw=points.battery_p_mw[s, t - 1] if t else problem.previous_battery_p_mw,
            wear_per_mwh=wear_per_mwh,
        )
        for term, amount in hour.totals().items():
            money[term][s] += amount
    return money


def true_penalty(
    rule: ImbalanceRule, problem: DispatchProblem, bid_mw: FloatArray, tie_p_mw: FloatArray
) -> FloatArray:
    """Return the penalty of the rule for flows of shape (S, T), shape (S, T). [$]"""
    charged = []
    for flow in tie_p_mw:
        over, under = rule.energies(bid_mw, flow)
        charged.append((over * problem.over_price_per_mwh + under * problem.under_price_per_mwh).sum(axis=1))
    return np.array(charged)
