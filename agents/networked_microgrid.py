"""Networked microgrid: an agent with own devices and costs that trades with the operator by price and quantity."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import mesa
import numpy as np

from agents.der.device import HourPlan, MicrogridDevice
from agents.der.device_answers import DeviceAnswers
from agents.der.diesel_generator import DieselGeneratorAgent
from agents.der.drawn_power import HeatLoadAgent, InelasticLoadAgent, RenewableOutputAgent
from agents.der.ev_aggregator import EvAggregatorAgent
from agents.der.heat_unit import HeatUnitAgent
from agents.der.storage import ElectricStorageAgent, ThermalStorageAgent
from agents.dispatch.connection_problem import ConnectionProblem, StoreValues
from agents.microgrid_optimizer import MicrogridOptimizer, Quote
from agents.state_of_charge import least_energy
from agents.value_functions.functions import ValueFunctions, connection_stores
from grids.components import energy_limits
from grids.fleet import Microgrid
from grids.network import Connection, FloatArray
from sim.ev_fleet import ChargingSessions, draw_cars
from sim.messages import Action, ConnectionAction, Knowledge, Schedule
from sim.model import MarketModel
from sim.scenarios import ScenarioSet
from sim.time_limit import NoAnswerError, WrongAnswerError, answer_within, in_words

MISSED_MW = 1e-6
"""Distance from the agreed exchange below which it is a solver's round-off. [MW], [Mvar]"""

SHORTFALL_DIGITS = 9
"""Digits of load not served, in MW: smaller amounts are round-off of a sum."""


class NetworkedMicrogrid(mesa.Agent):  # type: ignore[misc]
    """A multi-energy microgrid, or the operator's own fleet of cars, at one connection.

    Parameters
    ----------
    model : MarketModel
        The market model.
    connection : Connection
        Its connection, with its devices.
    position : int
        Its place among the grid's connections.

    Attributes
    ----------
    cars : ChargingSessions or None
        Stays of its cars.
    """

    def __init__(self, model: MarketModel, *, connection: Connection, position: int) -> None:
        super().__init__(model)
        self.name, self.kind, self._position = connection.name, connection.kind, position
        self._microgrid = connection.microgrid
        limit = model.instance.study.search.solver_time_limit_s
        self._optimizer = MicrogridOptimizer(connection.microgrid, limit, step_h=model.step_h)
        self.cars: ChargingSessions | None = None
        if connection.microgrid.ev is not None:
            study = model.instance.study
            self.cars = draw_cars(
                connection.microgrid.ev,
                days=study.days,
                seed=study.seed,
                connection=position,
                calendar=study.calendar,
            )
        self._time_limit_s = model.instance.study.search.answer_time_limit_s
        devices = _devices(model, connection.name, connection.microgrid, self.cars)
        self._answers = DeviceAnswers(connection.name, devices, self._time_limit_s)
        self._problem: ConnectionProblem | None = None
        self._functions: ValueFunctions | None = None
        self._probability = np.ones(1)
        self.retail_per_mwh = np.zeros((1, 1))

    @property
    def _devices(self) -> dict[str, MicrogridDevice]:
        return self._answers.devices

    def state(self) -> dict[str, Any]:
        """Return the state of its devices, and which of them are not asked again."""
        devices = {name: device.state() for name, device in self._devices.items()}
        return {"answers": self._answers.state(), "devices": devices}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of its devices at the end of a day."""
        self._answers.resume(state["answers"])
        for name, device in self._devices.items():
            device.resume(state["devices"][name])

    def look_ahead(self, knowledge: Knowledge, functions: ValueFunctions | None = None) -> None:
        """Take the outlook on the coming hours of this day, as far as a policy's knowledge goes.

        Parameters
        ----------
        knowledge : Knowledge
            What the policy may know.
        functions : ValueFunctions, optional
            Trained functions of its own stores that value what they hold after a single hour.
        """
        outlook, m = self.model.outlook(knowledge), self._position
        self._functions = functions
        self._take_in(
            outlook.connection_load_mw[None, :, m],
            outlook.connection_heat_mw[None, :, m],
            outlook.connection_output_mw[None, :, m],
            outlook.retail_price_per_mwh[None],
            np.ones(1),
        )

    def look_a_day_ahead(self, scenarios: ScenarioSet) -> None:
        """Take scenarios of the day that is about to begin."""
        m = self._position
        self._take_in(
            scenarios.connection_load_mw[:, :, m],
            scenarios.connection_heat_mw[:, :, m],
            scenarios.connection_output_mw[:, :, m],
            scenarios.retail_price_per_mwh,
            scenarios.probability,
        )

    def demand(self, prices_per_mwh: FloatArray) -> FloatArray:
        """Return its demand curve: the power it would take in a single hour at each of K prices, shape (K, 1). [MW]

        Parameters
        ----------
        prices_per_mwh : array, shape (K,)
            Prices. [$/MWh]
        """
        return self._optimizer.demand(self.reveal(), prices_per_mwh)

    def answer(self, quote: Quote) -> FloatArray:
        """Return the power it would take at a quote, in what it looked at last, shape (S, T). [MW]"""
        return self._optimizer.answer(self.reveal(), self._probability, quote)

    def answer_retail(self) -> FloatArray:
        """Return its exchange at the retail price, without coordination."""
        return self.answer(Quote.plain(self.retail_per_mwh))

    def reveal(self) -> ConnectionProblem:
        """Return its data: for itself, and for the central benchmark.

        Raises
        ------
        RuntimeError
            Before it looked ahead.
        """
        if self._problem is None:
            raise RuntimeError(f"{self.name} has not looked ahead yet")
        return self._problem

    def act(self, schedule: Schedule) -> ConnectionAction:
        """Act on this hour's part of an agreed exchange, as well as the devices can, and return the action."""
        problem, failed = self.reveal(), ""
        try:
            chosen = self._follow(problem, schedule)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # any failure of its plan: the hour goes on
            chosen, failed = _stand_in(problem), f"{in_words(error)}: loads served from the network"
        orders = {name: float(values[0]) for name, values in chosen.items()}
        actions = tuple(self._act_on(orders, problem))
        unserved = sum(_unserved(action) for action in actions)
        ev = self._devices.get("ev")
        p_mw, q_mvar = -sum(action.p_mw for action in actions), -sum(action.q_mvar for action in actions)
        off = _off(schedule, p_mw=p_mw, q_mvar=q_mvar)
        wrong = [part for part in (failed, *self._answers.notes) if part]
        return ConnectionAction(
            p_mw=p_mw,
            q_mvar=q_mvar,
            devices=actions,
            charging_mw=ev.charging_mw if isinstance(ev, EvAggregatorAgent) else np.zeros(0),
            shortfall_mw=round(unserved, SHORTFALL_DIGITS),
            note=", ".join(filter(None, [*(wrong or [off and "could not keep to what was agreed"]), off])),
        )

    def _follow(self, problem: ConnectionProblem, schedule: Schedule) -> dict[str, FloatArray]:
        """Return the optimizer's orders within its time; one that exceeds it is replaced by a new one."""
        optimizer, fits = self._optimizer, bool((schedule.price_per_mwh < 0).any())
        follow = partial(optimizer.follow, problem, schedule.p_mw, schedule.q_mvar, fits=fits)
        try:
            chosen = answer_within(self._time_limit_s, follow)
        except NoAnswerError:
            self._optimizer = optimizer.renewed()
            raise
        for name, values in chosen.items():
            if not np.isfinite(values[0]):
                raise WrongAnswerError(f"its plan says {values[0]:g} for {name}")
        return chosen

    def _act_on(self, orders: dict[str, float], problem: ConnectionProblem) -> list[Action]:
        """Give every device its part of the plan, and return their actions."""
        load, heat, output = (float(values[0, 0]) for values in (problem.load_mw, problem.heat_mw, problem.output_mw))
        unit = self._microgrid.heat_unit
        most = 0.0 if unit is None else unit.heat_ratio * unit.max_p_mw
        plan = HourPlan(orders=orders, load_mw=load, heat_mw=heat, output_mw=output, most_heat_mw=most)
        actions = self._answers.act(plan)
        # A unit at its limit makes all it can: the missing heat, if only by round-off, is taken from the heat load.
        missing = max(plan.heat_needed_mw, 0.0)
        taker = HeatLoadAgent.kind
        return [replace(one, heat_mw=one.heat_mw + missing) if one.device == taker else one for one in actions]

    def _take_in(
        self, load: FloatArray, heat: FloatArray, output: FloatArray, retail: FloatArray, probability: FloatArray
    ) -> None:
        hours, first = load.shape[1], self.model.period - 1
        left_h, step_h = self.model.today.hours_left[first : first + hours], self.model.step_h
        stores = self._microgrid.stores
        ev = self._devices.get("ev")
        nothing = np.zeros(hours)
        least = most = power = baseline = nothing
        if isinstance(ev, EvAggregatorAgent):
            envelope = ev.envelope(hours)
            least, most, power = envelope.min_mwh, envelope.max_mwh, envelope.max_p_mw
            baseline = ev.uncontrolled_mw[ev.step : ev.step + hours]
        self._probability, self.retail_per_mwh = probability, retail
        self._problem = ConnectionProblem(
            load_mw=load,
            heat_mw=heat,
            output_mw=output,
            start_mwh={name: self._devices[name].energy_mwh for name in stores},
            required_mwh={name: least_energy(unit, left_h, step_h) for name, unit in stores.items()},
            ev_max_p_mw=power,
            ev_min_mwh=least,
            ev_max_mwh=most,
            ev_uncontrolled_mw=baseline,
            values=self._values() if hours == 1 else None,
        )

    def _values(self) -> StoreValues | None:
        """Return the value of its stores' energy at the end of this hour, if it has trained functions."""
        if self._functions is None:
            return None
        limits = [energy_limits(unit) for unit in self._microgrid.stores.values()]
        ev = self._devices.get("ev")
        if isinstance(ev, EvAggregatorAgent):
            low, high = ev.day_range()
            limits.append((low - ev.charged_today_mwh, high - ev.charged_today_mwh))
        names = connection_stores(self.name, self._microgrid)
        least, most = np.array(limits).reshape(-1, 2).T
        return self._functions.of(names, self.model.period, least, most)


def _devices(
    model: MarketModel, connection: str, microgrid: Microgrid, cars: ChargingSessions | None
) -> dict[str, MicrogridDevice]:
    """Return the agents of all devices; those that close a balance come last."""
    devices: dict[str, MicrogridDevice] = {}
    if microgrid.max_load_mw > 0:
        devices["load"] = InelasticLoadAgent(model, connection)
    if microgrid.max_heat_mw > 0:
        devices["heat_load"] = HeatLoadAgent(model, connection)
    if microgrid.max_output_mw > 0:
        devices["output"] = RenewableOutputAgent(model, connection)
    if microgrid.battery is not None:
        devices["battery"] = ElectricStorageAgent(model, connection, microgrid.battery)
    if microgrid.thermal_storage is not None:
        devices["thermal_storage"] = ThermalStorageAgent(model, connection, microgrid.thermal_storage)
    if microgrid.ev is not None and cars is not None:
        devices["ev"] = EvAggregatorAgent(model, connection, microgrid.ev, cars)
    if microgrid.diesel is not None:
        devices["diesel"] = DieselGeneratorAgent(model, connection, microgrid.diesel)
    if microgrid.heat_unit is not None:
        devices["heat_unit"] = HeatUnitAgent(model, connection, microgrid.heat_unit)
    return devices


def _unserved(action: Action) -> float:
    """Return the part of a load that was not served. [MW]"""
    if action.device not in (InelasticLoadAgent.kind, HeatLoadAgent.kind):
        return 0.0
    return action.available_mw + action.p_mw + action.heat_mw


def _off(schedule: Schedule, *, p_mw: float, q_mvar: float) -> str:
    """Return a note on the deviation of the exchange from the agreed one, empty if there is none.

    The action counts, not the plan; the audit excuses no more than is stated here.
    """
    off_mw, off_mvar = p_mw - float(schedule.p_mw[0]), q_mvar - float(schedule.q_mvar[0])
    if max(abs(off_mw), abs(off_mvar)) <= MISSED_MW:
        return ""
    return f"off by {round(off_mw, 6) + 0.0:+.6f} MW, {round(off_mvar, 6) + 0.0:+.6f} Mvar"


def _stand_in(problem: ConnectionProblem) -> dict[str, FloatArray]:
    """Return simple orders for when the solver fails: stores idle, cars charged at once, heat made as needed."""
    hours = problem.shape[1]
    orders = dict.fromkeys(
        ("exchange_q_mvar", "battery_p_mw", "thermal_storage_p_mw", "diesel_p_mw", "heat_unit_p_mw"), np.zeros(hours)
    )
    return orders | {"output_p_mw": problem.output_mw[0], "ev_p_mw": problem.ev_max_p_mw}
