"""Stores of microgrids: of electricity, and of heat."""

from collections.abc import Mapping
from typing import Any

from agents.der.base import clipped
from agents.der.device import ROUND_OFF_MWH, HourPlan, MicrogridDevice
from grids.components import Storage, left_mwh, store_limits
from sim.messages import Action, Order
from sim.model import MarketModel


class StorageAgent(MicrogridDevice):
    """A store with losses that keeps its own energy.

    Attributes
    ----------
    energy_mwh : float
        Stored energy now. [MWh]
    """

    unit: Storage

    def __init__(self, model: MarketModel, name: str, unit: Storage) -> None:
        super().__init__(model, name, unit)
        self.energy_mwh = unit.start_soc * unit.max_e_mwh

    def limits(self) -> tuple[float, float]:
        """Return the least (charging) and the most (discharging) power of this hour. [MW]

        The standing loss alone may take the store below its least energy; it then gives nothing.
        """
        least, most = store_limits(self.unit, self._rest_mwh, self.step_h)
        return max(least, -self.unit.max_p_mw), min(most, self.unit.max_p_mw)

    def left_mwh(self, p_mw: float) -> float:
        """Return the energy that is left after a step of a power, positive for discharge. [MWh]"""
        return left_mwh(self.unit, self._rest_mwh, p_mw, self.step_h)

    def commit(self, action: Action) -> None:
        """Take over the stored energy that an action leaves."""
        self.energy_mwh = action.energy_mwh

    def state(self) -> dict[str, Any]:
        """Return the stored energy. [MWh]"""
        return {"energy_mwh": self.energy_mwh}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the energy stored at the end of a day. [MWh]"""
        self.energy_mwh = state["energy_mwh"]

    def energy_after(self, action: Action) -> float:
        """Return the stored energy that an action must leave; electric and thermal stores give one of two. [MWh]"""
        return self.left_mwh(action.p_mw + action.heat_mw)

    def has_done(self, action: Action) -> bool:
        """Return whether its stored energy is the one that an action leaves."""
        return abs(self.energy_mwh - action.energy_mwh) <= ROUND_OFF_MWH

    def wear(self, p_mw: float) -> float:
        """Return the cost of a step of a power. [$]"""
        return self.unit.wear_per_mwh * abs(p_mw) * self.step_h

    @property
    def _rest_mwh(self) -> float:
        """Stored energy after the standing loss of this step. [MWh]"""
        return float(self.unit.standing_efficiency**self.step_h) * self.energy_mwh


class ElectricStorageAgent(StorageAgent):
    """A battery."""

    kind = "battery"

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
        return Order(p_mw=plan.orders["battery_p_mw"])

    def respond(self, order: Order) -> Action:
        """Discharge (positive) or charge for an hour."""
        p_mw = clipped(order.p_mw, *self.limits())
        return Action(device=self.kind, p_mw=p_mw, energy_mwh=self.left_mwh(p_mw), cost=self.wear(p_mw))


class ThermalStorageAgent(StorageAgent):
    """A thermal storage (TS), which loses some of its heat to the surroundings."""

    kind = "thermal_storage"

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan: it gives no more heat than is used, and takes no more than can be made."""
        left = max(plan.most_heat_mw - plan.heat_needed_mw, 0.0)
        return Order(heat_mw=clipped(plan.orders["thermal_storage_p_mw"], -left, plan.heat_needed_mw))

    def respond(self, order: Order) -> Action:
        """Give (positive) or take heat for an hour."""
        heat_mw = clipped(order.heat_mw, *self.limits())
        left, wear = self.left_mwh(heat_mw), self.wear(heat_mw)
        return Action(device=self.kind, heat_mw=heat_mw, energy_mwh=left, cost=wear)
