"""Money of a plan, hour by hour as the market settles it."""

import numpy as np

from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from grids.network import FloatArray, Grid
from sim.market.imbalance import ImbalanceRule
from sim.market.settlement import price_parts, terms
from sim.market.tariff import Tariff


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
    battery = points.battery_p_mw
    first = np.broadcast_to(problem.previous_battery_p_mw, battery[:, :1].shape)
    money = terms(
        tariff,
        **price_parts(problem.price_per_mwh[:, None]),
        retail_price_per_mwh=problem.retail_price_per_mwh[:, None],
        demand_mw=problem.demand_mw,
        load_p_mw=points.load_p_mw,
        available_mw=problem.available_mw,
        renewable_p_mw=points.renewable_p_mw,
        battery_p_mw=battery,
        previous_battery_p_mw=np.concatenate([first, battery[:, :-1]], axis=1),
        battery_throughput_mw=np.abs(battery),
        wear_per_mwh=np.array([unit.wear_per_mwh for unit in grid.batteries]),
        metered_mw=plan.tie_p_mw[..., None],
        losses_mw=plan.losses_mw[..., None],
        penalty=problem.penalty(rule, plan.bid_mw, plan.tie_p_mw)[..., None],
        step_h=problem.step_h,
    )
    return {term: hourly.sum(axis=1) for term, hourly in money.totals().items()}
