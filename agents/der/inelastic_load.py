"""Consumers of electricity who do not respond to prices."""

from agents.der.base import clipped
from agents.der.device import HourPlan, MicrogridDevice
from sim.messages import Action, Order


class InelasticLoadAgent(MicrogridDevice):
    """An electric load, served up to the demand."""

    kind = "load"

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
        return Order(p_mw=-(plan.load_mw - plan.unserved("load")), available_mw=plan.load_mw)

    def respond(self, order: Order) -> Action:
        """Take power for an hour, no more than is demanded."""
        served_mw = clipped(-order.p_mw, 0.0, order.available_mw)
        return Action(device=self.kind, p_mw=-served_mw, available_mw=order.available_mw)
