"""The horizon cut apart: hours that no longer hand each other energy, but buy and sell it at given prices."""

from dataclasses import dataclass

import numpy as np

from agents.dispatch.compiled import CompiledModel, compile_model
from agents.dispatch.first_stage import BidRange, bid_model, store_model
from agents.dispatch.program import UNLINKED, Program
from agents.dispatch.situation import Signs, Situation, bid_data, hour_data
from grids.network import FloatArray, Grid


@dataclass(frozen=True, eq=False, kw_only=True)
class CutPrices:
    """What the cut hours pay, each times the scenario's probability.

    Attributes
    ----------
    energy_per_mwh : array, shape (S, T, U)
        Price of the energy at the start of an hour, as a change of cost (so negative for something of value). [$/MWh]
    battery_per_mw : array, shape (S, T, U)
        Price of battery power. [$/MW]
    bid_per_mw, magnitude_per_mw : array, shape (S, T), or None
        Price of a bid of a scenario's own and of its magnitude; None where the scenarios share one bid. [$/MW]
    """

    energy_per_mwh: FloatArray
    battery_per_mw: FloatArray
    bid_per_mw: FloatArray | None = None
    magnitude_per_mw: FloatArray | None = None


class CutHorizon:
    """All hours of all scenarios in one program, none linked to the next.

    Parameters
    ----------
    grid : Grid
        The network.
    hour : CompiledModel
        Hour model with the part of the wear an hour keeps to itself.
    situation : Situation
        The bidding problem to be cut apart.
    within : BidRange
        Range of its bids.
    prices : CutPrices
        What stands in for the links.
    """

    def __init__(
        self, grid: Grid, hour: CompiledModel, situation: Situation, within: BidRange, prices: CutPrices
    ) -> None:
        self._grid, self._situation, self._within = grid, situation, within
        scenarios, hours = situation.shape
        self._program = Program()
        self._hours = self._program.add(hour, scenarios * hours)
        self._program.reweigh(self._hours, np.repeat(situation.probability, hours))
        self._bids = self._program.add(
            compile_model(bid_model(within)), scenarios if prices.bid_per_mw is not None else 1
        )
        # The stores of the first hours are given; the copies that would stand for them stay idle.
        self._stores = self._program.add(compile_model(store_model(grid)), scenarios * hours)
        for name in ("bid_mw", "bid_magnitude_mw"):
            columns = np.broadcast_to(self._bids.columns(name), situation.shape)
            self._hours.link(name, columns.reshape(-1, 1))
        start = self._stores.columns("energy_mwh").reshape(scenarios, hours, len(grid.batteries))
        start[:, 0] = UNLINKED
        self._hours.link("start_energy_mwh", start.reshape(scenarios * hours, len(grid.batteries)))
        self._own, self._first_stage = self._costs(prices)

    def _costs(self, prices: CutPrices) -> tuple[FloatArray, FloatArray]:
        """Return the prices on the columns of hours and stores, and those on the columns of bids."""
        own = np.zeros(self._program.column_count)
        shape = (*self._situation.shape, len(self._grid.batteries))
        energy = self._hours.columns("end_energy_mwh").reshape(shape)
        own[energy[:, :-1]] = prices.energy_per_mwh[:, 1:]
        own[self._stores.columns("energy_mwh").reshape(shape)[:, 1:]] = -prices.energy_per_mwh[:, 1:]
        own[self._hours.columns("battery_p_mw").reshape(shape)] += prices.battery_per_mw
        first_stage = np.zeros(self._program.column_count)
        if prices.bid_per_mw is not None and prices.magnitude_per_mw is not None:
            first_stage[self._bids.columns("bid_mw")] = -prices.bid_per_mw
            first_stage[self._bids.columns("bid_magnitude_mw")] = -prices.magnitude_per_mw
        return own, first_stage

    def tile_costs(self, signs: Signs) -> tuple[FloatArray, float]:
        """Return what every hour of every scenario costs at best, shape (S, T), and the solver's gap in all. [$]"""
        values = [hour_data(self._grid, self._situation, signs), bid_data(self._within, signs), {}]
        solution = self._program.solve(values, self._own + self._first_stage)
        shape = self._situation.shape
        cost = self._program.copy_costs(self._hours, solution.x, values[0]).reshape(shape)
        priced = (self._own + self._first_stage) * solution.x
        for group in (self._hours, self._stores):
            cost += priced[group.own_columns()].sum(axis=1).reshape(shape)
        for name in ("bid_mw", "bid_magnitude_mw"):
            cost += np.where(self._bids.copies > 1, priced[self._bids.columns(name)], 0.0)
        return cost, solution.objective - solution.bound
