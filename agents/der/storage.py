"""What stores of electricity and of heat have in common."""

from agents.der.device import MicrogridDevice, clipped
from grids.microgrid import Storage
from sim.model import MarketModel


class StorageDevice(MicrogridDevice):
    """A store with losses that keeps its own energy.

    Parameters
    ----------
    unit : Storage
        Its data.

    Attributes
    ----------
    energy_mwh : float
        Stored energy now. [MWh]
    """

    def __init__(self, model: MarketModel, port: str, unit: Storage) -> None:
        super().__init__(model, port)
        self.unit = unit
        self.energy_mwh = unit.start_soc * unit.max_e_mwh

    def limits(self) -> tuple[float, float]:
        """Return the least (charging) and the most (discharging) power of this hour. [MW]

        The standing loss alone may take the store below its least energy; it then gives nothing.
        """
        unit, rest = self.unit, self._rest_mwh
        most = max(rest - unit.min_soc * unit.max_e_mwh, 0.0) * unit.efficiency
        least = -max(unit.max_soc * unit.max_e_mwh - rest, 0.0) / unit.efficiency
        return max(least, -unit.max_p_mw), min(most, unit.max_p_mw)

    def exchange(self, p_mw: float) -> float:
        """Return the power, clipped to the limits and positive for discharge, after an hour of it. [MW]"""
        p_mw = clipped(p_mw, *self.limits())
        eta = self.unit.efficiency
        self.energy_mwh = self._rest_mwh - (p_mw / eta if p_mw > 0 else p_mw * eta)
        return p_mw

    def wear(self, p_mw: float) -> float:
        """Return what an hour of a power costs. [$]"""
        return self.unit.wear_per_mwh * abs(p_mw)

    @property
    def _rest_mwh(self) -> float:
        """What the standing loss of this hour leaves. [MWh]"""
        return self.unit.standing_efficiency * self.energy_mwh
