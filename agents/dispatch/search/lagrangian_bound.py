"""Lagrangian bound of the bidding problem: the links of the hours are priced, and each chooses its directions.

Hours meet only in the batteries. If the energy passed from hour to hour has a price instead of a balance, the problem
falls apart into hours; if the bid has a price as well, into hours of single scenarios, each small enough to try every
direction. The sum of their optima bounds every plan (Lagrangian relaxation; Geoffrion 1974,
https://doi.org/10.1007/BFb0120690). At the prices of a plan that is optimal for its directions the bound meets the
plan, unless an hour prefers another direction, which its solution shows. The value of a bid of the other direction
to the scenarios follows from the hour subproblem they share with that direction.
"""

import math
from dataclasses import dataclass

import numpy as np

from agents.dispatch.compiled import CompiledModel
from agents.dispatch.plan import Prices
from agents.dispatch.problem import BidBounds, Directions, DispatchProblem
from agents.dispatch.search.hour_subproblem import HourPool, HourPrices, HourTask
from grids.network import FloatArray, Grid, IntArray
from sim.market.tariff import Tariff

TOGETHER = 20
"""Largest number of scenarios solved together in an hour."""

WORTH = 1e-5
"""Gain of an hour, relative to the whole cost, from which a change of its directions is worth a try."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BoundAnswer:
    """Answer of all hours: bound, preferred directions, and gains.

    Attributes
    ----------
    bound : float
        Lower bound on cost minus revenue of every plan. [$]
    directions : Directions
        Directions they prefer.
    gain : array, shape (T,)
        Gain of each hour by them; zero where it prefers those it has. [$]
    nodes : int
        Problems of one hour solved.
    """

    bound: float
    directions: Directions
    gain: FloatArray
    nodes: int


class Turning:
    """Choice of the hours that turn to the directions they prefer.

    Hours that turn all at once change the prices they turned for. Where that did not pay, only those turn that gain
    the most, half as many at a time.
    """

    def __init__(self) -> None:
        self._base: Directions | None = None
        self._answer: BoundAnswer | None = None
        self._share = 1.0

    def paid(self, directions: Directions, answer: BoundAnswer) -> None:
        """Go on from directions that were the best so far, and from the answer of the hours to them."""
        self._base, self._answer, self._share = directions, answer, min(1.0, 2 * self._share)

    def did_not_pay(self) -> None:
        """Turn fewer hours the next time."""
        self._share /= 2

    def next(self) -> Directions | None:
        """Return the directions to try next; nothing if no hour is left to turn."""
        if self._base is None or self._answer is None:
            return None
        gain, preferred = self._answer.gain, self._answer.directions
        count = math.floor(self._share * np.count_nonzero(gain))
        if count == 0:
            return None
        turned = np.zeros(len(gain), dtype=np.bool_)
        turned[np.argsort(-gain, kind="stable")[:count]] = True
        return Directions(
            bid=np.where(turned, preferred.bid, self._base.bid), flow=np.where(turned, preferred.flow, self._base.flow)
        )


def hourly_wear(tariff: Tariff) -> Tariff:
    """Return the tariff with the part of the wear that an hour keeps to itself."""
    return tariff.model_copy(update={"wear_fast": tariff.wear_fast - tariff.wear_cycling, "wear_cycling": 0.0})


class LagrangianBound:
    """Lagrangian bound of one bidding problem at the prices of any of its plans.

    Parameters
    ----------
    grid, tariff : Grid, Tariff
        Network, and the whole wear.
    hour : CompiledModel
        Hour model under :func:`hourly_wear`.
    problem, bounds : DispatchProblem, BidBounds
        The bidding problem.
    threads : int
        How many hours are solved at a time.
    """

    def __init__(
        self,
        grid: Grid,
        hour: CompiledModel,
        tariff: Tariff,
        problem: DispatchProblem,
        bounds: BidBounds,
        *,
        threads: int = 1,
    ) -> None:
        self._tariff, self._problem, self._bounds = tariff, problem, bounds
        branches = grid.tie_line.power_factor_reading == "both_directions" and "tie_q_mvar" in hour.variables
        self._flows = (1, -1) if branches else (0,)
        self._pool = HourPool(grid, hour, problem, threads)

    def __call__(
        self, duals: Prices, battery_p_mw: FloatArray, directions: Directions, *, probability: FloatArray | None = None
    ) -> BoundAnswer:
        """Return the bound and the preferred directions.

        Parameters
        ----------
        duals : Prices
            Of a plan that is optimal for these directions.
        battery_p_mw : array, shape (S, T, U)
            Battery power in that plan. [MW]
        directions : Directions
            The directions, all fixed.
        probability : array, shape (S,), optional
            Weights of the scenarios, sum 1; those of the dispatch problem by default.
        """
        weight = self._problem.probability if probability is None else probability
        prices = _Prices.of(duals, battery_p_mw, weight, self._tariff, self._problem)
        now = self._bounds.direction(directions.bid)
        solved_before = self._pool.solved
        bid, magnitude = duals.bid_per_mw, duals.magnitude_per_mw
        blocks = self._scenario_costs(prices, np.arange(len(now)), now, bid, magnitude)
        first = self._first_stage(bid, magnitude, now)
        as_it_is = self._at(blocks, directions.flow).sum(axis=0) + first
        cost = blocks.min(axis=0).sum(axis=0) + first
        worth = WORTH * abs(float(as_it_is.sum()) + prices.constant)
        doubtful = as_it_is - cost > worth
        asked, _ = self._asked(prices, now, np.flatnonzero(doubtful), as_it_is)
        cost[doubtful] = np.maximum(cost, asked)[doubtful]
        other, other_blocks = self._asked(prices, -now, np.flatnonzero(self._bounds.open_hours), cost)
        turns = (as_it_is - other > worth) & (other < cost)
        flow = np.where(doubtful, self._preferred_flows(blocks, directions.flow, worth / len(bid)), directions.flow)
        flow = np.where(turns, self._preferred_flows(other_blocks, directions.flow, 0.0), flow)
        changes = turns | (flow != directions.flow).any(axis=0)
        return BoundAnswer(
            bound=float(np.minimum(cost, other).sum() + prices.constant),
            directions=Directions(bid=np.where(turns, -now, directions.bid), flow=flow),
            gain=np.where(changes, np.maximum(as_it_is - np.minimum(cost, other), 1e-9), 0.0),
            nodes=self._pool.solved - solved_before,
        )

    def _asked(
        self, prices: "_Prices", bid: IntArray, hours: IntArray, enough: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the cost of some hours at prices of the bid that their scenarios imply.

        The scenarios are first asked together, their flows not fixed; their prices of the bid then let each be
        asked on its own, where the hour does not yet cost `enough`.

        Returns
        -------
        array, shape (T,)
            Lower bound; infinite for hours that were not asked, or can't have this direction. [$]
        array, shape (F, S, T)
            Cost of every scenario in the hours that were asked twice. [$]
        """
        scenarios, count = self._problem.shape
        least = np.full(count, math.inf)
        bid_price, magnitude_price = np.zeros((scenarios, count)), np.zeros((scenarios, count))
        blocks = np.zeros((len(self._flows), scenarios, count))
        least[hours] = 0.0
        tasks = [
            self._task(prices, prices.counting[first : first + TOGETHER], t, 0, bid[t])
            for first in range(0, len(prices.counting), TOGETHER)
            for t in hours
        ]
        for task, answer in zip(tasks, self._pool.solve(tasks), strict=True):
            least[task.hour] += answer.cost
            bid_price[task.scenarios, task.hour] = answer.bid_per_mw
            magnitude_price[task.scenarios, task.hour] = answer.magnitude_per_mw
        again = np.flatnonzero(least < enough)
        if len(self._flows) > 1 and again.size:
            blocks[..., again] = self._scenario_costs(prices, again, bid, bid_price, magnitude_price)
            apart = blocks.min(axis=0).sum(axis=0) + self._first_stage(bid_price, magnitude_price, bid)
            least[again] = np.maximum(least, apart)[again]
        return least, blocks

    def _scenario_costs(
        self, prices: "_Prices", hours: IntArray, bid: IntArray, bid_price: FloatArray, magnitude_price: FloatArray
    ) -> FloatArray:
        """Return the cost of scenarios in some hours with a bid of their own at a price, shape (F, S, len(hours))."""
        tasks = [
            self._task(prices, np.array([s]), t, flow, bid[t], -bid_price[s, t], -magnitude_price[s, t])
            for flow in self._flows
            for s in prices.counting
            for t in hours
        ]
        costs = [answer.cost for answer in self._pool.solve(tasks)]
        blocks = np.zeros((len(self._flows), self._problem.shape[0], len(hours)))
        blocks[:, prices.counting] = np.array(costs).reshape(len(self._flows), len(prices.counting), len(hours))
        return blocks

    def _task(
        self,
        prices: "_Prices",
        scenarios: IntArray,
        hour: int,
        flow: int,
        bid: int,
        bid_price: float = 0.0,
        magnitude_price: float = 0.0,
    ) -> HourTask:
        return HourTask(
            scenarios=scenarios,
            hour=hour,
            flow=flow,
            low_mw=float(self._bounds.low[hour]) if bid < 0 else 0.0,
            high_mw=float(self._bounds.high[hour]) if bid > 0 else 0.0,
            probability=prices.probability[scenarios],
            prices=HourPrices(
                start_per_mwh=prices.start_per_mwh[scenarios, hour],
                end_per_mwh=prices.end_per_mwh[scenarios, hour],
                battery_per_mw=prices.battery_per_mw[scenarios, hour],
                bid_per_mw=bid_price,
                magnitude_per_mw=magnitude_price,
            ),
        )

    def _first_stage(self, bid_price: FloatArray, magnitude_price: FloatArray, bid: IntArray) -> FloatArray:
        """Return the least payment of the shared bid of each hour for its copies, in one direction, shape (T,).

        It is linear in the bid, so the least is at one end of the range.
        """
        slope = bid_price.sum(axis=0) + bid * magnitude_price.sum(axis=0)
        least: FloatArray = np.minimum(0.0, slope * np.where(bid > 0, self._bounds.high, self._bounds.low))
        return least

    def _at(self, blocks: FloatArray, flow: IntArray) -> FloatArray:
        """Return the costs at given directions of the flows, shape (S, T)."""
        costs: FloatArray = np.where(flow >= 0, blocks[0], blocks[-1])
        return costs

    def _preferred_flows(self, blocks: FloatArray, flow: IntArray, worth: float) -> IntArray:
        """Return the cheaper directions; one changes only where that pays, for ties would go round in circles."""
        cheaper = np.array(self._flows)[blocks.argmin(axis=0)]
        preferred: IntArray = np.where(self._at(blocks, flow) - blocks.min(axis=0) > worth, cheaper, flow)
        return preferred


@dataclass(frozen=True, eq=False, kw_only=True)
class _Prices:
    """Prices of the links between hours, shape (S, T, U), times the scenario's probability, and a constant in $.

    Scenarios that count have a probability above zero.
    """

    probability: FloatArray
    counting: IntArray
    start_per_mwh: FloatArray
    end_per_mwh: FloatArray
    battery_per_mw: FloatArray
    constant: float

    @classmethod
    def of(
        cls, duals: Prices, power: FloatArray, probability: FloatArray, tariff: Tariff, problem: DispatchProblem
    ) -> "_Prices":
        """Return the prices at which a plan with these duals and this battery power is optimal.

        Of the wear α·ΣP² - β·ΣP·P_before every hour keeps (α - β)·P². The rest, β/2 of the squared change of power
        from hour to hour and of the squared power in the first and last hour, is convex and is replaced by its
        tangent at the plan, so that the bound is sharp there.
        """
        beta = tariff.wear_cycling * problem.step_h
        change = np.diff(power, axis=1)
        wear = np.zeros_like(power)
        wear[:, 1:] += beta * change
        wear[:, :-1] -= beta * change
        wear[:, 0] += beta * (power[:, 0] - problem.previous_battery_p_mw)
        wear[:, -1] += beta * power[:, -1]
        squares = (change**2).sum(axis=(1, 2)) + (power[:, 0] ** 2 + power[:, -1] ** 2).sum(axis=1)
        energy = duals.energy_per_mwh
        end = np.zeros_like(energy)
        end[:, :-1] = energy[:, 1:]
        return cls(
            probability=probability,
            counting=np.flatnonzero(probability > 0),
            start_per_mwh=-energy,
            end_per_mwh=end,
            battery_per_mw=probability[:, None, None] * wear,
            constant=float(-beta / 2 * probability @ squares),
        )
