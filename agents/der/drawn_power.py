"""Devices of microgrids whose power is drawn: electric and heat loads, and renewable output."""

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
