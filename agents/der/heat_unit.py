"""The units that make the heat of microgrids."""

from agents.der.base import clipped
from agents.der.device import HourPlan, MicrogridDevice
from grids.components import HeatUnit
from sim.messages import Action, Order


class HeatUnitAgent(MicrogridDevice):
    """A combined heat and power unit or an electric heater (RC); surplus heat is vented."""

    kind = "heat_unit"
    unit: HeatUnit

    @property
    def sign(self) -> int:
        """Sign of its electric power: 1 if it is injected, -1 if it is consumed."""
        return 1 if self.unit.reading == "combined_heat_and_power" else -1

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour; it comes last and closes the balance of heat."""
        power = max(plan.orders["heat_unit_p_mw"], plan.heat_needed_mw / self.unit.heat_ratio)
        return Order(p_mw=self.sign * power, heat_mw=plan.heat_needed_mw)

    def respond(self, order: Order) -> Action:
        """Make heat for an hour, and make or use electric power for it."""
        unit = self.unit
        p_mw = clipped(self.sign * order.p_mw, 0.0, unit.max_p_mw)
        heat_mw = clipped(order.heat_mw, 0.0, unit.heat_ratio * p_mw)
        cost = unit.cost_per_mwh * p_mw * self.step_h
        return Action(device=self.kind, p_mw=self.sign * p_mw, heat_mw=heat_mw, cost=cost)
