"""The coordinator of the bundles: asks, collects cuts, bounds, and chooses the next bids."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter

import clarabel
import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from agents.dispatch.bundles import BundleAnswer, BundleSolver, BundleTask, split, worst_certificate
from agents.dispatch.certificate import Certificate
from agents.dispatch.first_stage import BidRange
from agents.dispatch.program import SolverError, solver_settings
from agents.dispatch.situation import Situation
from grids.network import FloatArray

BUNDLE_SIZE = 3
"""Scenarios in a bundle: small ones are quicker for each scenario, large ones bound better."""

LEVEL = 0.3
"""How far between bound and best cost the next bids' modelled cost may lie; lower is bolder."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BundledBid:
    """Bids for all scenarios, with proof.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        The best bids found. [MW]
    objective, bound : float
        Their expected cost minus revenue, and a lower bound on that of any bids. [$]
    battery_p_mw : array, shape (24, U)
        Expected battery schedule. [MW]
    certificate : Certificate
        Worst of all scenarios and hours.
    passes : int
        How often all bundles were asked.
    nodes : int
        Bundle problems solved.
    stopped : str
        Why it stopped short of the gap, or nothing.
    """

    bid_mw: FloatArray
    objective: float
    bound: float
    battery_p_mw: FloatArray
    certificate: Certificate
    passes: int
    nodes: int
    stopped: str = ""


class LevelMethod:
    """Minimises the expected cost of all scenarios over the bids.

    Parameters
    ----------
    solver : BundleSolver
        Answers for a bundle.
    situation, within : Situation, BidRange
        All scenarios, and the range of the bids.
    executor : Executor, optional
        Where the bundles are solved: threads by default; any ``concurrent.futures`` executor will do.
    progress : callable, optional
        Called with a line of text after every pass.
    """

    def __init__(
        self,
        solver: BundleSolver,
        situation: Situation,
        within: BidRange,
        *,
        executor: Executor | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._solver, self._within, self._executor = solver, within, executor
        self._bundles = split(situation, BUNDLE_SIZE)
        self._progress = progress or (lambda _: None)
        self._cuts: list[list[BundleAnswer]] = []
        self._best: list[BundleAnswer] = []
        self._cost = np.inf
        self._bound = -np.inf

    def run(self, start_mw: FloatArray, *, gap: float, time_limit_s: float, max_passes: int = 12) -> BundledBid:
        """Return the best bids found from a first guess.

        Parameters
        ----------
        start_mw : array, shape (24,)
            First bids to try. [MW]
        gap : float
            Relative gap to reach.
        time_limit_s : float
            Seconds after which no further pass begins; the best bids so far come back with their bound.
        max_passes : int
            Most passes over all bundles.

        Raises
        ------
        SolverError
            If a bundle can't be solved in the first pass.
        """
        begin, passes, stopped = perf_counter(), 0, ""
        bids = np.clip(start_mw, self._within.low, self._within.high)
        try:
            while True:
                if passes % 2 == 0 or passes > 3:
                    self._try_bids(bids)
                else:
                    self._ask_prices()
                passes += 1
                bids = self._next_bids()
                self._progress(f"pass {passes}: gap {100 * self._gap():.3f} %")
                if self._gap() <= gap:
                    break
                if passes >= max_passes or perf_counter() - begin > time_limit_s:
                    stopped = f"stopped after {passes} passes over all scenarios"
                    break
        except KeyboardInterrupt:
            stopped = f"interrupted after {passes} passes over all scenarios"
        except SolverError as error:
            stopped = str(error)
        if not self._best:
            raise SolverError(stopped or "no bids could be evaluated")
        return self._result(passes, stopped)

    def _gap(self) -> float:
        return (self._cost - self._bound) / max(abs(self._cost), 1e-9)

    def _answers(self, tasks: Iterable[BundleTask]) -> list[BundleAnswer]:
        if self._executor is not None:
            return list(self._executor.map(self._solver.answer, tasks))
        # The solver works outside Python's lock, so threads use all cores.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self._solver.answer, tasks))

    def _try_bids(self, bids: FloatArray) -> None:
        """Evaluate bids on all bundles: a feasible answer, and cuts."""
        answers = self._answers(
            BundleTask(situation=replace(bundle, bid_mw=bids), within=self._within) for bundle in self._bundles
        )
        self._cuts.append(answers)
        cost = sum(answer.cost for answer in answers)
        if cost < self._cost:
            self._cost, self._best = cost, answers

    def _ask_prices(self) -> None:
        """Let every bundle choose bids at the prices of the best bids so far: a Lagrangian bound, and cuts."""
        share = np.array([bundle.probability.sum() for bundle in self._bundles])
        slopes = np.array([answer.slope for answer in self._best])
        prices = -(slopes - share[:, None] * slopes.sum(axis=0))
        self._cuts.append(
            self._answers(
                BundleTask(situation=bundle, within=self._within, bid_price_per_mw=price)
                for bundle, price in zip(self._bundles, prices, strict=True)
            )
        )

    def _next_bids(self) -> FloatArray:
        """Sharpen the bound from all cuts, and return the bids nearest to the best whose modelled cost is low."""
        rows, limits = self._cut_rows()
        hours, bundles = len(self._within.low), len(self._bundles)
        cost = np.concatenate([np.zeros(hours), np.ones(bundles)])
        box = [*zip(self._within.low, self._within.high, strict=True), *[(None, None)] * bundles]
        master = linprog(cost, A_ub=rows, b_ub=limits, bounds=box, method="highs")
        if not master.success:
            raise SolverError(f"the master problem failed: {master.message}")
        # HiGHS keeps rows to 1e-7; the bound gives up that much for every bundle.
        self._bound = max(self._bound, float(master.fun) - 1e-7 * bundles)
        level = self._bound + LEVEL * (self._cost - self._bound)
        return self._project(rows, limits, cost, level)

    def _cut_rows(self) -> tuple[sparse.csr_matrix, FloatArray]:
        """Return the cuts slope·B - θ_j <= -intercept of all passes."""
        bundles = len(self._bundles)
        blocks, limits = [], []
        for answers in self._cuts:
            slopes = sparse.csr_matrix(np.array([answer.slope for answer in answers]))
            blocks.append(sparse.hstack([slopes, -sparse.identity(bundles)]))
            limits += [-answer.intercept for answer in answers]
        return sparse.vstack(blocks).tocsr(), np.array(limits)

    def _project(self, rows: sparse.csr_matrix, limits: FloatArray, cost: FloatArray, level: float) -> FloatArray:
        """Return the bids nearest to the best ones among those whose modelled cost is at most `level`."""
        hours, size = len(self._within.low), rows.shape[1]
        P = sparse.csc_matrix((np.ones(hours), (range(hours), range(hours))), shape=(size, size))
        q = np.concatenate([-self._best[0].bid_mw, np.zeros(size - hours)])
        pick = sparse.identity(size, format="csr")[:hours]
        A = sparse.vstack([rows, sparse.csr_matrix(cost), pick, -pick]).tocsc()
        b = np.concatenate([limits, [level], self._within.high, -self._within.low])
        answer = clarabel.DefaultSolver(
            P, q, A, b, [clarabel.NonnegativeConeT(len(b))], solver_settings(careful=True)
        ).solve()
        if str(answer.status) not in ("Solved", "AlmostSolved"):
            return self._best[0].bid_mw
        bids: FloatArray = np.clip(np.array(answer.x[:hours]), self._within.low, self._within.high)
        return bids

    def _result(self, passes: int, stopped: str) -> BundledBid:
        certificates = [answer.certificate for answer in self._best if answer.certificate is not None]
        return BundledBid(
            bid_mw=self._best[0].bid_mw,
            objective=self._cost,
            bound=min(self._bound, self._cost),
            battery_p_mw=np.sum([answer.battery_p_mw for answer in self._best], axis=0),
            certificate=worst_certificate(certificates, max(0.0, self._gap())),
            passes=passes,
            nodes=passes * len(self._bundles),
            stopped=stopped,
        )
