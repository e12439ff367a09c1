"""Diesel generators."""

from agents.der.base import clipped
from agents.der.device import HourPlan, MicrogridDevice
from grids.components import DieselGenerator
from sim.messages import Action, Order


class DieselGeneratorAgent(MicrogridDevice):
    """A diesel generator (DG)."""

    kind = "diesel"
    unit: DieselGenerator

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
        return Order(p_mw=plan.orders["diesel_p_mw"], q_mvar=-plan.orders["exchange_q_mvar"])

    def respond(self, order: Order) -> Action:
        """Give active and reactive power for an hour."""
        p_mw = clipped(order.p_mw, 0.0, self.unit.max_p_mw)
        q_mvar = clipped(order.q_mvar, 0.0, self.unit.max_q_mvar)
        return Action(device=self.kind, p_mw=p_mw, q_mvar=q_mvar, cost=self.step_h * self.unit.fuel_cost(p_mw))
