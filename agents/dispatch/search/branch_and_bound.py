"""Branch and bound on the directions that make the problem non-convex: of bids (the band is b·|B|) and flows.

The relaxation bounds the profit from above, any plan that keeps the true rules bounds it from below; branch and bound
on the few open directions brings the two together, as far as the node limit lets it.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from time import perf_counter
from typing import Any

import numpy as np

from agents.dispatch.certificate import EXACT
from agents.dispatch.conic_program import InfeasibleError, SolverError, TimeLimitError
from agents.dispatch.multi_period_program import MultiPeriodProgram
from agents.dispatch.plan import Plan, fix_directions
from agents.dispatch.problem import Directions, DispatchProblem
from agents.dispatch.search.lagrangian_bound import LagrangianBound, Turning
from grids.network import FloatArray, Grid, IntArray
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff
from sim.study import SOLVER_TIME_LIMIT_S

Repair = Callable[[Plan, Plan, Directions, float], Plan]
"""Returns the best AC-feasible plan from an inexact one, a steered one, and directions, within some seconds."""


def ac_repair(
    grid: Grid,
    tariff: Tariff,
    rule: ImbalanceRule,
    problem: DispatchProblem,
    progress: Callable[[str], None] | None = None,
) -> Repair:
    """Return the repair of plans on the exact AC equations, see :mod:`agents.dispatch.exact.ac_repair`."""

    def repair(relaxed: Plan, steered: Plan, directions: Directions, seconds: float) -> Plan:
        from agents.dispatch.exact.ac_repair import ACRepair  # CasADi is loaded only where it is needed

        if progress is not None:
            progress("repairing the plan on the exact AC equations")
        return ACRepair(grid, tariff, rule, problem).best(relaxed, steered, directions, seconds)

    return repair


FLOW_TOLERANCE_MVAR = 1e-6
PENALTY_TOLERANCE = 1e-6  # $

BURNING_PRICES = (1.1, 2.0, 5.0, 2e1, 1e2, 1e3, 1e4)
"""Prices of energy burnt only in the relaxation, tried one by one: multiples of the possible gain of burning."""

BURNING_FLOOR_PER_MWH = 1.0
"""Assumed gain of burning energy where the price is not below zero. [$/MWh]"""

FLOW_SHARES = (1.0, 0.0, -1.0)
"""Starts of the search for an exact plan: the relaxed flows with their active part as it is, left out, or reversed.

The problem is not convex, and what lines should carry to burn energy is not what the relaxation lets them carry.
"""

APPROACHES, APPROACHED = 16, 1e-5
"""Most solutions from one beginning, each near the one before; and the relative gain that is not worth another."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Effort of the search for the best directions.

    Attributes
    ----------
    gap : float
        Relative optimality gap at which to stop.
    rounds : int
        Number of times every hour of a bid is asked for its best directions.
    nodes : int
        Most problems to solve by branching after that.
    time_limit_s : float
        Seconds after which no further problem is begun. [s]
    solver_time_limit_s : float
        Most time of the solver for one problem. [s]
    """

    gap: float = 1e-3
    rounds: int = 8
    nodes: int = 0
    time_limit_s: float = math.inf
    solver_time_limit_s: float = SOLVER_TIME_LIMIT_S


class BranchAndBound:
    """Branch and bound on directions for one multi-period program and one dispatch problem.

    Parameters
    ----------
    grid, rule : Grid, ImbalanceRule
        For the power-factor range of Eq. (30) and the true penalties.
    horizon, problem : MultiPeriodProgram, DispatchProblem
        The program and its data.
    repair : callable, optional
        Mends plans on the exact AC equations, see :mod:`agents.dispatch.exact.ac_repair`.

    Attributes
    ----------
    directions : Directions
        Directions of the best plan found.
    nodes : int
        Problems solved, of the whole horizon or of one hour.
    stopped : str
        Reason why the search stopped early, or nothing.
    """

    def __init__(
        self,
        grid: Grid,
        rule: ImbalanceRule,
        horizon: MultiPeriodProgram,
        problem: DispatchProblem,
        repair: Repair | None = None,
    ) -> None:
        self._repair = repair
        self._grid, self._rule = grid, rule
        self._horizon, self._problem = horizon, problem
        self._tan_phi = math.tan(math.acos(grid.tie_line.min_power_factor))
        self._incumbent: Plan | None = None
        self.directions = Directions.undecided(*horizon.shape)
        self.nodes = 0
        self.stopped = ""
        self._bound, self._deadline = -math.inf, math.inf
        self._unanswered = False

    def run(self, effort: Effort, lagrangian_bound: LagrangianBound | None = None) -> Plan:
        """Return the best plan found, its objective true and its bound proven.

        Parameters
        ----------
        effort : Effort
            Limits of the search.
        lagrangian_bound : LagrangianBound, optional
            Bounds the bidding problem at the prices of a plan.

        Raises
        ------
        InfeasibleError
            If no plan meets all limits.
        """
        self._deadline = perf_counter() + effort.time_limit_s
        undecided = Directions.undecided(*self._horizon.shape)
        root = self._horizon.solve(self._problem, undecided)
        self.nodes = 1
        self._offer(root, undecided)
        self._bound = root.bound
        try:
            if lagrangian_bound is not None and not self._is_close(effort.gap):
                self._ask_hours(root, lagrangian_bound, effort)
            elif self._horizon.decides_bids and not self._is_close(effort.gap):
                self._try(fix_directions(root, undecided))
            if self._incumbent is None:
                self._round_flows(root, undecided)
            self._branch(root, effort)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        if self._incumbent is None:
            self._round_flows(root, undecided)
        if self._incumbent is None:
            self._dive(root, undecided)
        if self._incumbent is None:
            raise InfeasibleError("no directions were found for which a dispatch meets all limits")
        plan = self._incumbent
        try:
            plan = self._exact(plan, effort.gap)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        return replace(plan, bound=min(self._bound, plan.objective), stopped=self.stopped, nodes=self.nodes)

    def _out_of_time(self) -> bool:
        if perf_counter() > self._deadline:
            self.stopped = "time limit reached"
        return bool(self.stopped)

    def _ask_hours(self, root: Plan, lagrangian_bound: LagrangianBound, effort: Effort) -> None:
        """Fix the directions as the relaxation leans, then as the hours prefer; sharpen the bound."""
        directions: Directions | None = Directions(
            bid=np.where(root.bid_mw >= 0, 1, -1), flow=np.where(root.tie_p_mw >= 0, 1, -1)
        )
        turning = Turning()
        for attempt in range(effort.rounds):
            if directions is None or self._out_of_time():
                break
            before = self._incumbent
            fixed = self._try(directions)
            if fixed is None or fixed.prices is None or self._is_close(effort.gap) or self._out_of_time():
                break
            if attempt == 0 or self._incumbent is not before:
                try:
                    answer = lagrangian_bound(fixed.prices, fixed.set_points.battery_p_mw, directions)
                except SolverError as error:
                    self._note_time(error)
                    break
                self.nodes += answer.nodes
                self._bound = max(self._bound, answer.bound)
                turning.paid(directions, answer)
            else:
                turning.did_not_pay()
            directions = None if self._is_close(effort.gap) else turning.next()

    def _branch(self, root: Plan, effort: Effort) -> None:
        """Branch and bound from the relaxation, best bound first."""
        ticket, budget = count(), effort.nodes
        nodes = [(root.bound, next(ticket), Directions.undecided(*self._horizon.shape), root)]
        unanswered = math.inf  # bound of nodes the solver failed on: they stay open for good
        while nodes and budget > 0 and not self._is_close(effort.gap) and not self._out_of_time():
            _, _, directions, plan = heapq.heappop(nodes)
            for child_directions in self._branches(directions, plan):
                self._unanswered = False
                child = self._try(child_directions)
                budget -= 1
                if self._unanswered:
                    unanswered = min(unanswered, plan.bound)
                if child is not None and not self._is_close(0.0, child.bound):
                    heapq.heappush(nodes, (max(child.bound, plan.bound), next(ticket), child_directions, child))
            self._bound = max(self._bound, min([unanswered, *(node[0] for node in nodes)]))

    def _exact(self, plan: Plan, gap: float) -> Plan:
        """Return the plan, or where its relaxation is not exact the best one found that is.

        Where surplus can't leave the network, or energy below a price of zero is worth more burnt, the relaxation
        burns it in losses that no line has, or in batteries. A price on what is lost there alone makes that
        unattractive: the plan is then feasible, costs more, and is measured against the same bound. Where no price
        does, the exact AC equations may.
        """
        if plan.inexactness.max() <= EXACT:
            return plan
        steered = self._steered(plan, gap)
        if self._repair is None or steered.inexactness.max() <= EXACT or self._out_of_time():
            return steered
        return self._repair(plan, steered, self.directions, self._deadline - perf_counter())

    def _steered(self, plan: Plan, gap: float) -> Plan:
        """Return the best plan that a price on burnt energy makes of one, the lowest price that makes it exact."""
        directions, best = fix_directions(plan, self.directions), plan
        earned = np.maximum(-self._problem.price_per_mwh, BURNING_FLOOR_PER_MWH)
        for multiple in BURNING_PRICES:
            for share in FLOW_SHARES:
                begin = replace(plan, line_p_mw=share * plan.line_p_mw)
                best = min(best, self._approached(begin, directions, multiple * earned), key=_inexact_then_dear)
                close = best.objective - self._bound <= gap * abs(best.objective)
                if best.inexactness.max() > EXACT and not self._out_of_time():
                    break  # the price is too low, wherever one begins
                if close or self._out_of_time():
                    return best
            if best.inexactness.max() <= EXACT:
                break
        return best

    def _approached(self, near: Plan, directions: Directions, price_per_mwh: FloatArray) -> Plan:
        """Return the best plan found by solving near a plan, near the next plan, and so on."""
        best = near
        for _ in range(APPROACHES):
            try:
                steered = self._horizon.solve(self._problem, directions, burning=(price_per_mwh, near))
            except SolverError as error:
                self._note_time(error)
                break
            true = steered.objective + float(self._problem.probability @ self._penalty_gap(steered).sum(axis=1))
            near, before = replace(steered, objective=true, repaired=True), best
            best = min(best, near, key=_inexact_then_dear)
            if before.inexactness.max() <= EXACT:
                stuck = before.objective - best.objective < APPROACHED * abs(best.objective)
            else:
                stuck = 2 * best.inexactness.max() > before.inexactness.max() > EXACT
            if stuck or self._out_of_time():
                break
        return best

    def _try(self, directions: Directions) -> Plan | None:
        self.nodes += 1
        try:
            plan = self._horizon.solve(self._problem, directions)
        except SolverError as error:
            self._unanswered = not isinstance(error, InfeasibleError)
            self._note_time(error)
            return None
        self._offer(plan, directions)
        return plan

    def _note_time(self, error: SolverError) -> None:
        """Record that a time limit affects the result; nothing more is begun then."""
        if isinstance(error, TimeLimitError):
            self.stopped = str(error)

    def _offer(self, plan: Plan, directions: Directions) -> None:
        """Take a plan as the incumbent if it keeps the true rules and is better than the one at hand."""
        if self._violated_flows(plan).any():
            return
        true = plan.objective + float(self._problem.probability @ self._penalty_gap(plan).sum(axis=1))
        if self._incumbent is None or true < self._incumbent.objective:
            self._incumbent, self.directions = replace(plan, objective=true), directions

    def _is_close(self, gap: float, bound: float | None = None) -> bool:
        """Return whether the incumbent is within a relative gap of a bound (by default the one on everything)."""
        if self._incumbent is None:
            return False
        best = self._incumbent.objective
        return best - (self._bound if bound is None else bound) <= gap * abs(best)

    def _violated_flows(self, plan: Plan) -> FloatArray:
        """Return the excess of each flow over Eq. (30), shape (S, T), zero within tolerance. [Mvar]"""
        excess = np.abs(plan.tie_q_mvar) - self._tan_phi * np.abs(plan.tie_p_mw) - plan.tie_excess_mvar
        if self._grid.tie_line.power_factor_reading == "import_only":
            excess = np.zeros_like(excess)  # fixed by the model itself
        return np.where(excess > FLOW_TOLERANCE_MVAR, excess, 0.0)

    def _penalty_gap(self, plan: Plan) -> FloatArray:
        """Return the true penalty minus the one the program counts, shape (S, T). [$]"""
        if not self._horizon.decides_bids:
            return np.zeros_like(plan.penalty)
        return self._problem.penalty(self._rule, plan.bid_mw, plan.tie_p_mw) - plan.penalty

    def _round_flows(self, root: Plan, directions: Directions) -> None:
        """Give violated flows the direction they lean to, solve again, and in the end fix all that is left."""
        plan: Plan | None = root
        for attempt in range(4):
            if plan is None or self._incumbent is not None:
                return
            chosen = self._violated_flows(plan) > 0 if attempt < 3 else directions.flow == 0
            leaning = np.where(plan.tie_p_mw >= 0, 1, -1)
            directions = replace(directions, flow=np.where(chosen & (directions.flow == 0), leaning, directions.flow))
            plan = self._try(directions)

    def _dive(self, plan: Plan | None, directions: Directions) -> None:
        """Fix one violated flow after the other in its cheaper direction, which need not be the one it leans to."""
        while plan is not None and self._incumbent is None:
            tried = [(self._try(child), child) for child in self._branches(directions, plan)]
            possible = [(one.objective, at) for at, (one, _) in enumerate(tried) if one is not None]
            plan, directions = tried[min(possible)[1]] if possible else (None, directions)

    def _branches(self, directions: Directions, plan: Plan) -> list[Directions]:
        """Return the two halves of a node: on its worst flow, else on the bid whose band is most overrated."""
        flows = self._violated_flows(plan)
        if flows.any():
            at = np.unravel_index(int(flows.argmax()), flows.shape)
            return [replace(directions, flow=_with(directions.flow, at, direction)) for direction in (1, -1)]
        gap = self._problem.probability @ self._penalty_gap(plan)
        gap = np.where(directions.bid == 0, gap, 0.0)
        if gap.max() <= PENALTY_TOLERANCE:
            return []
        hour = (int(gap.argmax()),)
        return [replace(directions, bid=_with(directions.bid, hour, direction)) for direction in (1, -1)]


def _inexact_then_dear(plan: Plan) -> tuple[float, float]:
    """Return the key that orders plans: exact ones first, of those the cheaper."""
    inexactness = float(plan.inexactness.max())
    return (inexactness if inexactness > EXACT else 0.0, plan.objective)


def _with(array: IntArray, at: tuple[Any, ...], value: int) -> IntArray:
    changed = array.copy()
    changed[at] = value
    return changed
