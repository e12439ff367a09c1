"""Fleet of a study: all units, microgrids and fleets of cars that it connects to its network."""

from grids.components import (
    Battery,
    Data,
    DieselGenerator,
    EvFleet,
    HeatUnit,
    NonNegative,
    Positive,
    Renewable,
    Storage,
)


class Microgrid(Data):
    """A multi-energy microgrid: one agent with its own devices at each of the buses.

    Attributes
    ----------
    buses : tuple of int
        Buses of the first feeder with such a microgrid; every other feeder has the same.
    max_exchange_mw : float
        Largest power from and to the feeder. [MW]
    max_load_mw, max_heat_mw, max_output_mw : float
        Electric load, heat load and renewable output at a profile of 1. [MW]
    battery, thermal_storage, diesel, heat_unit, ev : optional
        Devices.
    """

    buses: tuple[int, ...]
    max_exchange_mw: Positive
    max_load_mw: NonNegative = 0.0
    max_heat_mw: NonNegative = 0.0
    max_output_mw: NonNegative = 0.0
    battery: Storage | None = None
    thermal_storage: Storage | None = None
    diesel: DieselGenerator | None = None
    heat_unit: HeatUnit | None = None
    ev: EvFleet | None = None

    @property
    def stores(self) -> dict[str, Storage]:
        """Battery and thermal storage by field, as far as it has them."""
        both = {"battery": self.battery, "thermal_storage": self.thermal_storage}
        return {name: unit for name, unit in both.items() if unit is not None}


class EvAggregator(Data):
    """An aggregator of demand response (DRA) that the network operator runs: a fleet of EVs at one bus.

    Attributes
    ----------
    bus : int
        Bus of the first feeder; every other feeder has the same.
    ev : EvFleet
        The cars.
    """

    bus: int
    ev: EvFleet

    def as_microgrid(self) -> Microgrid:
        """Return the aggregator as a microgrid that has only cars."""
        return Microgrid(buses=(self.bus,), max_exchange_mw=self.ev.cars * self.ev.max_p_mw, ev=self.ev)


class Fleet(Data):
    """Renewables and batteries of the operator (Table 2 for the 33-bus microgrid), microgrids, and fleets of cars.

    Attributes
    ----------
    wind, pv, battery : tuple
        Units that the operator dispatches itself.
    microgrid : tuple of Microgrid
        Microgrids that are agents of their own, by kind.
    ev_aggregator : tuple of EvAggregator
        The operator's own fleets of electric vehicles.
    """

    wind: tuple[Renewable, ...] = ()
    pv: tuple[Renewable, ...] = ()
    battery: tuple[Battery, ...] = ()
    microgrid: tuple[Microgrid, ...] = ()
    ev_aggregator: tuple[EvAggregator, ...] = ()
