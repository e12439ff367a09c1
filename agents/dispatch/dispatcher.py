"""Dispatcher: the plan of a dispatch problem. Compiled models and programs are kept."""

import math
import os
from collections.abc import Callable
from concurrent.futures import Executor
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.dispatch.certificate import EXACT
from agents.dispatch.compiled import CompiledModel, compiled
from agents.dispatch.conic_program import InfeasibleError
from agents.dispatch.connection_blocks import ExchangeModel
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.hour import hour_model
from agents.dispatch.multi_period_program import MultiPeriodProgram
from agents.dispatch.network import FORMULATIONS
from agents.dispatch.plan import Plan
from agents.dispatch.problem import BidBounds, Directions, DispatchProblem
from agents.dispatch.search.branch_and_bound import BranchAndBound, Effort, ac_repair
from agents.dispatch.search.lagrangian_bound import LagrangianBound, hourly_wear
from grids.network import Grid
from sim.instance import Instance
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff
from sim.risk import Risk

if TYPE_CHECKING:
    from agents.agreement import Agreement


class Dispatcher:
    """Solver of dispatch problems on one grid under one tariff and rule.

    Parameters
    ----------
    grid, tariff, rule : Grid, Tariff, ImbalanceRule
        Parts of the hour model.
    effort : Effort, optional
        Gap and limits of the search for bids.
    risk : Risk, optional
        Aversion to risk of the bid.
    progress : callable, optional
        Called with a line of text now and then while a long problem is solved.
    threads : int, optional
        Number of parts of a problem solved at a time, where it falls into parts; by default one per core.
    executor : Executor, optional
        Executor on which bundles of scenarios are solved instead; any ``concurrent.futures`` executor will do.

    Attributes
    ----------
    agreement : Agreement or None
        How its plans become ones that microgrids agree to, where there are any; see `coordinated`.
    """

    agreement: "Agreement | None" = None

    def __init__(
        self,
        grid: Grid,
        tariff: Tariff,
        rule: ImbalanceRule,
        *,
        effort: Effort | None = None,
        risk: Risk | None = None,
        progress: Callable[[str], None] | None = None,
        threads: int | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.grid, self.tariff, self.rule = grid, tariff, rule
        self.effort, self.risk = effort or Effort(), risk or Risk()
        self.progress = progress or (lambda _: None)
        self.threads, self.executor = threads or os.cpu_count() or 1, executor
        self._hours: dict[object, CompiledModel] = {}
        self._horizons: dict[object, MultiPeriodProgram] = {}
        self._bidding: tuple[object, MultiPeriodProgram | None] = (None, None)

    @classmethod
    def of(cls, instance: Instance, **options: Any) -> "Dispatcher":
        """Return the dispatcher of a study's instance; `progress`, `threads` and `executor` are options."""
        search = instance.study.search
        effort = Effort(
            gap=search.gap,
            time_limit_s=math.inf if search.time_limit_s is None else search.time_limit_s,
            solver_time_limit_s=search.solver_time_limit_s,
        )
        risk = instance.study.risk
        return cls(instance.grid, instance.tariff, instance.rule, effort=effort, risk=risk, **options)

    def coordinated(self, agreement: "Agreement") -> "Dispatcher":
        """Return one whose every plan is one that the microgrids agree to; it shares the models of this one."""
        other = copy(self)
        other.agreement = agreement
        return other

    def renewed(self) -> "Dispatcher":
        """Return another one for the same problems; an agent that was given up may still use this one."""
        new = copy(self)
        new._hours, new._horizons, new._bidding, new.agreement = {}, {}, (None, None), None
        return new if self.agreement is None else new.coordinated(self.agreement.renewed(new))

    def compiled_hour(
        self,
        network: str = "branch_flow",
        *,
        elastic: bool = False,
        demand_peak: float | None = None,
        tariff: Tariff | None = None,
        step_h: float = 1.0,
        settled: bool = True,
    ) -> CompiledModel:
        """Return the compiled model of an hour or shorter step, by default under the dispatcher's own tariff."""
        key = (network, elastic, demand_peak, step_h, settled, None if tariff is None else tariff.model_dump_json())
        if key not in self._hours:
            tariff, how = tariff or self.tariff, {"network": network, "elastic": elastic, "demand_peak": demand_peak}
            how |= {"step_h": step_h, "settled": settled}
            self._hours[key] = compiled(hour_model, self.grid, tariff, self.rule, **how)
        return self._hours[key]

    def demand_peak(self, problem: DispatchProblem, network: str) -> float | None:
        """Return the largest demand relative to nominal, rounded up, if losses may pay; nothing if they don't.

        Where energy has a price below zero and its loss a smaller value, the relaxation burns more than any line can;
        bounds on the currents then are worth their time. They count on microgrids that keep their limits.
        """
        pays = problem.price_per_mwh.min() < 0 and self.tariff.loss_factor < 1
        if not FORMULATIONS[network].is_ac or not pays or self._exceeds_limits(problem):
            return None
        nominal = self.grid.load_p_mw
        relative = np.divide(
            problem.demand_mw.max(axis=(0, 1)), nominal, out=np.zeros_like(nominal), where=nominal > 0
        )
        return math.ceil(float(relative.max(initial=0.0)) / PEAK_STEP) * PEAK_STEP

    def _exceeds_limits(self, problem: DispatchProblem) -> bool:
        """Return whether microgrids are given an exchange beyond their announced limits."""
        limits = np.array([connection.exchange_limits() for connection in self.grid.connections]).reshape(-1, 2).T
        given = zip((problem.exchange_p_mw, problem.exchange_q_mvar), limits, strict=True)
        return any(exchange is not None and bool((np.abs(exchange) > limit).any()) for exchange, limit in given)

    def bid(self, problem: DispatchProblem, *, network: str = "branch_flow", effort: Effort | None = None) -> Plan:
        """Return the best plan with the bids that go with it, of all that can be optimal; see `plan`."""
        bounds = self.bid_bounds(problem, network)
        return self.plan(replace(problem, bounds=bounds), network=network, effort=effort)

    def bid_bounds(self, problem: DispatchProblem, network: str) -> BidBounds:
        """Return the range of the bids that can be optimal."""
        demand, available, steps = problem.demand_mw, problem.available_mw, problem.market_steps
        return bid_bounds(self.grid, self.rule, demand, available, network=network, market_steps=steps)

    def plan(self, problem: DispatchProblem, *, network: str = "branch_flow", effort: Effort | None = None) -> Plan:
        """Return the best plan; where no plan meets all limits, the one that violates them least.

        Where there are microgrids it is one they agree to; they must have looked at the same hours. On a network
        without conic form it is a local optimum of the exact AC equations, without a bound.

        Parameters
        ----------
        problem : DispatchProblem
            Scenarios, prices and state.
        network : {"branch_flow", "copper_plate"}
            AC network or one bus.
        effort : Effort, optional
            Effort of the search for the best directions.

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        if self.agreement is not None:
            return self.agreement.plan(problem, network=network)
        effort = effort or self.effort
        if FORMULATIONS[network].is_ac and not self.grid.is_radial:
            return self._exact(problem, effort)
        try:
            plan = self._searched(problem, network, effort)
        except InfeasibleError:
            return self._elastic(problem, network, effort)
        if not self.grid.is_bare and plan.inexactness.max() > EXACT:  # only burnt energy or charging keeps all limits
            plan = min(plan, self._elastic(problem, network, effort), key=lambda one: float(one.inexactness.max()))
        return plan

    def _searched(self, problem: DispatchProblem, network: str, effort: Effort) -> Plan:
        """Return the best plan that meets all limits."""
        horizon, repair = self.horizon(problem, network=network), None
        if FORMULATIONS[network].is_ac and not self.grid.connections:
            repair = ac_repair(self.grid, self.tariff, self.rule, problem, self.progress)
        search = BranchAndBound(self.grid, self.rule, horizon, problem, repair)
        if problem.bounds is None or self.grid.connections:  # stores of microgrids can't be priced one by one yet
            return search.run(effort)
        return search.run(effort, self.lagrangian_bound(problem, problem.bounds, network))

    def _elastic(self, problem: DispatchProblem, network: str, effort: Effort) -> Plan:
        """Return the plan that violates limits least."""
        horizon = self.horizon(problem, network=network, elastic=True)
        return BranchAndBound(self.grid, self.rule, horizon, problem).run(effort)

    def _exact(self, problem: DispatchProblem, effort: Effort) -> Plan:
        """Return a plan on the exact AC equations, for a network without conic form."""
        from agents.dispatch.exact.ac_dispatch import exact_plan  # CasADi is loaded only where it is needed

        self.progress("solving the exact AC equations")
        bounds = None if problem.bid_mw is not None else self.bid_bounds(problem, "copper_plate")
        try:
            begin = self.plan(replace(problem, bounds=bounds), network="copper_plate", effort=effort)
        except InfeasibleError:
            begin = None
        return exact_plan(self.grid, self.tariff, self.rule, problem, begin, effort)

    def relaxed(self, problem: DispatchProblem, directions: Directions, *, network: str) -> Plan:
        """Return the optimum with directions as they are, of the relaxation where they are open; nothing is searched.

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        try:
            return self.horizon(problem, network=network).solve(problem, directions)
        except InfeasibleError:
            return self.horizon(problem, network=network, elastic=True).solve(problem, directions)

    def lagrangian_bound(self, problem: DispatchProblem, bounds: BidBounds, network: str) -> LagrangianBound:
        """Return the Lagrangian bound of a bidding problem at the prices of its plans."""
        peak = self.demand_peak(problem, network)
        wear = hourly_wear(self.tariff)
        hour = self.compiled_hour(network, demand_peak=peak, tariff=wear, step_h=problem.step_h)
        return LagrangianBound(self.grid, hour, self.tariff, problem, bounds, threads=self.threads)

    def horizon(self, problem: DispatchProblem, *, network: str, elastic: bool = False) -> MultiPeriodProgram:
        """Return the program for a dispatch problem's shape; those with given bids are kept for the next time.

        Of those that decide bids the last is kept, if it isn't large: another day's bids mostly differ in vectors.
        """
        peak = None if elastic else self.demand_peak(problem, network)
        periods = problem.periods
        how: dict[str, Any] = {"step_h": periods.step_h, "settled": not periods.are_coupled}
        hour = self.compiled_hour(network, elastic=elastic, demand_peak=peak, **how)
        scenarios, hours = problem.shape
        exchange, bounds = ExchangeModel.of(problem), problem.bounds
        shape = (network, elastic, peak, scenarios, hours, exchange, periods)

        def new() -> MultiPeriodProgram:
            return MultiPeriodProgram(
                self.grid,
                hour,
                scenarios=scenarios,
                hours=hours,
                bounds=bounds,
                exchange=exchange,
                time_limit_s=self.effort.solver_time_limit_s,
                rule=self.rule,
                periods=periods,
            )

        if bounds is not None and exchange.kind != "offers":
            kept_shape, kept = self._bidding
            if kept is None or kept_shape != shape or not kept.move(bounds):
                kept = new()
                self._bidding = (shape, kept) if kept.program.column_count <= KEPT_COLUMNS else (None, None)
            return kept
        key = (*shape, None if bounds is None else bounds.key)
        if key in self._horizons:
            return self._horizons[key]
        made = new()
        columns = sum(one.program.column_count for one in (made, *self._horizons.values()))
        if columns <= MOST_COLUMNS:
            self._horizons[key] = made
        return made


TIED_NODES = 60
"""Most problems to solve by branching where bids or imbalances tie steps together."""

PEAK_STEP = 0.25
"""Step to which the largest demand is rounded up, so that few models are compiled."""

KEPT_COLUMNS = 100_000
"""Columns of the largest program for bids that is kept; ten scenarios of 33 buses have half as many and take 25 MB."""

MOST_COLUMNS = 800_000
"""Columns of all programs with given bids kept together, some 2 GB; those of 24 hours of 33 buses have 70,000."""
