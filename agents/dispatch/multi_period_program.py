"""Program of several hours and scenarios: blocks of the hour model, linked by stores, wear and bids."""

from dataclasses import replace
from typing import Any

import numpy as np

from agents.dispatch.block import UNLINKED, ModelBlock, Values
from agents.dispatch.compiled import CompiledModel, compiled
from agents.dispatch.conic_program import ConicProgram, Solution
from agents.dispatch.connection_blocks import ExchangeBlocks, ExchangeModel, MicrogridBlocks
from agents.dispatch.first_stage import bid_model
from agents.dispatch.hour import settlement_model
from agents.dispatch.plan import Plan, Prices, read_plan
from agents.dispatch.problem import (
    BidBounds,
    Directions,
    DispatchProblem,
    Periods,
    all_values,
    bid_data,
    hour_data,
)
from agents.dispatch.value_blocks import add_value_blocks
from grids.network import FloatArray, Grid, IntArray
from sim.market.imbalance import ImbalanceRule
from sim.study import SOLVER_TIME_LIMIT_S


class MultiPeriodProgram:
    """A reusable program for S scenarios and T hours on one grid.

    Parameters
    ----------
    grid : Grid
        The network.
    hour : CompiledModel
        The compiled hour model.
    scenarios, hours : int
        S and T.
    bounds : BidBounds, optional
        Range of the bids, if they are to be decided; None if they are given.
    exchange : ExchangeModel, optional
        Model of the exchange of the connections, and whether stored energy has a value after the last hour.
    time_limit_s : float
        Most time of the solver. [s]
    rule : ImbalanceRule, optional
        Imbalance rule; needed where settlement periods are longer than a step.
    periods : Periods, optional
        Lengths of its periods; by default hours, each on its own.

    Attributes
    ----------
    program : ConicProgram
        The cone program.
    """

    def __init__(
        self,
        grid: Grid,
        hour: CompiledModel,
        *,
        scenarios: int,
        hours: int,
        bounds: BidBounds | None = None,
        exchange: ExchangeModel | None = None,
        time_limit_s: float = SOLVER_TIME_LIMIT_S,
        rule: ImbalanceRule | None = None,
        periods: Periods | None = None,
    ) -> None:
        self._grid, self.bounds, self._periods = grid, bounds, periods or Periods()
        self._step_h, self._rule = self._periods.step_h, rule
        self.shape = (scenarios, hours)
        self.program = ConicProgram(time_limit_s)
        self._hours = self.program.add(hour, scenarios * hours)
        self._hours.link("start_energy_mwh", self._hours.columns_an_hour_before("end_energy_mwh", hours))
        self._hours.link("previous_battery_p_mw", self._hours.columns_an_hour_before("battery_p_mw", hours))
        self._bids: ModelBlock | None = None
        if bounds is not None:
            self._bids = self.program.add(compiled(bid_model, bounds, self._periods.market_steps), 1)
        self._settled = self._hours
        bids_at: IntArray | slice = slice(None)
        if self._periods.are_coupled:
            self._settled, bids_at = self._add_settlement(), self._first_steps
        if self._bids is not None:
            for name in ("bid_mw", "bid_magnitude_mw"):
                self._settled.link(name, np.tile(self._bids.columns(name)[0][bids_at], scenarios)[:, None])
        exchange = exchange or ExchangeModel()
        self._blocks = self._add_blocks(exchange)
        self._values_energy = exchange.parts > 0
        if self._values_energy:
            stores = self._hours.columns("end_energy_mwh")[-1]
            if isinstance(self._blocks, MicrogridBlocks):
                stores = np.concatenate([stores, self._blocks.store_columns()[-1]])
            add_value_blocks(self.program, stores, exchange.parts)

    @property
    def _first_steps(self) -> IntArray:
        """First step of every settlement period that is still ahead, shape (P,)."""
        return np.maximum(self._periods.settlement(self.shape[1])[:, 0], 0)

    @property
    def _last_steps(self) -> IntArray:
        """Last step of every settlement period that is in view, shape (P,)."""
        return np.minimum(self._periods.settlement(self.shape[1])[:, -1], self.shape[1] - 1)

    def _add_settlement(self) -> ModelBlock:
        """Add the settlement periods, and link them to the flows that are still to be decided."""
        (scenarios, hours), places = self.shape, self._periods.settlement(self.shape[1])
        model = compiled(settlement_model, self._rule, places.shape[1], self._step_h)
        block = self.program.add(model, scenarios * len(places))
        flows = self._hours.columns("tie_p_mw").reshape(scenarios, hours)
        inside = (places >= 0) & (places < hours)
        links = np.where(inside, flows[:, np.clip(places, 0, hours - 1)], UNLINKED)
        block.link("flow_mw", links.reshape(block.copies, -1))
        return block

    def _add_blocks(self, exchange: ExchangeModel) -> MicrogridBlocks | ExchangeBlocks | None:
        """Add the blocks that decide the exchange of the connections, and link them to the network."""
        if exchange.kind == "given":
            return None
        (scenarios, hours), connections = self.shape, self._grid.connections
        blocks: MicrogridBlocks | ExchangeBlocks
        size: dict[str, Any] = {"scenarios": scenarios, "hours": hours, "step_h": self._step_h}
        if exchange.kind == "microgrids":
            microgrids = [connection.microgrid for connection in connections]
            blocks = MicrogridBlocks(self.program, microgrids, fits=exchange.fits, **size)
        else:
            blocks = ExchangeBlocks(self.program, connections, exchange, **size)
        for name in blocks.names:
            self._hours.link(name, blocks.columns(name).reshape(scenarios * hours, -1))
        return blocks

    def move(self, bounds: BidBounds) -> bool:
        """Take another range of the bids, where that changes right-hand sides alone; return whether it did."""
        if self._bids is None:
            return False
        model = compiled(bid_model, bounds, self._periods.market_steps)
        if not model.has_matrix_of(self._bids.model):
            return False
        self._bids.model, self.bounds = model, bounds
        return True

    @property
    def decides_bids(self) -> bool:
        """True if the bids are decided here, not given."""
        return self._bids is not None

    def solve(
        self,
        problem: DispatchProblem,
        directions: Directions,
        *,
        burning: tuple[FloatArray, Plan] | None = None,
        bid_prices_per_mw: tuple[FloatArray, FloatArray] | None = None,
    ) -> Plan:
        """Return the optimal plan of a dispatch problem; where `directions` are not fixed, of its relaxation.

        Parameters
        ----------
        problem, directions : DispatchProblem, Directions
            Data, and directions.
        burning : array, shape (T,), and Plan, optional
            Price that steers the plan away from energy lost only in the relaxation, and the plan near which it is
            distinguished from true losses; not part of the objective. [$/MWh]
        bid_prices_per_mw : two arrays, shape (T,), optional
            Additional cost of each bid, and of its magnitude; part of the objective. [$/MW]
        """
        values = self.values(problem, directions)
        if bid_prices_per_mw is not None and self._bids is not None:
            priced = np.zeros(self.program.column_count)
            for name, price in zip(("bid_mw", "bid_magnitude_mw"), bid_prices_per_mw, strict=True):
                priced[self._bids.columns(name)[0]] = price
            return self._plan(problem, self.program.solve(values, priced))
        if burning is None:
            return self._plan(problem, self.program.solve(values))
        extra = self._burning(problem, *burning)
        solution = self.program.solve(values, extra)
        steering = float(extra @ solution.x)
        return self._plan(
            problem,
            replace(solution, objective=solution.objective - steering, bound=solution.bound - steering),
        )

    def values(self, problem: DispatchProblem, directions: Directions) -> list[Values]:
        """Return the data of every block for a dispatch problem, and give the hours their probabilities."""
        self.program.reweigh(self._hours, np.repeat(problem.probability, self.shape[1]))
        values: list[Values] = [hour_data(self._grid, problem, directions)]
        if self.bounds is not None:
            values.append(bid_data(self.bounds, directions))
        if self._periods.are_coupled:
            values.append(self._settlement_data(problem))
        if self._blocks is not None:
            self._blocks.reweigh(self.program, problem.probability)
        if isinstance(self._blocks, MicrogridBlocks):
            values += self._blocks.values(problem.community or ())
        elif self._blocks is not None:
            values += self._blocks.values(problem)
        if self._values_energy:
            values.append(all_values(problem).data())
        return values

    def _settlement_data(self, problem: DispatchProblem) -> Values:
        """Return the data of the settlement periods in the order of (scenario, period), and weigh them."""
        scenarios, first = self.shape[0], self._first_steps
        self.program.reweigh(self._settled, np.repeat(problem.probability, len(first)))
        over, under = (np.tile(prices[first], (scenarios, 1)) for prices in problem.step_prices)
        given = problem.bid_mw if problem.bid_mw is not None else np.zeros(self.shape[1])
        magnitude = problem.bid_magnitude_mw if problem.bid_magnitude_mw is not None else np.abs(given)
        flows = problem.flows(given, np.zeros(self.shape))
        return {
            "bid_mw": np.tile(given[first], scenarios)[:, None],
            "bid_magnitude_mw": np.tile(magnitude[first], scenarios)[:, None],
            "flow_mw": flows.reshape(self._settled.copies, -1),
            "over_price_per_mwh": over,
            "under_price_per_mwh": under,
        }

    def _burning(self, problem: DispatchProblem, price_per_mwh: FloatArray, near: Plan) -> FloatArray:
        """Return, as a linear function of the columns, the expected cost of energy lost only in the relaxation. [$]

        Losses of a line beyond r·(P² + Q²)/w, and of a battery beyond its efficiency, exist in the relaxation alone.
        Both subtracted terms are convex, so their tangents at another plan lie below them: the function is never less
        than the true cost, and equal to it at that plan (convex-concave procedure; Lipp and Boyd 2016,
        https://doi.org/10.1007/s11081-015-9294-x). Solved again near each answer, the plan becomes an exact one.
        """
        cost, hours = np.zeros(self.program.column_count), self._hours
        price = np.outer(problem.probability, price_per_mwh)
        if "squared_current" in hours.model.variables:
            loss = self._step_h * price.reshape(-1, 1) * self._grid.line_r_pu
            p, q = near.line_p_mw.reshape(loss.shape), near.line_q_mvar.reshape(loss.shape)
            ratio = self._grid.line_ratio**2
            w = near.vm_pu.reshape(len(loss), -1)[:, self._grid.line_from] ** 2 / ratio
            cost[hours.columns("squared_current")] = loss
            cost[hours.columns("line_p_mw")] = -2 * loss * p / w
            cost[hours.columns("line_q_mvar")] = -2 * loss * q / w
            sending = hours.columns("squared_voltage")[:, self._grid.line_from]
            np.add.at(cost, sending, loss * (p**2 + q**2) / w**2 / ratio)
        efficiency = np.array([unit.efficiency for unit in self._grid.batteries])
        if (efficiency < 1).any():
            drawn = self._step_h * np.where(near.set_points.battery_p_mw > 0, 1 / efficiency, efficiency)
            cost[hours.columns("battery_p_mw")] = -(price[..., None] * drawn).reshape(-1, len(efficiency))
            later = np.append(price[:, 1:], np.zeros((len(price), 1)), axis=1)
            cost[hours.columns("end_energy_mwh")] = (later - price).reshape(-1, 1)
        return cost

    def _plan(self, problem: DispatchProblem, solution: Solution) -> Plan:
        read = {
            name: solution.x[self._hours.columns(name)].reshape(*self.shape, -1)
            for name in self._hours.model.variables
        }
        bid = problem.bid_mw
        if self._bids is not None:
            steps = self._periods.market_steps
            bid = solution.x[self._bids.columns("bid_mw")[0]][::steps].repeat(steps)
        if self._periods.are_coupled:
            read |= {name: self._at_last_step(solution, name) for name in self._settled.model.variables}
        if self._blocks is not None:
            read |= {name: solution.x[self._blocks.columns(name)] for name in self._blocks.names}
        plan = read_plan(self._grid, problem, read, bid_mw=bid)
        held = np.zeros((self.shape[1], 0))
        if isinstance(self._blocks, MicrogridBlocks):
            held = solution.x[self._blocks.store_columns()]
        return replace(
            plan, store_mwh=held, prices=self._prices(solution), objective=solution.objective, bound=solution.bound
        )

    def _at_last_step(self, solution: Solution, name: str) -> FloatArray:
        """Return a variable of the settlement periods at the last step of each, else 0, shape (S, T, K)."""
        values = solution.x[self._settled.columns(name)].reshape(self.shape[0], len(self._last_steps), -1)
        read = np.zeros((*self.shape, values.shape[2]))
        read[:, self._last_steps] = values
        return read

    def _prices(self, solution: Solution) -> Prices:
        duals = solution.z[: self._hours.copies * len(self._hours.model.rhs)]
        energy, bid, magnitude, exchange = (
            self._hours.data_prices(duals, name).reshape(*self.shape, -1)
            for name in ("start_energy_mwh", "bid_mw", "bid_magnitude_mw", "exchange_p_mw")
        )
        if self._periods.are_coupled:
            block, begin = self._settled, self.program.first_rows()[id(self._settled)]
            duals = solution.z[begin : begin + block.copies * len(block.model.rhs)]
            for name, prices in (("bid_mw", bid), ("bid_magnitude_mw", magnitude)):
                prices[:, self._first_steps] = block.data_prices(duals, name).reshape(self.shape[0], -1, 1)
        return Prices(
            store_per_mwh=self._blocks.store_prices(self.program, solution)
            if isinstance(self._blocks, MicrogridBlocks)
            else np.zeros((self.shape[1], 0)),
            energy_per_mwh=energy,
            bid_per_mw=bid[..., 0],
            magnitude_per_mw=magnitude[..., 0],
            exchange_per_mwh=exchange / self._step_h,
        )
