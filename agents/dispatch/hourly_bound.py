"""A sharp bound for the bidding problem: price the stored energy, and let every hour choose its own directions.

Hours meet only in the batteries. If the energy handed from hour to hour has a price instead of a balance, the problem
falls apart into hours, each small enough to settle its directions exactly; the sum of the hours' optima is a bound on
the whole (Lagrangian relaxation; Geoffrion 1974, https://doi.org/10.1007/BFb0120690). At the prices of a plan that is
optimal for its directions the bound meets the plan, unless an hour would rather have another direction: then it says
which.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agents.dispatch.compiled import CompiledModel, compile_model
from agents.dispatch.first_stage import BidRange
from agents.dispatch.horizon import Horizon, Plan, PricedHour, Signs, Situation
from agents.dispatch.hour import hour_model
from grids.network import FloatArray, Grid, IntArray
from sim.imbalance import ImbalanceRule
from sim.settlement import Tariff


@dataclass(frozen=True, eq=False, kw_only=True)
class HourlyAnswer:
    """What the hours say.

    Attributes
    ----------
    bound : float
        Lower bound on cost minus revenue of every plan. [$]
    bid : array, shape (T,)
        Direction each hour prefers for its bid, +1 import, -1 export.
    nodes : int
        Problems solved.
    """

    bound: float
    bid: IntArray
    nodes: int


class HourlyBound:
    """Bounds the bidding problem of one grid, tariff and rule hour by hour.

    Parameters
    ----------
    grid, tariff, rule : Grid, Tariff, ImbalanceRule
        What the hour model is made of.
    network : {"branch_flow", "copper_plate"}
        Which network it has.
    """

    def __init__(self, grid: Grid, tariff: Tariff, rule: ImbalanceRule, *, network: str) -> None:
        self._grid, self._tariff, self._rule = grid, tariff, rule
        self._network = network

    @cached_property
    def _hour(self) -> CompiledModel:
        return compile_model(hour_model(self._grid, _hourly_wear(self._tariff), self._rule, network=self._network))

    def answer(self, plan: Plan, situation: Situation, within: BidRange) -> HourlyAnswer:
        """Return bound and preferred directions at the energy prices of a plan.

        Parameters
        ----------
        plan : Plan
            Optimal for its directions.
        situation, within : Situation, BidRange
            The bidding problem it solves.
        """
        scenarios, hours = situation.shape
        bid = np.zeros(hours, dtype=np.int64)
        steering, bound = self._wear_steering(plan, situation)
        nodes = 0
        for hour in range(hours):
            horizon = Horizon(
                self._grid,
                self._hour,
                scenarios=scenarios,
                hours=1,
                within=BidRange(within.low[hour : hour + 1], within.high[hour : hour + 1]),
                priced=PricedHour(
                    start=plan.energy_price_per_mwh[:, hour] if hour > 0 else None,
                    end=plan.energy_price_per_mwh[:, hour + 1] if hour + 1 < hours else None,
                    battery=steering[:, hour],
                ),
            )
            best, direction, solved = _better_direction(horizon, situation.hour(hour))
            bound += best
            nodes += solved
            bid[hour] = direction
        return HourlyAnswer(bound=bound, bid=bid, nodes=nodes)

    def _wear_steering(self, plan: Plan, situation: Situation) -> tuple[FloatArray, float]:
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
        beta, weight = self._tariff.wear_cycling, situation.probability[:, None, None]
        power = plan.set_points.battery_p_mw
        change = np.diff(power, axis=1)
        steering = np.zeros_like(power)
        steering[:, 1:] += beta * change
        steering[:, :-1] -= beta * change
        steering[:, 0] += beta * (power[:, 0] - situation.previous_battery_p_mw)
        steering[:, -1] += beta * power[:, -1]
        squares = (change**2).sum(axis=(1, 2)) + (power[:, 0] ** 2 + power[:, -1] ** 2).sum(axis=1)
        return weight * steering, float(-beta / 2 * situation.probability @ squares)


def _better_direction(horizon: Horizon, situation: Situation) -> tuple[float, int, int]:
    """Return the bound of an hour, the direction of bid that gives it, and the problems solved."""
    unsettled = Signs.unsettled(*horizon.shape)
    directions = [1, -1] if horizon.within is not None and horizon.within.open_hours[0] else [0]
    bounds = []
    for direction in directions:
        signs = Signs(bid=np.array([direction]), flow=unsettled.flow)
        bounds.append(horizon.solve(situation, signs).bound)
    best = int(np.argmin(bounds))
    return bounds[best], directions[best], len(bounds)


def _hourly_wear(tariff: Tariff) -> Tariff:
    """Return the tariff with the part of the wear that an hour keeps to itself."""
    return tariff.model_copy(update={"wear_fast": tariff.wear_fast - tariff.wear_cycling, "wear_cycling": 0.0})
