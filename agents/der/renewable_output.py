"""Renewable units of microgrids."""

from agents.der.base import clipped
from agents.der.device import HourPlan, MicrogridDevice
from sim.messages import Action, Order


class RenewableOutputAgent(MicrogridDevice):
    """Renewable output that can be curtailed, at no cost."""

    kind = "output"

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
        return Order(p_mw=plan.orders["output_p_mw"], available_mw=plan.output_mw)

    def respond(self, order: Order) -> Action:
        """Give power for an hour, no more than is available."""
        p_mw = clipped(order.p_mw, 0.0, order.available_mw)
        return Action(device=self.kind, p_mw=p_mw, available_mw=order.available_mw)
