"""Consumers at one bus."""

from agents.der.base import DerAgent
from sim.model import MarketModel


class LoadAgent(DerAgent):
    """Consumers who can be curtailed and keep their power factor (Eq. 18-19).

    Parameters
    ----------
    tan_phi : float
        Reactive per active demand.
    """

    def __init__(self, model: MarketModel, *, name: str, position: int, tan_phi: float) -> None:
        super().__init__(model, name=name, kind="load", position=position)
        self._tan_phi = tan_phi

    def clip(self, p_mw: float, q_mvar: float) -> tuple[float, float]:
        """Return the served load: not negative, not more than demanded, at its own power factor."""
        served = min(max(p_mw, 0.0), self.report().available_mw)
        return served, served * self._tan_phi
