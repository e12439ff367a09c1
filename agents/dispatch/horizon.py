"""The dispatch of several hours and scenarios: tiles of the hour model, linked by stores, wear and bids."""

from dataclasses import dataclass, replace

import numpy as np

from agents.dispatch.compiled import CompiledModel, compile_model
from agents.dispatch.first_stage import BidRange, bid_model, store_model
from agents.dispatch.program import UNLINKED, Group, Program, Solution
from grids.network import FloatArray, Grid, IntArray
from grids.power_flow import SetPoints


@dataclass(frozen=True, eq=False, kw_only=True)
class Situation:
    """What a decision is based on: scenarios of the hours ahead, prices, and the state of the stores.

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

    @property
    def shape(self) -> tuple[int, int]:
        """Number of scenarios S and hours T."""
        return self.demand_mw.shape[0], self.demand_mw.shape[1]

    def hour(self, index: int) -> "Situation":
        """Return one hour alone, counted from 0."""
        at = slice(index, index + 1)
        hourly = ("price", "retail_price", "over_price", "under_price")
        return replace(
            self,
            demand_mw=self.demand_mw[:, at],
            available_mw=self.available_mw[:, at],
            required_energy_mwh=self.required_energy_mwh[at],
            bid_mw=None if self.bid_mw is None else self.bid_mw[at],
            **{f"{name}_per_mwh": getattr(self, f"{name}_per_mwh")[at] for name in hourly},
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Signs:
    """Directions that make the problem convex: +1 import, -1 export, 0 not settled.

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
    def unsettled(cls, scenarios: int, hours: int) -> "Signs":
        """Return signs of which none is settled."""
        return cls(bid=np.zeros(hours, dtype=np.int64), flow=np.zeros((scenarios, hours), dtype=np.int64))


@dataclass(frozen=True, eq=False, kw_only=True)
class PricedHour:
    """Prices that stand in for the neighbours of an hour on its own, each times the scenario's probability.

    Attributes
    ----------
    start, end : array, shape (S, U), or None
        Price of the energy stored at the start, which the hour may then choose, and of the energy it leaves, as
        a change of cost; None where the energy is given, or worth nothing. [$/MWh]
    battery : array, shape (S, U)
        Price of battery power. [$/MW]
    """

    start: FloatArray | None
    end: FloatArray | None
    battery: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """A solved dispatch: set points and expected state for every scenario and hour.

    Attributes
    ----------
    set_points : SetPoints
        Shape (S, T, units). [MW], [Mvar]
    end_energy_mwh : array, shape (S, T, U)
        Stored energy at the end of each hour. [MWh]
    tie_p_mw, tie_q_mvar : array, shape (S, T)
        Planned tie-line flow (reactive: zero on the copper plate). [MW], [Mvar]
    vm_pu : array, shape (S, T, B)
        Planned voltages (the slack voltage on the copper plate). [p.u.]
    bid_mw : array, shape (T,)
        Bids, given or decided. [MW]
    cone_gap : array, shape (S, T)
        Largest relative cone gap of each hour, see :mod:`agents.dispatch.certificate`.
    spilled : array, shape (S, T)
        Largest energy that vanishes in a battery, relative to its size: 0 where the storage equation is kept.
    penalty : array, shape (S, T)
        Imbalance penalty as the program counts it; too low where it relaxes |B| of an open direction. [$]
    violation : array, shape (S, T)
        Sum of violated limits (p.u. squared, MWh); zero unless no dispatch meets them all.
    energy_price_per_mwh : array, shape (S, T, U)
        How the cost changes with the energy stored at the start of the hour, times the scenario's probability. [$/MWh]
    objective, bound : float
        Cost minus revenue, and the proven lower bound on it. [$]
    repaired : bool
        Whether the relaxation was not exact and the plan was steered back to one that is.
    """

    set_points: SetPoints
    end_energy_mwh: FloatArray
    tie_p_mw: FloatArray
    tie_q_mvar: FloatArray
    vm_pu: FloatArray
    bid_mw: FloatArray
    cone_gap: FloatArray
    spilled: FloatArray
    penalty: FloatArray
    violation: FloatArray
    energy_price_per_mwh: FloatArray
    objective: float
    bound: float
    repaired: bool = False

    @property
    def inexactness(self) -> FloatArray:
        """How far each hour is from what physics can do, relative, shape (S, T)."""
        return np.maximum(self.cone_gap, self.spilled)


class Horizon:
    """A reusable program for S scenarios and T hours on one grid.

    Parameters
    ----------
    grid : Grid
        The network.
    hour : CompiledModel
        The compiled hour model.
    scenarios, hours : int
        S and T.
    within : BidRange, optional
        Range of the bids, if they are to be decided; None if they are given.
    priced : PricedHour, optional
        For a single hour cut out of a day: prices of what it has to do with its neighbours.
    """

    def __init__(
        self,
        grid: Grid,
        hour: CompiledModel,
        *,
        scenarios: int,
        hours: int,
        within: BidRange | None = None,
        priced: PricedHour | None = None,
    ) -> None:
        self._grid, self.within = grid, within
        self.shape = (scenarios, hours)
        self._program = Program()
        self._hours = self._program.add(hour, scenarios * hours)
        for state, carried in (
            ("start_energy_mwh", "end_energy_mwh"),
            ("previous_battery_p_mw", "battery_p_mw"),
        ):
            self._hours.link(state, self._from_hour_before(carried))
        self._bids: Group | None = None
        if within is not None:
            self._bids = self._program.add(compile_model(bid_model(within)), 1)
            for name in ("bid_mw", "bid_magnitude_mw"):
                columns = np.tile(self._bids.columns(name)[0], scenarios)
                self._hours.link(name, columns[:, None])
        self._extra_cost = np.zeros(0) if priced is None else self._price(priced)

    def _price(self, priced: PricedHour) -> FloatArray:
        """Let the hour choose its start energy, and return the cost of all columns."""
        start = None
        if priced.start is not None:
            stores = self._program.add(compile_model(store_model(self._grid)), self.shape[0])
            start = stores.columns("energy_mwh")
            self._hours.link("start_energy_mwh", start)
        cost = np.zeros(self._program.column_count)
        if start is not None and priced.start is not None:
            cost[start] = -priced.start
        if priced.end is not None:
            cost[self._hours.columns("end_energy_mwh")] = priced.end
        cost[self._hours.columns("battery_p_mw")] += priced.battery
        return cost

    @property
    def program(self) -> Program:
        """The cone program behind it."""
        return self._program

    def _burnt_energy(self, situation: Situation) -> FloatArray:
        """Return, as a linear function of the columns, expected line losses plus losses while charging. [MWh]"""
        burnt = np.zeros(self._program.column_count)
        weight = np.repeat(situation.probability, self.shape[1])[:, None]
        efficiency = np.array([unit.efficiency for unit in self._grid.batteries])
        if "squared_current" in self._hours.model.variables:
            burnt[self._hours.columns("squared_current")] = weight * self._grid.line_r_pu
        if (efficiency < 1).any():
            # What is charged, less what is left at the end; all stages between cancel out.
            burnt[self._hours.columns("battery_p_mw")] = -weight * efficiency
            last = self._hours.columns("end_energy_mwh").reshape(*self.shape, -1)[:, -1]
            burnt[last] = -situation.probability[:, None]
        return burnt

    @property
    def decides_bids(self) -> bool:
        """Whether the bids are decided here, not given."""
        return self._bids is not None

    def solve(self, situation: Situation, signs: Signs, *, burning_price_per_mwh: float = 0.0) -> Plan:
        """Return the optimal plan of a situation; where `signs` are unsettled, of its relaxation.

        Parameters
        ----------
        situation, signs : Situation, Signs
            Data, and directions.
        burning_price_per_mwh : float
            Steers the plan away from energy lost only in the relaxation; not part of the objective. [$/MWh]
        """
        values = self.values(situation, signs)
        if self._extra_cost.size:
            return self._plan(situation, self._program.solve(values, self._extra_cost))
        if not burning_price_per_mwh:
            return self._plan(situation, self._program.solve(values))
        extra = burning_price_per_mwh * self._burnt_energy(situation)
        solution = self._program.solve(values, extra)
        steering = float(extra @ solution.x)
        return self._plan(
            situation,
            replace(solution, objective=solution.objective - steering, bound=solution.bound - steering),
        )

    def _loss_cost(self, situation: Situation, price_per_mwh: float) -> FloatArray:
        cost = np.zeros(self._program.column_count)
        weight = np.repeat(situation.probability, self.shape[1])[:, None]
        cost[self._hours.columns("squared_current")] = weight * price_per_mwh * self._grid.line_r_pu
        return cost

    def values(self, situation: Situation, signs: Signs) -> list[dict[str, FloatArray]]:
        """Return the data of every group for a situation."""
        scenarios, hours = self.shape
        self._program.reweigh(self._hours, np.repeat(situation.probability, hours))
        every: dict[str, FloatArray] = {
            "demand_mw": situation.demand_mw.reshape(scenarios * hours, -1),
            "available_mw": situation.available_mw.reshape(scenarios * hours, -1),
            "start_energy_mwh": situation.start_energy_mwh,
            "previous_battery_p_mw": situation.previous_battery_p_mw,
            **self._slack(signs.flow),
        }
        hourly = {
            "price_per_mwh": situation.price_per_mwh,
            "retail_price_per_mwh": situation.retail_price_per_mwh,
            "over_price_per_mwh": situation.over_price_per_mwh,
            "under_price_per_mwh": situation.under_price_per_mwh,
            "required_energy_mwh": situation.required_energy_mwh,
        }
        if situation.bid_mw is not None:
            hourly |= {"bid_mw": situation.bid_mw, "bid_magnitude_mw": np.abs(situation.bid_mw)}
        every |= {name: np.tile(value.reshape(hours, -1), (scenarios, 1)) for name, value in hourly.items()}
        groups = [every]
        if self.within is not None:
            groups.append(
                {
                    "max_import_mw": np.where(signs.bid >= 0, self.within.high, 0.0),
                    "max_export_mw": np.where(signs.bid <= 0, -self.within.low, 0.0),
                }
            )
        return groups + [{} for _ in self._program.groups[len(groups) :]]

    def _slack(self, flow: IntArray) -> dict[str, FloatArray]:
        """Return by how much Eq. (30) is waived in each direction: enough to be idle, or not at all."""
        both = self._grid.tie_line.power_factor_reading == "both_directions"
        idle = 2 * self._grid.tie_line.max_s_mva
        must_import = (flow > 0) if both else np.ones_like(flow, dtype=bool)
        return {
            "import_slack_mvar": np.where(must_import, 0.0, idle).reshape(-1, 1),
            "export_slack_mvar": np.where(flow < 0, 0.0, idle).reshape(-1, 1),
        }

    def _from_hour_before(self, name: str) -> IntArray:
        """Return the columns of a variable one hour earlier, `UNLINKED` in the first hour."""
        columns = self._hours.columns(name).reshape(*self.shape, -1)
        shifted = np.full_like(columns, UNLINKED)
        shifted[:, 1:] = columns[:, :-1]
        return shifted.reshape(self.shape[0] * self.shape[1], -1)

    def _plan(self, situation: Situation, solution: Solution) -> Plan:
        read = {
            name: solution.x[self._hours.columns(name)].reshape(*self.shape, -1)
            for name in self._hours.model.variables
        }
        ac = "squared_voltage" in read
        slack_only = np.full((*self.shape, len(self._grid.bus_ids)), self._grid.voltage.slack_vm_pu)
        set_points = SetPoints(
            load_p_mw=read["load_p_mw"],
            load_q_mvar=read["load_p_mw"] * self._grid.load_tan_phi,
            renewable_p_mw=read["renewable_p_mw"],
            renewable_q_mvar=read["renewable_q_mvar"] if ac else np.zeros_like(read["renewable_p_mw"]),
            battery_p_mw=read["battery_p_mw"],
            battery_q_mvar=read["battery_q_mvar"] if ac else np.zeros_like(read["battery_p_mw"]),
        )
        if self._bids is not None:
            bid = solution.x[self._bids.columns("bid_mw")[0]]
        else:
            bid = situation.bid_mw if situation.bid_mw is not None else np.zeros(self.shape[1])
        return Plan(
            set_points=set_points,
            end_energy_mwh=read["end_energy_mwh"],
            tie_p_mw=read["tie_p_mw"][..., 0],
            tie_q_mvar=read["tie_q_mvar"][..., 0] if ac else np.zeros(self.shape),
            vm_pu=np.sqrt(np.maximum(read["squared_voltage"], 0)) if ac else slack_only,
            bid_mw=bid,
            cone_gap=cone_gap(self._grid, read) if ac else np.zeros(self.shape),
            spilled=self._spilled(situation, read),
            penalty=(
                (read["over_scheduling_mwh"] * situation.over_price_per_mwh).sum(axis=2)
                + (read["under_scheduling_mwh"] * situation.under_price_per_mwh).sum(axis=2)
            ),
            violation=sum((read[name].sum(axis=2) for name in VIOLATIONS if name in read), np.zeros(self.shape)),
            energy_price_per_mwh=self._energy_price(solution),
            objective=solution.objective,
            bound=solution.bound,
        )

    def _spilled(self, situation: Situation, read: dict[str, FloatArray]) -> FloatArray:
        end, power, batteries = read["end_energy_mwh"], read["battery_p_mw"], self._grid.batteries
        if self._extra_cost.size or all(unit.efficiency == 1 for unit in batteries):
            return np.zeros(self.shape)
        efficiency = np.array([unit.efficiency for unit in batteries])
        start = np.concatenate([np.broadcast_to(situation.start_energy_mwh, end[:, :1].shape), end[:, :-1]], axis=1)
        left = start - np.maximum(power / efficiency, power * efficiency)
        spilled: FloatArray = ((left - end) / [unit.max_e_mwh for unit in batteries]).max(axis=2)
        return spilled

    def _energy_price(self, solution: Solution) -> FloatArray:
        rows = self.shape[0] * self.shape[1] * len(self._hours.model.rhs)
        return self._hours.data_prices(solution.z[:rows], "start_energy_mwh").reshape(*self.shape, -1)


VIOLATIONS = ("squared_undervoltage", "squared_overvoltage", "squared_overcurrent", "energy_shortfall_mwh")
"""The variables of the elastic hour model that measure violated limits."""

SMALL_FLOW_MVA = 0.1
"""Flow below which the relative cone gap is measured against this flow: of no account, and mostly round-off."""


def cone_gap(grid: Grid, read: dict[str, FloatArray]) -> FloatArray:
    """Return the largest relative gap ℓ·v - (P² + Q²) over the lines, shape (S, T): 0 where the relaxation is exact.

    The gap is relative to the squared flow, or to `SMALL_FLOW_MVA` squared where the flow is smaller.
    """
    sending = read["squared_voltage"][..., grid.line_from]
    power = read["line_p_mw"] ** 2 + read["line_q_mvar"] ** 2
    gap = (read["squared_current"] * sending - power) / np.maximum(power, SMALL_FLOW_MVA**2)
    worst: FloatArray = np.abs(gap).max(axis=-1)
    return worst
