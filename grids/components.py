"""Data of all devices, and of the tie line: physical limits and costs."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
PowerFactor = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PerUnit = Annotated[float, Field(gt=0.5, lt=1.5)]
HourOfDay = Annotated[float, Field(ge=0, lt=24, allow_inf_nan=False)]
LogMiles = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]  # e^10: 22,000 miles a day
Word = Annotated[str, Field(max_length=60)]
FileName = Annotated[str, Field(max_length=1000)]
PowerFactorReading = Literal["import_only", "both_directions"]


class Data(BaseModel):
    """A read-only record that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=20_000)


class Renewable(Data):
    """A wind turbine or PV plant behind an inverter (Eq. 20-22).

    Attributes
    ----------
    bus : int
        Bus it is connected to, as numbered in the network.
    max_s_mva : float
        Apparent-power capacity; also the active power at full wind or sun. [MVA]
    min_power_factor : float
        The inverter keeps between this power factor lagging and leading (Table 4: 0.9).
    """

    bus: int
    max_s_mva: Positive
    min_power_factor: PowerFactor = 0.9


class Store(Data):
    """Limits of the state of charge (SOC) that all stores share, and its values at the start and end of days."""

    min_soc: Fraction = 0.0
    max_soc: Fraction = 1.0
    start_soc: Fraction = 0.5
    min_end_soc: Fraction | None = None

    @model_validator(mode="after")
    def _soc_is_ordered(self) -> Self:
        if not self.min_soc <= self.start_soc <= self.max_soc:
            raise ValueError(
                f"min_soc <= start_soc <= max_soc must hold, got {self.min_soc}, {self.start_soc}, {self.max_soc}"
            )
        if self.end_soc > self.max_soc:
            raise ValueError(f"min_end_soc must not exceed max_soc, got {self.min_end_soc} and {self.max_soc}")
        return self

    @property
    def end_soc(self) -> float:
        """SOC to be reached at the end of every day."""
        return self.start_soc if self.min_end_soc is None else self.min_end_soc


class Battery(Store):
    """A battery energy storage system behind a four-quadrant converter (Eq. 23-25).

    Attributes
    ----------
    bus : int
        Bus it is connected to.
    max_s_mva : float
        Converter capacity, the radius of its P-Q circle. [MVA]
    max_e_mwh : float
        Energy at a state of charge (SOC) of 1. [MWh]
    min_soc, max_soc, start_soc : float
        Limits of the SOC and its value at the start of the first day, as fractions of `max_e_mwh`.
    min_end_soc : float, optional
        SOC to be reached at the end of every day; by default `start_soc`.
    efficiency : float
        One-way efficiency of charging and of discharging (the paper assumes 1).
    wear_per_mwh : float
        Cost of what is charged or discharged, besides the tariff's quadratic wear (Eq. 17). [$/MWh]
    """

    bus: int
    max_s_mva: Positive
    max_e_mwh: Positive
    min_soc: Fraction = 0.20
    max_soc: Fraction = 0.95
    start_soc: Fraction = 0.50
    min_end_soc: Fraction | None = None
    efficiency: PowerFactor = 1.0
    wear_per_mwh: NonNegative = 0.0


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

    def fuel_cost(self, p_mw: Any) -> Any:
        """Return the cost of an hour of a power (number or expression): a·P² + b·P. [$]"""
        return self.cost_per_mw2h * p_mw**2 + self.cost_per_mwh * p_mw


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
    """Electric vehicles (EVs) that an aggregator charges, with their arrivals and departures.

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

    def discomfort(self, p_mw: Any, uncontrolled_mw: Any) -> Any:
        """Return the owners' compensation for an hour (numbers or expressions): β·(P - P_uncontrolled)². [$]"""
        return self.discomfort_per_mw2h * (p_mw - uncontrolled_mw) ** 2


class TieLine(Data):
    """The line that connects the microgrid to the main grid (Eq. 29-30).

    Attributes
    ----------
    max_s_mva : float
        Capacity of the tie line. [MVA]
    min_power_factor : float
        Power factor it must keep, lagging and leading (Table 4: 0.95).
    power_factor_reading : {"import_only", "both_directions"}
        Interpretation of Eq. (30): ``import_only`` is |Q| <= P·tan φ, which forbids export; ``both_directions`` is
        |Q| <= |P|·tan φ.
    """

    max_s_mva: Positive = 10.0
    min_power_factor: PowerFactor = 0.95
    power_factor_reading: PowerFactorReading = "import_only"


class VoltageLimits(Data):
    """Voltage set point of the main grid and the limits of Eq. (31); None leaves one to the network. [p.u.]"""

    slack_vm_pu: PerUnit | None = 1.0
    min_vm_pu: PerUnit | None = 0.95
    max_vm_pu: PerUnit | None = 1.05

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        low, high = self.min_vm_pu, self.max_vm_pu
        if low is not None and high is not None and not low < high:
            raise ValueError(f"min_vm_pu must be below max_vm_pu, got {low} and {high}")
        return self


class Voltage(VoltageLimits):
    """Voltage set point of the main grid and the limits of Eq. (31). [p.u.]"""

    slack_vm_pu: PerUnit = 1.0
    min_vm_pu: PerUnit = 0.95
    max_vm_pu: PerUnit = 1.05

    @classmethod
    def of(cls, limits: VoltageLimits, **otherwise: float) -> Self:
        """Return limits with those that are left to the network as they are given here, or else the defaults."""
        return cls(**{**otherwise, **limits.model_dump(exclude_none=True)})


def energy_limits(unit: Battery | Storage) -> tuple[float, float]:
    """Return the least and the most energy of a store. [MWh]"""
    return unit.min_soc * unit.max_e_mwh, unit.max_soc * unit.max_e_mwh


def store_limits(unit: Battery | Storage, energy_mwh: float, step_h: float = 1.0) -> tuple[float, float]:
    """Return the least (charging) and the most (discharging) power of a step that keep a store's SOC. [MW]"""
    least_mwh, most_mwh = energy_limits(unit)
    room_mwh, stored_mwh = max(most_mwh - energy_mwh, 0.0), max(energy_mwh - least_mwh, 0.0)
    return -room_mwh / unit.efficiency / step_h, stored_mwh * unit.efficiency / step_h


def left_mwh(unit: Battery | Storage, energy_mwh: float, p_mw: float, step_h: float = 1.0) -> float:
    """Return the energy that a step of a power, positive for discharge, leaves in a store. [MWh]"""
    return energy_mwh - (p_mw / unit.efficiency if p_mw > 0 else p_mw * unit.efficiency) * step_h


def within_inverter(unit: Renewable | Battery, p_mw: float, q_mvar: float) -> tuple[float, float]:
    """Return the set point, or the nearest one within the inverter's power factor and circle. [MW], [Mvar]

    Cutting Q alone to the circle would turn a solver's round-off in P into its square root in Q.
    """
    if isinstance(unit, Renewable):
        limit = p_mw * math.tan(math.acos(unit.min_power_factor))
        q_mvar = min(max(q_mvar, -limit), limit)
    apparent = math.hypot(p_mw, q_mvar)
    share = unit.max_s_mva / apparent if apparent > unit.max_s_mva else 1.0
    return share * p_mw, share * q_mvar
