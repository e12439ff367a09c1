"""Bundles of scenarios: without reduction, scenarios share only 24 bids, so bundles are solved side by side.

A bundle answers two questions. *At given bids B, what do you cost, and how does that change with them, and with the
magnitude |B| that widens the band?* Added up, that is a feasible answer and a cut. *If both had this price, which
would you choose?* Added up over prices that sum to zero, that is a bound (Lagrangian), and a cut as well. With the
directions of flows fixed, a bundle's cost is convex in B and |B| together, so that cuts hold for bids of any
direction. Memory holds one bundle for each worker, however many scenarios there are.
"""

import hashlib
import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from agents.dispatch.certificate import Certificate, certify
from agents.dispatch.compiled import CompiledModel, compiled
from agents.dispatch.hour import hour_model
from agents.dispatch.multi_period_program import MultiPeriodProgram
from agents.dispatch.network import FORMULATIONS
from agents.dispatch.plan import Plan, Prices, fix_directions
from agents.dispatch.problem import BidBounds, Directions, DispatchProblem, Periods
from agents.dispatch.search.branch_and_bound import BranchAndBound, Effort, ac_repair
from grids.network import FloatArray, Grid
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff
from sim.study import SOLVER_TIME_LIMIT_S


@dataclass(frozen=True, eq=False, kw_only=True)
class BundleTask:
    """Task of a bundle of scenarios: at given bids, or at prices of the bids.

    Attributes
    ----------
    problem : DispatchProblem
        The bundle's scenarios with their share of the probability; with `bid_mw`, the bids are given.
    bounds : BidBounds
        Range of the bids.
    directions : Directions
        Directions of this bundle's flows; those of the bids are not fixed.
    bid_prices_per_mw : two arrays, shape (T,), or None
        With free bids: additional cost of a bid, and of its magnitude. [$/MW]
    search : bool
        With given bids: look for the best directions of the flows, and for a plan that is physically exact.
    """

    problem: DispatchProblem
    bounds: BidBounds
    directions: Directions
    bid_prices_per_mw: tuple[FloatArray, FloatArray] | None = None
    search: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class BundleAnswer:
    """Answer of a bundle: a cut on its cost, and its plan.

    Attributes
    ----------
    cost : float
        With given bids: the bundle's expected cost, times its share. [$]
    intercept, slope : float, array of shape (2T,)
        Cut: at any bids the bundle costs at least intercept + slope·(B, |B|), its flows as fixed. [$], [$/MW]
    directions : Directions
        Directions of the plan.
    battery_p_mw : array, shape (S, T, U)
        Battery schedules of its scenarios. [MW]
    prices : Prices or None
        Prices of the links between its hours.
    certificate : Certificate or None
        Checks of the plan against AC physics (given bids only).
    """

    cost: float
    intercept: float
    slope: FloatArray
    directions: Directions
    battery_p_mw: FloatArray
    prices: Prices | None
    certificate: Certificate | None


@dataclass(frozen=True, eq=False)
class BundleSolver:
    """Solver of the bundles' tasks of one grid, tariff and rule; can be sent to another process.

    Attributes
    ----------
    grid, tariff, rule : Grid, Tariff, ImbalanceRule
        Parts of the hour model.
    network : {"branch_flow", "copper_plate"}
        AC network or one bus.
    elastic : bool
        Let limits be violated, as little as possible, for bundles in which no dispatch meets them all.
    demand_peak : float, optional
        Largest demand relative to nominal, see :func:`agents.dispatch.hour.hour_model`.
    time_limit_s : float
        Most time of the solver for one bundle. [s]
    periods : Periods
        Lengths of the periods.
    key : bytes
        The same for all solvers that answer alike.
    """

    grid: Grid
    tariff: Tariff
    rule: ImbalanceRule
    network: str = "branch_flow"
    elastic: bool = False
    demand_peak: float | None = None
    time_limit_s: float = SOLVER_TIME_LIMIT_S
    periods: Periods = field(default_factory=Periods)
    key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = (self.grid, self.tariff, self.rule, self.network, self.elastic, self.demand_peak, self.time_limit_s)
        object.__setattr__(self, "key", hashlib.sha256(pickle.dumps((*parts, self.periods))).digest())

    def answer(self, task: BundleTask) -> BundleAnswer:
        """Return a bundle's answer.

        Raises
        ------
        SolverError
            If the bundle can't be solved.
        """
        if task.problem.bid_mw is None:
            return self._at_given_prices(task)
        return self._searched(task) if task.search else self._at_given_bids(task)

    def _at_given_bids(self, task: BundleTask) -> BundleAnswer:
        problem, bid = task.problem, task.problem.bid_mw
        plan = self._horizon(problem, None).solve(problem, task.directions)
        if plan.prices is None or bid is None:
            raise ValueError("a cut needs bids and prices")
        slope = np.concatenate([plan.prices.bid_per_mw.sum(axis=0), plan.prices.magnitude_per_mw.sum(axis=0)])
        here = np.concatenate([bid, np.abs(bid)])
        return self._answer(task, plan, intercept=plan.bound - float(slope @ here), slope=slope)

    def _searched(self, task: BundleTask) -> BundleAnswer:
        """Return the answer, without a cut, for the best directions of flows and a plan that is exact if any is."""
        problem, repair = task.problem, None
        if FORMULATIONS[self.network].is_ac and not self.elastic:
            repair = ac_repair(self.grid, self.tariff, self.rule, problem)
        search = BranchAndBound(self.grid, self.rule, self._horizon(problem, None), problem, repair)
        plan = search.run(Effort())
        directions = replace(task.directions, flow=fix_directions(plan, search.directions).flow)
        return self._answer(
            replace(task, directions=directions), plan, intercept=-np.inf, slope=np.zeros(2 * len(task.bounds.low))
        )

    def _at_given_prices(self, task: BundleTask) -> BundleAnswer:
        problem, prices = task.problem, task.bid_prices_per_mw
        if prices is None:
            raise ValueError("a question with free bids needs their prices")
        plan = self._horizon(problem, task.bounds).solve(problem, task.directions, bid_prices_per_mw=prices)
        return self._answer(task, plan, intercept=plan.bound, slope=-np.concatenate(prices))

    def _answer(self, task: BundleTask, plan: Plan, *, intercept: float, slope: FloatArray) -> BundleAnswer:
        grid = self.grid if FORMULATIONS[self.network].is_ac else None
        return BundleAnswer(
            cost=plan.objective,
            intercept=intercept,
            slope=slope,
            directions=task.directions,
            battery_p_mw=plan.set_points.battery_p_mw,
            prices=plan.prices,
            certificate=None if task.problem.bid_mw is None else certify(plan, task.problem, grid),
        )

    def _horizon(self, problem: DispatchProblem, bounds: BidBounds | None) -> MultiPeriodProgram:
        """Return this thread's program for a shape and a range of the bids."""
        kept = self._kept()
        key = (problem.shape, None if bounds is None else bounds.key)
        if key not in kept.horizons:
            scenarios, hours = problem.shape
            kept.horizons[key] = MultiPeriodProgram(
                self.grid,
                kept.hour,
                scenarios=scenarios,
                hours=hours,
                bounds=bounds,
                time_limit_s=self.time_limit_s,
                rule=self.rule,
                periods=problem.periods,
            )
        return kept.horizons[key]

    def _kept(self) -> "_Kept":
        """Return the models this thread keeps for solvers like this one, of which every task may bring a copy."""
        known: dict[bytes, _Kept] = _thread.__dict__.setdefault("known", {})
        if self.key not in known:
            known.clear()  # earlier problems will hardly come again, and take memory
            how: dict[str, Any] = {"network": self.network, "elastic": self.elastic, "demand_peak": self.demand_peak}
            how |= {"step_h": self.periods.step_h, "settled": not self.periods.are_coupled}
            known[self.key] = _Kept(hour=compiled(hour_model, self.grid, self.tariff, self.rule, **how))
        return known[self.key]


@dataclass
class _Kept:
    """Models kept by a thread: a compiled hour, and programs by shape and range of the bids."""

    hour: CompiledModel
    horizons: dict[object, MultiPeriodProgram] = field(default_factory=dict)


_thread = threading.local()


def split(problem: DispatchProblem, size: int) -> list[slice]:
    """Return the scenarios of bundles of at most `size`."""
    count = problem.shape[0]
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def worst_certificate(certificates: Sequence[Certificate], gap: float) -> Certificate:
    """Return the worst of all bundles' checks, with the gap of the whole."""

    def worst(name: str) -> float | None:
        return max((value for c in certificates if (value := getattr(c, name)) is not None), default=None)

    checks = ("cone_gap", "power_flow_mismatch_mw", "power_flow_mismatch_pu", "limit_excess_pu")
    status = max((c.status for c in certificates), key=_SEVERITY.index, default="exact")
    return Certificate(**{name: worst(name) for name in checks}, optimality_gap=gap, status=status)


_SEVERITY = ("no network", "exact", "repaired", "inexact", "infeasible")
