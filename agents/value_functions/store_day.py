"""Day of a study for its stores: ranges of their energy hour by hour, and the problem of one hour or of all."""

from dataclasses import dataclass, replace

import numpy as np

from agents.bid_optimizer import opening_problem
from agents.dispatch.connection_problem import ConnectionProblem
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.state_of_charge import least_energy, required_energy
from agents.value_functions.functions import ValueFunctions, connection_stores, store_names
from grids.components import energy_limits
from grids.network import Connection, FloatArray
from sim.ev_fleet import Charging, Envelope, draw_cars
from sim.instance import Instance
from sim.scenarios import ScenarioSet


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranges:
    """Least and most energy of every store at the end of step 0 (the start) to T, shape (T + 1, N). [MWh]

    For cars it is the energy charged since midnight.
    """

    least: FloatArray
    most: FloatArray

    def energy(self, hour: int, fill: FloatArray) -> FloatArray:
        """Return the energies of stores filled to a fraction of their range at the end of an hour."""
        energy: FloatArray = self.least[hour] + fill * (self.most[hour] - self.least[hour])
        return energy

    def fill(self, hour: int, energy_mwh: FloatArray) -> FloatArray:
        """Return the fill of stores as a fraction of their range."""
        room = self.most[hour] - self.least[hour]
        share = np.divide(energy_mwh - self.least[hour], room, out=np.full_like(room, 0.5), where=room > 1e-9)
        fill: FloatArray = np.clip(share, 0.0, 1.0)
        return fill


class StoreDay:
    """First day of a study, all stores in one order: batteries of the operator, then those of every connection.

    Parameters
    ----------
    instance : Instance
        The built study.
    bid_mw : array, shape (T,)
        The day-ahead bids the hours are settled against. [MW]

    Attributes
    ----------
    names : list of str
        The stores. (N,)
    steps : int
        Number of steps T of the day.
    ranges : Ranges
        Ranges of their energy.
    start_mwh : array, shape (N,)
        Their energy when the day begins. [MWh]
    """

    def __init__(self, instance: Instance, bid_mw: FloatArray) -> None:
        self._instance, self._bid_mw = instance, bid_mw
        self.steps, self._step_h = instance.steps, instance.calendar.step_h
        grid = instance.grid
        self.names = store_names(grid)
        self._batteries = len(grid.batteries)
        self._fleets = [_fleet(instance, connection, m) for m, connection in enumerate(grid.connections)]
        self._is_car = np.array([name.endswith(".ev") for name in self.names], dtype=bool)
        self.ranges = self._all_ranges()
        start = [unit.start_soc * unit.max_e_mwh for unit in grid.batteries]
        for connection in grid.connections:
            start += [unit.start_soc * unit.max_e_mwh for unit in connection.microgrid.stores.values()]
            start += [0.0] if connection.microgrid.ev is not None else []
        self.start_mwh = np.array(start)

    def _left(self, hour: int) -> float:
        """Return the hours left of the day at the end of a step 0..T."""
        return float((self.steps - hour) / self._instance.calendar.steps_per_hour)

    def needed(self, hour: int) -> FloatArray:
        """Return the energy below which the day could not be closed, at the end of an hour, shape (N,). [MWh]"""
        grid, left = self._instance.grid, np.array([self._left(hour)])
        needed = required_energy(grid, left, self._step_h)[0].tolist()
        for connection in grid.connections:
            needed += [
                float(least_energy(unit, left, self._step_h)[0]) for unit in connection.microgrid.stores.values()
            ]
            needed += [0.0] if connection.microgrid.ev is not None else []
        return np.array(needed)

    def hour(self, hour: int, energy_mwh: FloatArray, day: ScenarioSet, functions: ValueFunctions) -> DispatchProblem:
        """Return the problem of one step 1..T, alone, with the energy left in the stores valued by functions.

        Parameters
        ----------
        energy_mwh : array, shape (N,)
            Energy of all stores when it begins. [MWh]
        day : ScenarioSet
            The weather of the day, one scenario.
        """
        grid, now, own = self._instance.grid, slice(hour - 1, hour), slice(0, self._batteries)
        whole = self._whole(day)
        least, most = self.ranges.least[hour, own], self.ranges.most[hour, own]
        return replace(
            whole,
            demand_mw=whole.demand_mw[:, now],
            available_mw=whole.available_mw[:, now],
            price_per_mwh=whole.price_per_mwh[now],
            retail_price_per_mwh=whole.retail_price_per_mwh[now],
            over_price_per_mwh=whole.over_price_per_mwh[now],
            under_price_per_mwh=whole.under_price_per_mwh[now],
            start_energy_mwh=energy_mwh[own],
            required_energy_mwh=required_energy(grid, np.array([self._left(hour)]), self._step_h),
            bid_mw=self._bid_mw[now],
            values=functions.of(self.names[own], hour, least, most),
            community=self._community(now, energy_mwh, day, functions) or None,
        )

    def all_hours(self, day: ScenarioSet) -> DispatchProblem:
        """Return the problem of the whole day."""
        whole = slice(0, self.steps)
        return replace(self._whole(day), community=self._community(whole, self.start_mwh, day, None) or None)

    def left(self, plan: Plan, energy_mwh: FloatArray) -> FloatArray:
        """Return the energy of all stores at the end of each hour of a plan, shape (T, N). [MWh]

        Parameters
        ----------
        plan : Plan
            Of one scenario.
        energy_mwh : array, shape (N,)
            Energy of all stores before it. [MWh]
        """
        held = np.concatenate([plan.end_energy_mwh[0], plan.store_mwh], axis=1)
        left: FloatArray = held + np.where(self._is_car, energy_mwh, 0.0)
        return left

    def _whole(self, day: ScenarioSet) -> DispatchProblem:
        return replace(opening_problem(self._instance, day), bid_mw=self._bid_mw)

    def _community(
        self, hours: slice, energy_mwh: FloatArray, day: ScenarioSet, functions: ValueFunctions | None
    ) -> tuple[ConnectionProblem, ...]:
        """Return the data of every microgrid for some hours."""
        problems, begin = [], self._batteries
        left_h = self._instance.hours_left[hours]
        for m, connection in enumerate(self._instance.grid.connections):
            names, (envelope, uncontrolled) = connection_stores(connection.name, connection.microgrid), self._fleets[m]
            mine = slice(begin, begin + len(names))
            begin += len(names)
            charged = float(energy_mwh[mine] @ self._is_car[mine])
            stores = connection.microgrid.stores
            offset = np.where(self._is_car[mine], charged, 0.0)
            least, most = self.ranges.least[hours.stop, mine] - offset, self.ranges.most[hours.stop, mine] - offset
            problems.append(
                ConnectionProblem(
                    load_mw=day.connection_load_mw[:, hours, m],
                    heat_mw=day.connection_heat_mw[:, hours, m],
                    output_mw=day.connection_output_mw[:, hours, m],
                    start_mwh=dict(zip(stores, energy_mwh[mine].tolist(), strict=False)),
                    required_mwh={name: least_energy(unit, left_h, self._step_h) for name, unit in stores.items()},
                    ev_max_p_mw=envelope.max_p_mw[hours],
                    ev_min_mwh=np.maximum(envelope.min_mwh[hours] - charged, 0.0),
                    ev_max_mwh=np.maximum(envelope.max_mwh[hours] - charged, 0.0),
                    ev_uncontrolled_mw=uncontrolled[hours],
                    values=None if functions is None else functions.of(names, hours.stop, least, most),
                )
            )
        return tuple(problems)

    def _all_ranges(self) -> Ranges:
        grid = self._instance.grid
        constant = np.ones((self.steps + 1, 1))
        limits = [constant * energy_limits(unit) for unit in grid.batteries]
        for connection, (envelope, _) in zip(grid.connections, self._fleets, strict=True):
            limits += [constant * energy_limits(unit) for unit in connection.microgrid.stores.values()]
            if connection.microgrid.ev is not None:
                limits.append(np.vstack([np.zeros(2), np.stack([envelope.min_mwh, envelope.max_mwh], axis=1)]))
        least, most = np.array(limits).reshape(len(self.names), self.steps + 1, 2).T
        return Ranges(least=least, most=most)


def _fleet(instance: Instance, connection: Connection, position: int) -> tuple[Envelope, FloatArray]:
    """Return the charging limits of the cars at a connection on the first day, and their uncontrolled charging."""
    ev, study = connection.microgrid.ev, instance.study
    if ev is None:
        nothing = np.zeros(instance.steps)
        return Envelope(min_mwh=nothing, max_mwh=nothing, max_p_mw=nothing), nothing
    cars = draw_cars(ev, days=study.days, seed=study.seed, connection=position, calendar=study.calendar)
    charging = Charging(cars)
    envelope = charging.envelope(0, instance.steps, end_fill=ev.start_fill)
    return envelope, charging.uncontrolled()[: instance.steps]
