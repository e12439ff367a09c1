"""Subproblem of one hour: it does not get energy from the hour before, but buys and sells it at prices."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.dispatch.compiled import CompiledModel, compiled
from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.first_stage import own_bid_model, store_model
from grids.network import FloatArray, Grid


@dataclass(frozen=True, eq=False, kw_only=True)
class HourPrices:
    """Prices of the scenarios of an hour subproblem, each times its probability.

    Attributes
    ----------
    start_per_mwh, end_per_mwh : array, shape (S, U)
        Cost of energy at the start and at the end of the hour (negative for energy of value at the end). [$/MWh]
    battery_per_mw : array, shape (S, U)
        Price of battery power. [$/MW]
    bid_per_mw, magnitude_per_mw : float
        Cost of the bid and of its magnitude. [$/MW]
    """

    start_per_mwh: FloatArray
    end_per_mwh: FloatArray
    battery_per_mw: FloatArray
    bid_per_mw: float = 0.0
    magnitude_per_mw: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class HourAnswer:
    """Answer of an hour subproblem: its least cost, and the price of a bid in each of its scenarios.

    Attributes
    ----------
    cost : float
        Lower bound on the cost, sharp to the solver's tolerance. [$]
    bid_per_mw, magnitude_per_mw : array, shape (S,)
        Derivative of each scenario's cost by the bid and by its magnitude. [$/MW]
    """

    cost: float
    bid_per_mw: FloatArray
    magnitude_per_mw: FloatArray


class HourSubproblem:
    """A reusable program for one hour of scenarios that share one bid, the direction of which is fixed.

    Parameters
    ----------
    grid : Grid
        The network.
    hour : CompiledModel
        Hour model with the part of the wear an hour keeps to itself.
    scenarios : int
        S.
    opens : bool
        The hour is the first, whose stored energy is given.
    """

    def __init__(self, grid: Grid, hour: CompiledModel, *, scenarios: int, opens: bool) -> None:
        self._program = ConicProgram()
        self._hours = self._program.add(hour, scenarios)
        self._bid = self._program.add(compiled(own_bid_model), 1)
        self._stores = None if opens else self._program.add(compiled(store_model, grid), scenarios)
        for name in ("bid_mw", "bid_magnitude_mw"):
            self._hours.link(name, np.tile(self._bid.columns(name), (scenarios, 1)))
        if self._stores is not None:
            self._hours.link("start_energy_mwh", self._stores.columns("energy_mwh"))

    def solve(
        self,
        values: Mapping[str, FloatArray],
        probability: FloatArray,
        low_mw: float,
        high_mw: float,
        prices: HourPrices,
    ) -> HourAnswer:
        """Return the least cost of the hour with a bid between `low_mw` and `high_mw`, one of which is zero.

        Parameters
        ----------
        values : mapping of str to array, shape (S, units)
            Data of the hour model.
        probability : array, shape (S,)
            Weights of the scenarios.
        """
        self._program.reweigh(self._hours, probability)
        extra = np.zeros(self._program.column_count)
        extra[self._hours.columns("end_energy_mwh")] = prices.end_per_mwh
        extra[self._hours.columns("battery_p_mw")] = prices.battery_per_mw
        extra[self._bid.columns("bid_mw")] = prices.bid_per_mw
        extra[self._bid.columns("bid_magnitude_mw")] = prices.magnitude_per_mw
        bid = {"max_import_mw": np.array([high_mw]), "max_export_mw": np.array([-low_mw])}
        given = [values, bid]
        if self._stores is not None:
            extra[self._stores.columns("energy_mwh")] = prices.start_per_mwh
            given.append({})
        solution = self._program.solve(given, extra)
        duals = solution.z[: self._hours.copies * len(self._hours.model.rhs)]
        bid_price, magnitude_price = (
            self._hours.data_prices(duals, name)[:, 0] for name in ("bid_mw", "bid_magnitude_mw")
        )
        return HourAnswer(cost=solution.bound, bid_per_mw=bid_price, magnitude_per_mw=magnitude_price)
