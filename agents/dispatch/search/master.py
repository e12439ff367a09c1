"""Master problem of the bundles: the best bids by all cuts collected so far.

Its columns are the bids B, their magnitudes M = |B|, a direction for each (1 import, 0 export), the cost θ of every
bundle and, with aversion to risk, the value at risk η and the excess of each scenario over it (Rockafellar and
Uryasev 2000, https://doi.org/10.21314/JOR.2000.038). Directions that are open make it a small mixed-integer program.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import clarabel
import numpy as np
from scipy import sparse
from scipy.optimize import LinearConstraint, OptimizeResult, linprog, milp

from agents.dispatch.conic_program import SolverError, solver_settings
from agents.dispatch.problem import BidBounds
from grids.network import FloatArray, IntArray
from sim.risk import Risk
from sim.study import SOLVER_TIME_LIMIT_S

ROW_TOLERANCE = 1e-7
"""Tolerance of HiGHS on its rows; the bound is lowered by it for every bundle. [$]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class MasterAnswer:
    """Answer of the master problem: bound, directions, and weights of the cuts.

    Attributes
    ----------
    bound : float
        Lower bound on the risk-adjusted cost of any bids. [$]
    direction : array, shape (T,)
        Directions of the best bids.
    weights : array, shape (passes, J)
        Weight of each cut at these directions (the duals).
    emphasis : array, shape (J,)
        Weight of a dollar in each bundle: 1, but for aversion to risk.
    """

    bound: float
    direction: IntArray
    weights: FloatArray
    emphasis: FloatArray


class Master:
    """Master problem: collects cuts, bounds, and proposes bids.

    Parameters
    ----------
    bounds : BidBounds
        Range of the bids.
    risk : Risk
        Aversion to risk.
    share : array, shape (J,)
        Probability of every bundle.
    """

    def __init__(self, bounds: BidBounds, risk: Risk, share: FloatArray) -> None:
        self._bounds, self._risk, self._share = bounds, risk, share
        self._hours, self._bundles = len(bounds.low), len(share)
        self._slopes: list[FloatArray] = []
        self._limits: list[FloatArray] = []
        self._cost = self._objective()

    def add(self, slopes: Sequence[FloatArray], intercepts: Sequence[float]) -> None:
        """Add a cut for every bundle: θ_j >= intercept + slope·(B, M)."""
        self._slopes.append(np.array(slopes))
        self._limits.append(-np.array(intercepts))

    def solve(self) -> MasterAnswer:
        """Return the bound, the best directions, and the weight of each cut.

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        rows, limits = self._rows()
        bound, direction = -np.inf, self._bounds.direction(np.ones(self._hours, dtype=np.int64))
        low, high = self._box(direction, fixed=False)
        if self._bounds.open_hours.any():
            integer = np.zeros(len(self._cost))
            integer[2 * self._hours : 3 * self._hours] = 1
            chosen = _checked(
                milp(
                    self._cost,
                    constraints=LinearConstraint(rows, ub=limits),
                    bounds=(low, high),
                    integrality=integer,
                    options={"mip_rel_gap": 1e-6, "time_limit": SOLVER_TIME_LIMIT_S},
                )
            )
            bound = float(chosen.mip_dual_bound)
            direction = np.where(chosen.x[2 * self._hours : 3 * self._hours] > 0.5, 1, -1)
        low, high = self._box(direction, fixed=True)
        answer = _checked(
            linprog(
                self._cost,
                A_ub=rows,
                b_ub=limits,
                bounds=np.stack([low, high], axis=1),
                method="highs",
                options={"time_limit": SOLVER_TIME_LIMIT_S},
            )
        )
        if not self._bounds.open_hours.any():
            bound = float(answer.fun)
        duals = np.clip(-answer.ineqlin.marginals, 0.0, None)
        cuts = len(self._slopes) * self._bundles
        emphasis = np.ones(self._bundles)
        if self._risk.averse:
            emphasis = 1 - self._risk.cvar_weight + duals[cuts : cuts + self._bundles]
        return MasterAnswer(
            bound=bound - ROW_TOLERANCE * self._bundles,
            direction=direction,
            weights=duals[:cuts].reshape(-1, self._bundles),
            emphasis=emphasis,
        )

    def project(self, near_mw: FloatArray, level: float, direction: IntArray) -> FloatArray:
        """Return the bids of some directions nearest to others, among those whose modelled cost is at most `level`."""
        rows, limits = self._rows()
        low, high = self._box(direction, fixed=True)
        size, hours = len(self._cost), self._hours
        P = sparse.csc_matrix((np.ones(hours), (range(hours), range(hours))), shape=(size, size))
        q = np.zeros(size)
        q[:hours] = -near_mw
        every = sparse.identity(size, format="csr")
        equal_ends, bounded_below, bounded_above = low == high, np.isfinite(low) & (low < high), np.isfinite(high)
        bounded_above &= low < high
        A = [every[equal_ends], rows, sparse.csr_matrix(self._cost), every[bounded_above], -every[bounded_below]]
        b = [low[equal_ends], limits, [level], high[bounded_above], -low[bounded_below]]
        equal = int(equal_ends.sum())
        rest = sum(len(part) for part in b) - equal
        cones = [clarabel.ZeroConeT(equal), clarabel.NonnegativeConeT(rest)]
        answer = clarabel.DefaultSolver(
            P, q, sparse.vstack(A).tocsc(), np.concatenate(b), cones, solver_settings(careful=True)
        ).solve()
        if str(answer.status) not in ("Solved", "AlmostSolved"):
            return near_mw
        box = self._bounds.fixed(direction)
        bids: FloatArray = np.clip(np.array(answer.x[:hours]), box.low, box.high)
        return bids

    def _objective(self) -> FloatArray:
        bids = np.zeros(3 * self._hours)
        if not self._risk.averse:
            return np.concatenate([bids, np.ones(self._bundles)])
        weight, level = self._risk.cvar_weight, self._risk.cvar_level
        tail = np.full(self._bundles, weight / (1 - level))
        return np.concatenate([bids, np.full(self._bundles, 1 - weight), [weight], tail])

    def _rows(self) -> tuple[sparse.csr_matrix, FloatArray]:
        """Return all rows and their limits: cuts, then the tail of the risk, then those that tie M to B."""
        hours, bundles, size = self._hours, self._bundles, len(self._cost)
        one = sparse.identity(bundles)
        tail = size - 3 * hours - bundles
        cuts = [
            sparse.hstack([slope, sparse.csr_matrix((bundles, hours)), -one, sparse.csr_matrix((bundles, tail))])
            for slope in self._slopes
        ]
        limits = [*self._limits]
        if self._risk.averse:  # θ_j - p_j·η - u_j <= 0
            cuts.append(sparse.hstack([sparse.csr_matrix((bundles, 3 * hours)), one, -self._share[:, None], -one]))
            limits.append(np.zeros(bundles))
        magnitude, magnitude_limits = self._magnitude_rows()
        cuts.append(sparse.hstack([magnitude, sparse.csr_matrix((len(magnitude_limits), bundles + tail))]))
        return sparse.vstack(cuts).tocsr(), np.concatenate([*limits, magnitude_limits])

    def _magnitude_rows(self) -> tuple[sparse.csr_matrix, FloatArray]:
        """Return the rows that make M the magnitude of B, given the direction z: six for every hour."""
        hours, one = self._hours, sparse.identity(self._hours)
        low, high = sparse.diags(-self._bounds.low), sparse.diags(self._bounds.high)
        nothing = sparse.csr_matrix((hours, hours))
        rows = [
            [one, -one, nothing],  # B <= M
            [-one, -one, nothing],  # -B <= M
            [one, nothing, -high],  # B <= high·z
            [-one, nothing, low],  # -B <= -low·(1 - z)
            [-one, one, 2 * low],  # M <= B - 2·low·(1 - z)
            [one, one, -2 * high],  # M <= -B + 2·high·z
        ]
        zero, limit = np.zeros(hours), -self._bounds.low
        return sparse.bmat(rows).tocsr(), np.concatenate([zero, zero, zero, limit, 2 * limit, zero])

    def _box(self, direction: IntArray, *, fixed: bool) -> tuple[FloatArray, FloatArray]:
        """Return bounds of all columns: directions either fixed, or free where they are open."""
        hours, bundles, size = self._hours, self._bundles, len(self._cost)
        low, high = np.full(size, -np.inf), np.full(size, np.inf)
        low[:hours], high[:hours] = self._bounds.low, self._bounds.high
        low[hours : 2 * hours] = 0.0
        free = self._bounds.open_hours & (not fixed)
        low[2 * hours : 3 * hours] = np.where(free, 0.0, direction > 0)
        high[2 * hours : 3 * hours] = np.where(free, 1.0, direction > 0)
        low[3 * hours + bundles + 1 :] = 0.0  # excess over the value at risk
        return low, high


def _checked(answer: OptimizeResult) -> OptimizeResult:
    if not answer.success:
        raise SolverError(f"the master problem failed: {answer.message}")
    return answer
