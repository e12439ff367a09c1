"""Fleet of a study: all units, microgrids and fleets of cars that it connects to its network."""

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

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
    from_net : bool
        Whether PV, wind and storages of a pandapower net are units of the operator, too.
    pv_share_of_load, wind_share_of_load : float
        Capacity at every bus with load, as a multiple of its nominal active load, besides all other units. In a
        study, ``pv: {share_of_load: 0.5}`` says the same.
    """

    from_net: bool = False
    pv_share_of_load: NonNegative = 0.0
    wind_share_of_load: NonNegative = 0.0
    wind: tuple[Renewable, ...] = ()
    pv: tuple[Renewable, ...] = ()
    battery: tuple[Battery, ...] = ()
    microgrid: tuple[Microgrid, ...] = ()
    ev_aggregator: tuple[EvAggregator, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _shares_by_kind(cls, values: Any) -> Any:
        """Take ``pv: {share_of_load: 0.5}``, also as an element of the list, for the share of its kind."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        for kind in ("wind", "pv"):
            units = values.get(kind)
            for unit in [units] if isinstance(units, dict) else units if isinstance(units, list | tuple) else ():
                if isinstance(unit, dict) and set(unit) == {"share_of_load"}:
                    values[f"{kind}_share_of_load"] = unit["share_of_load"]
                    values[kind] = [other for other in values[kind] if other is not unit and other != "share_of_load"]
        return values

    def with_shares(self, peak_mw: Mapping[int, float]) -> "Fleet":
        """Return the fleet with a unit for each share of load at every bus with load, after all others of its kind.

        Parameters
        ----------
        peak_mw : mapping of int to float
            Nominal active load by bus number; the units stand in this order. [MW]
        """
        shares = {"wind": self.wind_share_of_load, "pv": self.pv_share_of_load}
        spread = {
            kind: tuple(Renewable(bus=bus, max_s_mva=share * peak) for bus, peak in peak_mw.items())
            for kind, share in shares.items()
            if share
        }
        none = {f"{kind}_share_of_load": 0.0 for kind in shares}
        return self.model_copy(
            update={**none, **{kind: getattr(self, kind) + units for kind, units in spread.items()}}
        )
