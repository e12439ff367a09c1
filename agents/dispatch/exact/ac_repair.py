"""Repair of a plan that the conic relaxation allows and physics does not: its scenarios are solved on exact AC.

Where losses pay (negative prices) or surplus can't leave the network, the relaxation burns energy in lines or stores.
With the bids as they are the scenarios no longer depend on each other, so each is a problem of its own for Ipopt.
Its solution is feasible and, the problem not being convex, locally optimal; the proven bound stays the relaxation's.
"""

import math
from dataclasses import dataclass, fields, replace
from time import perf_counter
from typing import Any

import numpy as np

from agents.dispatch.certificate import EXACT, VIOLATION_TOLERANCE
from agents.dispatch.conic_program import SolverError
from agents.dispatch.exact.ac_reference import solve_ac
from agents.dispatch.exact.nl_solver import SHARP
from agents.dispatch.plan import Plan, fix_directions
from agents.dispatch.plan_money import plan_money
from agents.dispatch.problem import Directions, DispatchProblem
from grids.batch_power_flow import BatchPowerFlow
from grids.network import BoolArray, FloatArray, Grid
from grids.power_flow import PowerFlowError, SetPoints
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff

MISMATCH_MW = 1e-5
"""Difference between a planned and a metered tie-line flow up to which a scenario is left as it is. [MW]"""

SCENARIO_TIME_S = 60.0
"""Most time for one scenario. [s]"""


@dataclass(frozen=True, eq=False)
class ACRepair:
    """Repair of the plans of one dispatch problem.

    Attributes
    ----------
    grid, tariff, rule, problem : Grid, Tariff, ImbalanceRule, DispatchProblem
        The problem.
    """

    grid: Grid
    tariff: Tariff
    rule: ImbalanceRule
    problem: DispatchProblem

    def best(self, relaxed: Plan, steered: Plan, directions: Directions, time_limit_s: float = math.inf) -> Plan:
        """Return the cheapest plan that is physically exact: steered by a price on losses, or repaired on exact AC.

        Where the bids are decided the repair begins twice: at the relaxed plan, whose bids are the better ones if
        little needs repair, and at the steered plan. If no plan is exact, the one nearest to physics is returned.

        Parameters
        ----------
        relaxed, steered : Plan
            The optimum of the relaxation, and the plan with a price on burnt energy.
        directions : Directions
            Directions of both.
        time_limit_s : float
            Time for all of it; scenarios that are left over stay as they are. [s]
        """
        deadline = perf_counter() + time_limit_s
        plans = [steered, self.repaired(steered, directions, every=True, time_limit_s=time_limit_s)]
        if self.problem.bid_mw is None:
            plans.append(self.repaired(relaxed, directions, time_limit_s=deadline - perf_counter()))
        exact = [plan for plan in plans if plan.inexactness.max() <= EXACT]
        if not exact:
            return min(plans, key=lambda plan: float(plan.inexactness.max()))
        return min(exact, key=lambda plan: plan.objective)

    def repaired(
        self, plan: Plan, directions: Directions, *, every: bool = False, time_limit_s: float = math.inf
    ) -> Plan:
        """Return the plan with every inexact scenario solved again on exact AC, its bids unchanged.

        A plan that is exact already, or violates limits because every plan does, comes back as it is. So do scenarios
        to which Ipopt finds no answer in time: `inexactness` still shows it.

        Parameters
        ----------
        plan : Plan
            With bids, and with the bound that the repaired plan keeps.
        directions : Directions
            Directions; those not fixed are taken from the plan.
        every : bool
            Solve the other scenarios as well, and take the cheaper solution.
        time_limit_s : float
            Time for all of it; scenarios that are left over stay as they are. [s]
        """
        deadline, problem = perf_counter() + time_limit_s, self.problem
        inexact = every or plan.inexactness.max() > EXACT
        if not inexact or plan.violation.max() > VIOLATION_TOLERANCE:
            return plan
        given, fixed = replace(problem, bid_mw=plan.bid_mw), fix_directions(plan, directions)
        refused = _refused(self.grid, plan)
        for s in np.flatnonzero(refused | every).tolist():
            left = deadline - perf_counter()
            if left <= 0:
                break
            one, before = _scenario_of(given, s), _take(plan, s)
            chosen = replace(fixed, flow=fixed.flow[[s]])
            options = {**SHARP, "max_cpu_time": min(left, SCENARIO_TIME_S)}
            try:
                exact = solve_ac(
                    self.grid, self.tariff, self.rule, one, directions=chosen, start=before, options=options
                )
            except SolverError:
                continue
            costs = [-self._profits(one, either)[0] for either in (exact, before)]
            if refused[s] or costs[0] < costs[1]:
                plan = _put(plan, s, exact)
        return replace(
            plan,
            penalty=problem.penalty(self.rule, plan.bid_mw, plan.tie_p_mw),
            prices=None,
            objective=-float(problem.probability @ self._profits(problem, plan)),
            repaired=True,
        )

    def _profits(self, problem: DispatchProblem, plan: Plan) -> FloatArray:
        return plan_money(self.grid, self.tariff, self.rule, problem, plan)["profit"]


def _refused(grid: Grid, plan: Plan) -> BoolArray:
    """Return the mask of scenarios that differ from an AC power flow of their set points, shape (S,)."""
    spilled: BoolArray = plan.spilled.max(axis=1) > EXACT
    try:
        metered = BatchPowerFlow(grid).run(plan.set_points).tie_p_mw
    except PowerFlowError:
        return np.ones_like(spilled)
    off: BoolArray = np.abs(metered - plan.tie_p_mw).max(axis=1) > MISMATCH_MW
    return spilled | off


PER_SCENARIO = (
    *("end_energy_mwh", "tie_p_mw", "tie_q_mvar", "vm_pu", "line_p_mw", "line_q_mvar"),
    *("cone_gap", "spilled", "penalty", "violation", "losses_mw"),
)
"""Names of a plan's arrays, besides its set points, whose first axis is the scenario."""


def _scenario_of(problem: DispatchProblem, s: int) -> DispatchProblem:
    return replace(
        problem,
        demand_mw=problem.demand_mw[[s]],
        available_mw=problem.available_mw[[s]],
        probability=np.ones(1),
    )


def _take(plan: Plan, s: int) -> Plan:
    """Return one scenario of a plan as a plan of its own."""
    points = SetPoints(**{field.name: getattr(plan.set_points, field.name)[[s]] for field in fields(SetPoints)})
    rest: dict[str, Any] = {name: getattr(plan, name)[[s]] for name in PER_SCENARIO}
    return replace(plan, set_points=points, **rest)


def _put(plan: Plan, s: int, other: Plan) -> Plan:
    """Return the plan with scenario `s` from a plan of one scenario."""

    def changed(array: FloatArray, own: FloatArray) -> FloatArray:
        array = array.copy()
        array[s] = own[0]
        return array

    names = [field.name for field in fields(SetPoints)]
    points = {name: changed(getattr(plan.set_points, name), getattr(other.set_points, name)) for name in names}
    rest: dict[str, Any] = {name: changed(getattr(plan, name), getattr(other, name)) for name in PER_SCENARIO}
    return replace(plan, set_points=SetPoints(**points), **rest)
