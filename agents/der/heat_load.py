"""Consumers of heat."""

from agents.der.base import clipped
from agents.der.device import HourPlan, MicrogridDevice
from sim.messages import Action, Order


class HeatLoadAgent(MicrogridDevice):
    """A heat load, served up to the demand."""

    kind = "heat_load"

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
        return Order(heat_mw=-(plan.heat_mw - plan.unserved("heat")), available_mw=plan.heat_mw)

    def respond(self, order: Order) -> Action:
        """Take heat for an hour, no more than is demanded."""
        served_mw = clipped(-order.heat_mw, 0.0, order.available_mw)
        return Action(device=self.kind, heat_mw=-served_mw, available_mw=order.available_mw)
