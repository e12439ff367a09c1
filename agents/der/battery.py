"""Battery energy storage systems."""

from collections.abc import Mapping

from agents.der.base import OperatorUnit, clipped
from grids.components import Battery, left_mwh, store_limits, within_inverter
from sim.messages import Action, Order, Report
from sim.model import MarketModel


class BatteryAgent(OperatorUnit):
    """A battery that keeps its own state of charge (Eq. 23-25).

    Parameters
    ----------
    unit : Battery
        Its data.
    """

    kind = "battery"

    def __init__(self, model: MarketModel, *, name: str, position: int, unit: Battery) -> None:
        super().__init__(model, name=name, position=position)
        self._unit = unit
        self._energy_mwh = unit.start_soc * unit.max_e_mwh

    def report(self) -> Report:
        """Return the converter's capacity and the stored energy."""
        return Report(available_mw=self._unit.max_s_mva, energy_mwh=self._energy_mwh)

    def respond(self, order: Order) -> Action:
        """Return power that keeps the converter in its circle and the store between its limits for the step."""
        unit, energy = self._unit, self._energy_mwh
        p_mw, q_mvar = within_inverter(
            unit, clipped(order.p_mw, *store_limits(unit, energy, self.step_h)), order.q_mvar
        )
        return Action(device=self.kind, p_mw=p_mw, q_mvar=q_mvar, energy_mwh=left_mwh(unit, energy, p_mw, self.step_h))

    def commit(self, action: Action) -> None:
        """Take over the stored energy that an action leaves."""
        self._energy_mwh = action.energy_mwh

    def state(self) -> dict[str, float]:
        """Return the stored energy. [MWh]"""
        return {"energy_mwh": self._energy_mwh}

    def resume(self, state: Mapping[str, float]) -> None:
        """Go on from the energy stored at the end of a day. [MWh]"""
        self._energy_mwh = state["energy_mwh"]
