"""Data of a microgrid at one bus: its devices, their physical limits and costs."""

from typing import Annotated, Literal

from pydantic import Field

from grids.components import Data, Fraction, Positive, PowerFactor, Store

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
HourOfDay = Annotated[float, Field(ge=0, lt=24, allow_inf_nan=False)]
LogMiles = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]  # e^10: 22,000 miles a day


class Storage(Store):
    """A store of electricity or heat with losses.

    Attributes
    ----------
    max_p_mw : float
        Largest power of charging and of discharging. [MW]
    max_e_mwh : float
        Energy when full. [MWh]
    min_soc, max_soc, start_soc : float
        Limits of the state of charge (SOC) and its value at the start of the first day, as fractions of `max_e_mwh`.
    min_end_soc : float, optional
        SOC to be reached at the end of every day; by default `start_soc`.
    efficiency : float
        One-way efficiency of charging and of discharging.
    standing_efficiency : float
        Share of the stored energy that is left after an hour of doing nothing.
    wear_per_mwh : float
        Cost of what is charged or discharged. [$/MWh]
    """

    max_p_mw: Positive
    max_e_mwh: Positive
    efficiency: PowerFactor = 1.0
    standing_efficiency: PowerFactor = 1.0
    wear_per_mwh: NonNegative = 0.0


class DieselGenerator(Data):
    """A diesel generator (DG) with quadratic fuel cost a·P² + b·P, and reactive power.

    Attributes
    ----------
    max_p_mw, max_q_mvar : float
        Largest active and reactive output; both may go down to zero. [MW], [Mvar]
    cost_per_mw2h, cost_per_mwh : float
        a and b. [$/MW²h], [$/MWh]
    """

    max_p_mw: Positive
    max_q_mvar: NonNegative = 0.0
    cost_per_mw2h: NonNegative = 0.0
    cost_per_mwh: NonNegative


class HeatUnit(Data):
    """The unit that makes the heat (RC): combined heat and power, or an electric heater.

    Attributes
    ----------
    max_p_mw : float
        Largest electric output (combined heat and power) or input (heater). [MW]
    cost_per_mwh : float
        Cost of a MWh of it. [$/MWh]
    heat_ratio : float
        Heat for each unit of electric power; less may be used, the surplus is vented.
    reading : {"combined_heat_and_power", "electric_heater"}
        Whether the electric power is made or used.
    """

    max_p_mw: Positive
    cost_per_mwh: NonNegative
    heat_ratio: Positive
    reading: Literal["combined_heat_and_power", "electric_heater"] = "combined_heat_and_power"


class EvFleet(Data):
    """Electric vehicles (EVs) that an aggregator charges, and how they come and go.

    Arrival, departure and daily distance are drawn for every car and day [assumed: after the US household travel
    survey NHTS]. A car is left at `target_soc`, or as full as its stay allows.

    Attributes
    ----------
    cars : int
        Number of cars.
    discomfort_per_mw2h : float
        β of the owners' compensation β·(P - P_uncontrolled)². [$/MW²h]
    arrival_mean_h, arrival_std_h, departure_mean_h, departure_std_h : float
        Normal distributions of the hours of arrival and (on the next day) departure. [h]
    distance_log_mean, distance_log_std : float
        Lognormal distribution of the daily distance in miles.
    consumption_mwh_per_mile, max_e_mwh, max_p_mw, efficiency, target_soc : float
        Consumption, battery size, charging power at the grid, charging efficiency, and SOC to be reached. [MWh], [MW]
    start_fill : float
        Position between least and most possible charge at which the cars are when the first day begins, and the
        fleet must be at the end of every day; a fraction.
    """

    cars: Annotated[int, Field(ge=1, le=100_000)]
    discomfort_per_mw2h: NonNegative = 1000.0
    arrival_mean_h: HourOfDay = 17.6
    arrival_std_h: NonNegative = 3.4
    departure_mean_h: HourOfDay = 8.92
    departure_std_h: NonNegative = 3.24
    distance_log_mean: LogMiles = 3.2
    distance_log_std: NonNegative = 0.88
    consumption_mwh_per_mile: Positive = 0.25e-3
    max_e_mwh: Positive = 32e-3
    max_p_mw: Positive = 6.6e-3
    efficiency: PowerFactor = 0.92
    target_soc: Fraction = 0.9
    start_fill: Fraction = 0.5


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
