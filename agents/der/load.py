"""Consumers at one bus."""

from agents.der.base import OperatorUnit, clipped
from sim.messages import Action, Order
from sim.model import MarketModel


class LoadAgent(OperatorUnit):
    """Consumers who can be curtailed and keep their power factor (Eq. 18-19).

    Parameters
    ----------
    tan_phi : float
        Reactive per active demand.
    """

    kind = "load"

    def __init__(self, model: MarketModel, *, name: str, position: int, tan_phi: float) -> None:
        super().__init__(model, name=name, position=position)
        self._tan_phi = tan_phi

    def respond(self, order: Order) -> Action:
        """Return the served load: not negative, not more than demanded, at its own power factor."""
        demand_mw = self.report().available_mw
        served_mw = clipped(-order.p_mw, 0.0, demand_mw)
        q_mvar = -served_mw * self._tan_phi
        return Action(device=self.kind, p_mw=-served_mw, q_mvar=q_mvar, available_mw=demand_mw)
