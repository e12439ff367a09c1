"""A sharp bound for the bidding problem: price what links the hours, and let each choose its own directions.

Hours meet only in the batteries. If the energy handed from hour to hour has a price instead of a balance, the problem
falls apart into hours; if the bid has a price as well, into hours of single scenarios, each small enough to try every
direction. The sum of their optima bounds every plan (Lagrangian relaxation; Geoffrion 1974,
https://doi.org/10.1007/BFb0120690). At the prices of a plan that is optimal for its directions the bound meets the
plan, unless an hour would rather have another direction: then it says which.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from agents.dispatch.compiled import CompiledModel
from agents.dispatch.cut_horizon import CutHorizon, CutPrices
from agents.dispatch.first_stage import BidRange
from agents.dispatch.plan import Plan, Prices
from agents.dispatch.situation import Signs, Situation
from grids.network import BoolArray, FloatArray, Grid, IntArray
from sim.settlement import Tariff

DIRECTIONS = (1, -1)

WORTH = 1e-5
"""Gain of an hour, relative to the whole cost, from which a change of its directions is worth a try."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What the hours say.

    Attributes
    ----------
    bound : float
        Lower bound on cost minus revenue of every plan. [$]
    signs : Signs
        Directions they prefer.
    nodes : int
        Problems solved.
    """

    bound: float
    signs: Signs
    nodes: int


def hourly_wear(tariff: Tariff) -> Tariff:
    """Return the tariff with the part of the wear that an hour keeps to itself."""
    return tariff.model_copy(update={"wear_fast": tariff.wear_fast - tariff.wear_cycling, "wear_cycling": 0.0})


def price_bound(
    grid: Grid,
    hour: CompiledModel,
    tariff: Tariff,
    plan: Plan,
    signs: Signs,
    situation: Situation,
    within: BidRange,
) -> Answer:
    """Return a bound on the bidding problem, and the directions its parts prefer, at the prices of a plan.

    Parameters
    ----------
    grid, tariff : Grid, Tariff
        Network, and the whole wear.
    hour : CompiledModel
        Hour model under :func:`hourly_wear`.
    plan, signs : Plan, Signs
        The plan that is optimal for these directions, all settled.
    situation, within : Situation, BidRange
        The bidding problem it solves.
    """
    if plan.prices is None:
        raise ValueError("the plan has no prices")
    worth = WORTH * abs(plan.objective)
    battery, constant = _wear_prices(tariff, plan, situation)
    energy = plan.prices.energy_per_mwh
    shared = CutPrices(energy_per_mwh=energy, battery_per_mw=battery)
    trials = [_Trial(bid, 0, shared) for bid in DIRECTIONS]
    if grid.tie_line.power_factor_reading == "both_directions" and "tie_q_mvar" in hour.variables:
        own = replace(shared, bid_per_mw=plan.prices.bid_per_mw, magnitude_per_mw=plan.prices.magnitude_per_mw)
        trials += [_Trial(bid, flow, own) for bid in DIRECTIONS for flow in DIRECTIONS]

    def costs(trial: _Trial) -> tuple[FloatArray, float]:
        signs = Signs(bid=_where_open(within, trial.bid), flow=np.full(situation.shape, trial.flow))
        return CutHorizon(grid, hour, situation, within, trial.prices).tile_costs(signs)

    # The solver works outside Python's lock, so threads use all cores; every answer is the same as one by one.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        solved = dict(zip([(t.bid, t.flow) for t in trials], pool.map(costs, trials), strict=True))
    now, by_bid, flows = np.zeros(situation.shape[1]), [], []
    for bid in DIRECTIONS:
        cost = as_it_is = solved[bid, 0][0].sum(axis=0)
        flow = signs.flow
        if (bid, 1) in solved:
            tiles = np.array([solved[bid, direction][0] for direction in DIRECTIONS])
            first = _first_stage(plan.prices, within, bid)
            cost = np.maximum(cost, tiles.min(axis=0).sum(axis=0) + first)
            as_it_is = np.where(signs.flow > 0, tiles[0], tiles[1]).sum(axis=0) + first
            # A flow changes its direction only where that pays: ties would send the search round in circles.
            flow = np.where(np.abs(tiles[0] - tiles[1]) < worth / situation.shape[0], flow, _cheaper(tiles))
        by_bid.append(np.where(_possible(within, bid), cost, np.inf))
        flows.append(flow)
        now = np.where(_where_open(within, signs.bid) == bid, as_it_is, now)
    best = np.argmin(by_bid, axis=0)
    pays = now - np.min(by_bid, axis=0) > worth
    preferred = np.take_along_axis(np.array(flows), best[None, None], axis=0)[0]
    solver_gap = sum(gap for _, gap in solved.values())
    return Answer(
        bound=float(np.min(by_bid, axis=0).sum() + constant - solver_gap),
        signs=Signs(
            bid=np.where(pays, np.array(DIRECTIONS)[best], signs.bid), flow=np.where(pays, preferred, signs.flow)
        ),
        nodes=len(trials),
    )


def _cheaper(tiles: FloatArray) -> IntArray:
    cheaper: IntArray = np.array(DIRECTIONS)[tiles.argmin(axis=0)]
    return cheaper


@dataclass(frozen=True)
class _Trial:
    """One way to settle all directions: bid and flow (0: relaxed, with one bid for all scenarios), and prices."""

    bid: int
    flow: int
    prices: CutPrices


def _first_stage(prices: Prices, within: BidRange, direction: int) -> FloatArray:
    """Return the least of what the shared bid of each hour pays for its copies, in one direction, shape (T,).

    It is linear in the bid, so the least is at one end of the range.
    """
    slope = prices.bid_per_mw.sum(axis=0) + direction * prices.magnitude_per_mw.sum(axis=0)
    end = within.high if direction > 0 else within.low
    least: FloatArray = np.minimum(0.0, slope * end)
    return least


def _where_open(within: BidRange, direction: int | IntArray) -> IntArray:
    """Return a direction for all bids that may take it; the others keep the only one they have."""
    only = np.where(within.low < 0, -1, 1)
    return np.where(within.open_hours, direction, only)


def _possible(within: BidRange, direction: int) -> BoolArray:
    possible: BoolArray = within.open_hours | ((within.low < 0) == (direction < 0))
    return possible


def _wear_prices(tariff: Tariff, plan: Plan, situation: Situation) -> tuple[FloatArray, float]:
    """Return the linear part and the constant of a bound on the wear that falls apart into hours.

    Of the wear α·ΣP² - β·ΣP·P_before every hour keeps (α - β)·P². The rest, β/2 of the squared change of power
    from hour to hour and of the squared power in the first and last hour, is convex and is replaced by its
    tangent at the plan, so that the bound is sharp there.

    Returns
    -------
    array, shape (S, T, U)
        Price of battery power, times the scenario's probability. [$/MW]
    float
        Constant. [$]
    """
    beta, weight = tariff.wear_cycling, situation.probability[:, None, None]
    power = plan.set_points.battery_p_mw
    change = np.diff(power, axis=1)
    price = np.zeros_like(power)
    price[:, 1:] += beta * change
    price[:, :-1] -= beta * change
    price[:, 0] += beta * (power[:, 0] - situation.previous_battery_p_mw)
    price[:, -1] += beta * power[:, -1]
    squares = (change**2).sum(axis=(1, 2)) + (power[:, 0] ** 2 + power[:, -1] ** 2).sum(axis=1)
    return weight * price, float(-beta / 2 * situation.probability @ squares)
