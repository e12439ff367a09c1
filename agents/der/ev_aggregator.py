"""Aggregators of electric cars."""

from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import numpy as np

from agents.der.device import ROUND_OFF_MWH, HourPlan, MicrogridDevice
from grids.components import EvFleet
from sim.ev_fleet import Charging, ChargingSessions, Envelope
from sim.messages import Action, Order
from sim.model import MarketModel


class EvAggregatorAgent(MicrogridDevice):
    """An aggregator (DRA) that charges electric vehicles (EVs) and pays their owners for not doing so at once.

    Parameters
    ----------
    fleet : EvFleet
        The fleet's data.
    cars : ChargingSessions
        Stays of its cars.

    Attributes
    ----------
    uncontrolled_mw : array, shape (steps of the run,)
        Charging as soon as possible, the baseline of the compensation. [MW]
    charging_mw : array, shape (cars,)
        Power of every car in the last step. [MW]
    """

    kind = "ev"

    def __init__(self, model: MarketModel, name: str, fleet: EvFleet, cars: ChargingSessions) -> None:
        super().__init__(model, name)
        self.fleet = fleet
        self.charging = Charging(cars)
        self.uncontrolled_mw = self.charging.uncontrolled()
        self.charging_mw = np.zeros(cars.cars)
        self._today_mwh = 0.0
        self._day: tuple[int, Envelope] | None = None
        self._calendar = cars.calendar

    @property
    def step(self) -> int:
        """Step that is being simulated, counted from 0 at the start of the run."""
        return self._calendar.steps_before(int(self.model.day)) + self._now

    @property
    def _now(self) -> int:
        """Step of the day, counted from 0."""
        return round(float(self.model.hour) * self._calendar.steps_per_hour) - 1

    def envelope(self, steps: int) -> Envelope:
        """Return the charging limits of the cars in this step and those after it."""
        return self.charging.envelope(self.step, steps, end_fill=self.fleet.start_fill)

    def day_range(self) -> tuple[float, float]:
        """Return the least and most that can have been charged since midnight by the end of this step. [MWh]"""
        day, now = int(self.model.day), self._now
        length = self._calendar.steps(day)
        if self._day is None or self._day[0] != day:
            self._day = day, self.envelope(length - now)
        first = length - len(self._day[1].min_mwh)
        return float(self._day[1].min_mwh[now - first]), float(self._day[1].max_mwh[now - first])

    @property
    def charged_today_mwh(self) -> float:
        """Energy charged since midnight. [MWh]"""
        return self._today_mwh if self._now else 0.0

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
        return Order(p_mw=-plan.orders["ev_p_mw"])

    def respond(self, order: Order) -> Action:
        """Charge for a step with a power that is divided among the cars."""
        step = self.step
        self.charging_mw = self.charging.disaggregate(step, -order.p_mw)
        p_mw, baseline = float(self.charging_mw.sum()), float(self.uncontrolled_mw[step])
        return Action(
            device=self.kind,
            p_mw=-p_mw,
            available_mw=baseline,
            energy_mwh=p_mw * self.step_h + self.charged_today_mwh,
            cost=self.step_h * self.fleet.discomfort(p_mw, baseline),
        )

    def commit(self, action: Action) -> None:
        """Charge every car with its power of the last response."""
        self.charging.charge(self.step, self.charging_mw)
        self._today_mwh = action.energy_mwh

    def state(self) -> dict[str, Any]:
        """Return the energy charged in each stay so far. [MWh]"""
        return {"charged_mwh": self.charging.charged_mwh.tolist()}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the energy charged by the end of a day. [MWh]"""
        self.charging.charged_mwh = np.array(state["charged_mwh"], dtype=np.float64)

    def energy_after(self, action: Action) -> float:
        """Return the energy the cars must have charged since midnight after an action. [MWh]"""
        return self.charged_today_mwh - action.p_mw * self.step_h

    def has_done(self, action: Action) -> bool:
        """Return whether the charging of its cars adds up to an action."""
        off = (
            float(self.charging_mw.sum()) + action.p_mw,
            self._today_mwh - action.energy_mwh,
            float(self.uncontrolled_mw[self.step]) - action.available_mw,
        )
        return all(abs(by) <= ROUND_OFF_MWH for by in off) and bool(np.isfinite(self.charging.charged_mwh).all())

    def as_it_is(self) -> Self:
        """Return a copy of its state now, with that of its cars."""
        other = super().as_it_is()
        other.charging = copy(self.charging)
        other.charging.charged_mwh = self.charging.charged_mwh.copy()
        return other
