"""What all devices behind a microgrid's port have in common."""

from typing import ClassVar

import mesa

from sim.model import MarketModel


class MicrogridDevice(mesa.Agent):  # type: ignore[misc]
    """A device that does what its microgrid asks, within its own physical limits; an hour is Δt = 1 h.

    Every device has a method ``carry_out``, which clips what it is asked for, changes the device's state, and returns
    a :class:`sim.messages.DeviceAction` with what it did and what that cost.

    Parameters
    ----------
    model : MarketModel
        The stage.
    port : str
        Name of the port behind which it is.
    """

    DEVICE: ClassVar[str]
    """What it is called in the records."""

    def __init__(self, model: MarketModel, port: str) -> None:
        super().__init__(model)
        self.port = port


def clipped(value: float, least: float, most: float) -> float:
    """Return a value within limits."""
    return min(max(float(value), least), most)
