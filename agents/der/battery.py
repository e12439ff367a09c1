"""Battery energy storage systems."""

from agents.der.base import DerAgent, clipped_to_circle
from grids.components import Battery
from sim.messages import Action, Report
from sim.model import MarketModel


class BatteryAgent(DerAgent):
    """A battery that keeps its own state of charge (Eq. 23-25).

    Parameters
    ----------
    unit : Battery
        Its data.
    """

    def __init__(self, model: MarketModel, *, name: str, position: int, unit: Battery) -> None:
        super().__init__(model, name=name, kind="battery", position=position)
        self._unit = unit
        self._energy_mwh = unit.start_soc * unit.max_e_mwh

    def report(self) -> Report:
        """Return the converter's capacity and the stored energy."""
        return Report(available_mw=self._unit.max_s_mva, energy_mwh=self._energy_mwh)

    def clip(self, p_mw: float, q_mvar: float) -> tuple[float, float]:
        """Return power that keeps the converter in its circle and the store between its limits for the hour."""
        unit = self._unit
        most = max(self._energy_mwh - unit.min_soc * unit.max_e_mwh, 0.0) * unit.efficiency
        least = -max(unit.max_soc * unit.max_e_mwh - self._energy_mwh, 0.0) / unit.efficiency
        return clipped_to_circle(min(max(p_mw, least), most), q_mvar, unit.max_s_mva)

    def commit(self, action: Action) -> None:
        """Subtract the discharged energy from the store, or add the charged energy (Δt = 1 h)."""
        eta = self._unit.efficiency
        self._energy_mwh -= action.p_mw / eta if action.p_mw > 0 else action.p_mw * eta
