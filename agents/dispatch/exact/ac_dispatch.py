"""Dispatch on a network without conic form, meshed or with voltages held at several buses: the exact AC model.

Ipopt finds a local optimum, so the plan is feasible and nothing is proven about other plans.
"""

from dataclasses import replace
from time import perf_counter

import numpy as np

from agents.dispatch.certificate import VIOLATION_TOLERANCE
from agents.dispatch.conic_program import SolverError, TimeLimitError
from agents.dispatch.exact.ac_reference import solve_ac
from agents.dispatch.exact.nl_solver import SHARP, Options
from agents.dispatch.plan import Plan, fix_directions
from agents.dispatch.problem import Directions, DispatchProblem
from agents.dispatch.search.branch_and_bound import Effort
from grids.network import Grid
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff

IDLE_MW = 1e-3
"""Flow below which a direction holds the tie line at zero. [MW]"""

ROUNDS = 2
"""Most attempts to turn directions."""


def exact_plan(
    grid: Grid, tariff: Tariff, rule: ImbalanceRule, problem: DispatchProblem, begin: Plan | None, effort: Effort
) -> Plan:
    """Return the best plan found on the exact AC equations; where no plan keeps all limits, one that violates little.

    The directions of bids and flows are those of the copper plate; where they hold the tie line at zero, or violate
    limits, the other directions of the flows are taken if that pays.

    Parameters
    ----------
    grid, tariff, rule, problem : Grid, Tariff, ImbalanceRule, DispatchProblem
        The problem.
    begin : Plan or None
        Plan of the copper plate, by which the directions are chosen; without one, all are import.
    effort : Effort
        Limits of time.

    Raises
    ------
    SolverError
        If Ipopt finds no answer in time.
    """
    deadline = perf_counter() + min(effort.time_limit_s, effort.solver_time_limit_s)

    def solve(directions: Directions, start: Plan | None = None, *, elastic: bool = False) -> Plan:
        left = deadline - perf_counter()
        if left <= 0:
            raise TimeLimitError("the time limit for the exact AC equations is reached")
        options: Options = {**SHARP, "max_wall_time": left}
        return solve_ac(
            grid, tariff, rule, problem, directions=directions, start=start, options=options, elastic=elastic
        )

    def solve_anyhow(directions: Directions, start: Plan | None = None) -> Plan:
        try:
            return solve(directions, start)
        except SolverError:
            return solve(directions, start, elastic=True)

    directions = Directions(bid=np.ones(problem.shape[1], dtype=np.int64), flow=np.ones(problem.shape, dtype=np.int64))
    if begin is not None:
        directions = fix_directions(begin, Directions.undecided(*problem.shape))
    best = solve_anyhow(directions)
    for nodes in range(1, ROUNDS + 2):
        best = replace(best, nodes=nodes)
        doubtful = (np.abs(best.tie_p_mw) < IDLE_MW) | (best.violation > VIOLATION_TOLERANCE)
        if grid.tie_line.power_factor_reading == "import_only" or not doubtful.any() or nodes > ROUNDS:
            break
        directions = replace(directions, flow=np.where(doubtful, -directions.flow, directions.flow))
        try:
            other = solve_anyhow(directions, best)
        except SolverError:
            break
        if other.objective >= best.objective:
            break
        best = other
    return best
