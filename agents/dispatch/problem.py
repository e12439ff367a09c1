"""Dispatch problem: scenarios, prices, the state of the stores, and directions."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from agents.dispatch.connection_problem import ConnectionProblem, Curves, Offers, StoreValues
from grids.network import BoolArray, FloatArray, Grid, IntArray
from sim.market.imbalance import ImbalanceRule
from sim.market.settlement import price_parts


@dataclass(frozen=True, eq=False)
class BidBounds:
    """Lowest and highest bid worth considering in each hour, shape (T,), positive for import. [MW]"""

    low: FloatArray
    high: FloatArray

    @property
    def open_hours(self) -> BoolArray:
        """Hours whose direction is not fixed by the range, shape (T,)."""
        return (self.low < 0) & (self.high > 0)

    @property
    def key(self) -> bytes:
        """Key of this range."""
        return self.low.tobytes() + self.high.tobytes()

    def direction(self, chosen: IntArray) -> IntArray:
        """Return the direction of every bid, shape (T,): as chosen where there is a choice, else the only one."""
        only = np.where(self.low < 0, -1, 1)
        direction: IntArray = np.where(self.open_hours & (chosen != 0), chosen, only)
        return direction

    def fixed(self, chosen: IntArray) -> "BidBounds":
        """Return the part of the range that lies in the directions of the bids."""
        direction = self.direction(chosen)
        return BidBounds(low=np.where(direction > 0, 0.0, self.low), high=np.where(direction < 0, 0.0, self.high))


@dataclass(frozen=True)
class Periods:
    """Lengths of the periods of a dispatch problem.

    Attributes
    ----------
    step_h : float
        Length of a step. [h]
    market_steps, settlement_steps : int
        Steps for which one bid holds, and over which metered energy is compared with it.
    passed : int
        Steps of the first settlement period that have passed.
    """

    step_h: float = 1.0
    market_steps: int = 1
    settlement_steps: int = 1
    passed: int = 0

    @property
    def are_coupled(self) -> bool:
        """Return whether the imbalance of a step counts together with that of others."""
        return self.settlement_steps > 1

    @property
    def are_apart(self) -> bool:
        """Return whether the steps share neither a bid nor an imbalance."""
        return self.market_steps == self.settlement_steps == 1

    def settlement(self, hours: int) -> IntArray:
        """Return the steps of every settlement period, shape (P, n): those passed below 0, those beyond above T - 1.

        Parameters
        ----------
        hours : int
            Steps T of the problem.
        """
        count = -(-(self.passed + hours) // self.settlement_steps)
        return np.arange(count * self.settlement_steps).reshape(count, -1) - self.passed


@dataclass(frozen=True, eq=False, kw_only=True)
class DispatchProblem:
    """Data of a decision: scenarios of the hours ahead, prices, and the state of the stores.

    Attributes
    ----------
    demand_mw, available_mw : array, shape (S, T, D), (S, T, G)
        Demand of each load and available output of each renewable. [MW]
    probability : array, shape (S,)
        Probabilities of the scenarios.
    price_per_mwh, retail_price_per_mwh : array, shape (T,)
        Day-ahead and retail price. [$/MWh]
    over_price_per_mwh, under_price_per_mwh : array, shape (T, K)
        Step prices of the imbalance rule. [$/MWh]
    start_energy_mwh, previous_battery_p_mw : array, shape (U,)
        Stored energy at the start, and battery power in the hour before. [MWh], [MW]
    required_energy_mwh : array, shape (T, U)
        Energy that must be left at the end of each hour. [MWh]
    bid_mw : array, shape (T,), optional
        The submitted bids; None where they are to be decided. [MW]
    bounds : BidBounds, optional
        Range of the bids where they are to be decided; None where they are given.
    bid_magnitude_mw : array, shape (T,), optional
        Magnitude that widens the band; by default that of the bids. [MW]
    exchange_p_mw, exchange_q_mvar : array, shape (S, T, M), optional
        Power that microgrids take from the network, where that is given. [MW], [Mvar]
    community : tuple of ConnectionProblem, optional
        Data of the microgrids, where their devices are decided here (the central benchmark). (M,)
    fits : bool
        Whether limits of charging to what fits into their stores are needed, because a price may be below zero.
    offers : Offers or Curves, optional
        Prices and quantities, where microgrids decide for themselves.
    values : StoreValues, optional
        Value of the batteries' energy after the last hour. (U stores)
    step_h : float
        Length of a step, which "hour" stands for. [h]
    market_steps, settlement_steps : int
        Steps for which one bid holds, and over which metered energy is compared with it.
    metered_mw : array, shape (K,)
        Flows of the tie line in the steps of the first settlement period that have passed. [MW]
    """

    demand_mw: FloatArray
    available_mw: FloatArray
    probability: FloatArray
    price_per_mwh: FloatArray
    retail_price_per_mwh: FloatArray
    over_price_per_mwh: FloatArray
    under_price_per_mwh: FloatArray
    start_energy_mwh: FloatArray
    previous_battery_p_mw: FloatArray
    required_energy_mwh: FloatArray
    bid_mw: FloatArray | None = None
    bounds: BidBounds | None = None
    bid_magnitude_mw: FloatArray | None = None
    exchange_p_mw: FloatArray | None = None
    exchange_q_mvar: FloatArray | None = None
    community: tuple[ConnectionProblem, ...] | None = None
    fits: bool = False
    offers: Offers | Curves | None = None
    values: StoreValues | None = None
    step_h: float = 1.0
    market_steps: int = 1
    settlement_steps: int = 1
    metered_mw: FloatArray = field(default_factory=lambda: np.zeros(0))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of scenarios S and hours T."""
        return self.demand_mw.shape[0], self.demand_mw.shape[1]

    @property
    def step_prices(self) -> tuple[FloatArray, FloatArray]:
        """Step prices of over- and under-scheduling, shape (T, K) each. [$/MWh]"""
        return self.over_price_per_mwh, self.under_price_per_mwh

    @property
    def periods(self) -> Periods:
        """Lengths of its periods."""
        return Periods(self.step_h, self.market_steps, self.settlement_steps, len(self.metered_mw))

    def flows(self, bid_mw: FloatArray, tie_p_mw: FloatArray) -> FloatArray:
        """Return the flows of every settlement period, shape (S, P, n): what is beyond the problem is as bid. [MW]

        Parameters
        ----------
        bid_mw, tie_p_mw : array, shape (T,), (S, T)
            Bids and flows. [MW]
        """
        scenarios, places = len(tie_p_mw), self.periods.settlement(self.shape[1])
        beyond = places.size - len(self.metered_mw) - self.shape[1]
        before, after = np.tile(self.metered_mw, (scenarios, 1)), np.tile(bid_mw[-1:], (scenarios, beyond))
        return np.concatenate([before, tie_p_mw, after], axis=1).reshape(scenarios, *places.shape)

    def penalty(self, rule: ImbalanceRule, bid_mw: FloatArray, tie_p_mw: FloatArray) -> FloatArray:
        """Return the penalty of flows of shape (S, T) against bids of shape (T,), shape (S, T). [$]

        That of a settlement period stands at its last step.
        """
        if not self.periods.are_coupled:
            return rule.penalty(bid_mw, tie_p_mw, self.step_prices, step_h=self.step_h)
        places, penalty = self.periods.settlement(self.shape[1]), np.zeros_like(tie_p_mw)
        first, last = np.maximum(places[:, 0], 0), np.minimum(places[:, -1], self.shape[1] - 1)
        over, under = (prices[first] for prices in self.step_prices)
        mean_mw, length_h = self.flows(bid_mw, tie_p_mw).mean(axis=2), self.step_h * self.settlement_steps
        penalty[:, last] = rule.penalty(bid_mw[first], mean_mw, (over, under), step_h=length_h)
        return penalty

    def with_scenarios(
        self, demand_mw: FloatArray, available_mw: FloatArray, probability: FloatArray
    ) -> "DispatchProblem":
        """Return the dispatch problem with other scenarios."""
        return replace(self, demand_mw=demand_mw, available_mw=available_mw, probability=probability)


@dataclass(frozen=True, eq=False, kw_only=True)
class Directions:
    """Directions that make the problem convex: +1 import, -1 export, 0 not fixed.

    Attributes
    ----------
    bid : array, shape (T,)
        Direction of each hour's bid.
    flow : array, shape (S, T)
        Direction of each tie-line flow, for the power factor of Eq. (30).
    """

    bid: IntArray
    flow: IntArray

    @classmethod
    def undecided(cls, scenarios: int, hours: int) -> "Directions":
        """Return directions of which none is fixed."""
        return cls(bid=np.zeros(hours, dtype=np.int64), flow=np.zeros((scenarios, hours), dtype=np.int64))


def hour_data(grid: Grid, problem: DispatchProblem, directions: Directions) -> dict[str, FloatArray]:
    """Return the data of every hour model in the order of (scenario, hour), shape (S * T, units) or to broadcast."""
    scenarios, hours = problem.shape
    hourly = {
        **price_parts(problem.price_per_mwh),
        "retail_price_per_mwh": problem.retail_price_per_mwh,
        "over_price_per_mwh": problem.over_price_per_mwh,
        "under_price_per_mwh": problem.under_price_per_mwh,
        "required_energy_mwh": problem.required_energy_mwh,
    }
    if problem.bid_mw is not None:
        magnitude = problem.bid_magnitude_mw
        hourly["bid_mw"] = problem.bid_mw
        hourly["bid_magnitude_mw"] = np.abs(problem.bid_mw) if magnitude is None else magnitude
    nothing = np.zeros((scenarios * hours, len(grid.connections)))
    given = {
        name: nothing if (exchange := getattr(problem, name)) is None else exchange.reshape(nothing.shape)
        for name in ("exchange_p_mw", "exchange_q_mvar")
    }
    return {
        **given,
        "demand_mw": problem.demand_mw.reshape(scenarios * hours, -1),
        "available_mw": problem.available_mw.reshape(scenarios * hours, -1),
        "start_energy_mwh": problem.start_energy_mwh,
        "previous_battery_p_mw": problem.previous_battery_p_mw,
        **power_factor_slack(grid, directions.flow),
        **{name: np.tile(value.reshape(hours, -1), (scenarios, 1)) for name, value in hourly.items()},
    }


def mean_problem(problem: DispatchProblem) -> DispatchProblem:
    """Return a dispatch problem of one scenario, the mean of all."""
    return problem.with_scenarios(
        np.tensordot(problem.probability, problem.demand_mw, axes=1)[None],
        np.tensordot(problem.probability, problem.available_mw, axes=1)[None],
        np.ones(1),
    )


def all_values(problem: DispatchProblem) -> StoreValues:
    """Return the value of the energy of batteries, and of the microgrids' stores, after the last hour."""
    parts = [] if problem.values is None else [problem.values]
    parts += [connection.values for connection in problem.community or () if connection.values is not None]
    return StoreValues.joined(parts)


def power_factor_slack(grid: Grid, flow: IntArray) -> dict[str, FloatArray]:
    """Return the slack of Eq. (30) in each direction, shape (S * T, 1): enough to make it idle, or zero. [Mvar]"""
    both = grid.tie_line.power_factor_reading == "both_directions"
    idle = grid.tie_line.max_s_mva * (1 + math.tan(math.acos(grid.tie_line.min_power_factor)))
    must_import = (flow > 0) if both else np.ones_like(flow, dtype=bool)
    return {
        "import_slack_mvar": np.where(must_import, 0.0, idle).reshape(-1, 1),
        "export_slack_mvar": np.where(flow < 0, 0.0, idle).reshape(-1, 1),
    }


def bid_data(bounds: BidBounds, directions: Directions) -> dict[str, FloatArray]:
    """Return the data of the first stage: the largest bid of each hour in each direction. [MW]"""
    return {
        "max_import_mw": np.where(directions.bid >= 0, bounds.high, 0.0),
        "max_export_mw": np.where(directions.bid <= 0, -bounds.low, 0.0),
    }
