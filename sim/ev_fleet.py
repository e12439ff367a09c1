"""Fleets of electric cars: stays at the charger, energy needed, and the flexibility that leaves.

Times are hours since the run began (0 is the midnight before day 1), and energies are measured at the grid. Cars are
assumed to announce their stays a day ahead, so stays that begin later are known. A car that left with less than its
target is assumed to come home as if it had left with it: every stay stands for itself.
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from grids.components import EvFleet
from grids.network import BoolArray, FloatArray, IntArray
from sim.calendar import Calendar
from sim.errors import StudyError

CARS_STREAM = 3
"""First word of the random streams' keys: the ones before it are taken by :class:`sim.scenarios.Draw`."""

MAX_REDRAWS = 1000
"""Rounds of redrawing after which a fleet's hours count as impossible."""

TOLERANCE_MW = 1e-9
"""Power outside a car's limits that is round-off."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ChargingSessions:
    """The stays of one fleet's cars over a whole run; a car and an hour belong to one stay at most.

    Attributes
    ----------
    cars, days : int
        Number of cars and of days.
    max_p_mw : float
        Charging power of a car. [MW]
    car : array of int, shape (N,)
        Number of the car, 0 to ``cars - 1``.
    arrival_h, departure_h : array, shape (N,)
        Begin (before 0 for cars that are plugged in already) and end of the stay. [h]
    arrival_soc : array, shape (N,)
        State of charge on arrival.
    need_mwh : array, shape (N,)
        Energy from the grid that brings the car to its target, or the most that the stay allows. [MWh]
    full : array of bool, shape (N,)
        Whether the target can be reached.
    start_mwh : array, shape (N,)
        Energy charged before the run began. [MWh]
    calendar : Calendar
        Days and steps of the run.
    """

    cars: int
    days: int
    max_p_mw: float
    car: IntArray
    arrival_h: FloatArray
    departure_h: FloatArray
    arrival_soc: FloatArray
    need_mwh: FloatArray
    full: BoolArray
    start_mwh: FloatArray
    calendar: Calendar = field(default_factory=Calendar)

    def room_mwh(self, start_h: float | FloatArray, end_h: float | FloatArray, sessions: IntArray) -> FloatArray:
        """Return the energy each stay could charge at full power between two times, shape (n,) or (H, n). [MWh]"""
        start, end = np.maximum(self.arrival_h[sessions], start_h), np.minimum(self.departure_h[sessions], end_h)
        room: FloatArray = self.max_p_mw * np.maximum(end - start, 0.0)
        return room

    def least_by(self, end_h: float | FloatArray, sessions: IntArray) -> FloatArray:
        """Return the energy that must be charged by a time, if the rest is charged as late as possible. [MWh]"""
        later = self.max_p_mw * np.maximum(self.departure_h[sessions] - end_h, 0.0)
        return np.maximum(self.need_mwh[sessions] - later, 0.0)

    def most_by(self, end_h: float | FloatArray, sessions: IntArray) -> FloatArray:
        """Return the energy charged by a time, if the cars charge as soon as possible in the run. [MWh]"""
        return np.minimum(self.need_mwh[sessions], self.start_mwh[sessions] + self.room_mwh(0.0, end_h, sessions))

    def between(self, start_h: float, end_h: float) -> IntArray:
        """Return the stays that overlap the time between two hours."""
        return np.flatnonzero((self.departure_h > start_h) & (self.arrival_h < end_h))


def draw_cars(
    fleet: EvFleet, *, days: int, seed: int, connection: int, calendar: Calendar | None = None
) -> ChargingSessions:
    """Return the stays of a fleet's cars, from the evening before the run to the morning after it.

    Parameters
    ----------
    days : int
        Days of the run.
    seed, connection : int
        With the day they fix the random stream, so a day's cars do not depend on the days that follow.
    calendar : Calendar, optional
        Days and steps of the run; by default days of 24 hours in hourly steps.

    Raises
    ------
    StudyError
        If the distributions leave no room for a departure before the arrival of the same day.
    """
    departure, arrival, miles = np.stack(
        [
            _draw_day(fleet, np.random.SeedSequence(seed, spawn_key=(CARS_STREAM, connection, day)))
            for day in range(days + 2)
        ],
        axis=1,
    )
    calendar = calendar or Calendar()
    clock = [(calendar.hours_before(day), partial(calendar.elapsed, day)) for day in range(days + 2)]
    arrival_h = np.concatenate([begin + at(arrival[day]) for day, (begin, at) in enumerate(clock[:-1])])
    departure_h = np.concatenate([begin + at(departure[day]) for day, (begin, at) in enumerate(clock) if day])
    arrival_soc = np.maximum(
        fleet.target_soc - miles[:-1].ravel() * fleet.consumption_mwh_per_mile / fleet.max_e_mwh, 0
    )
    wanted = (fleet.target_soc - arrival_soc) * fleet.max_e_mwh / fleet.efficiency
    possible = fleet.max_p_mw * (departure_h - arrival_h)
    need = np.minimum(wanted, possible)
    least = np.maximum(need - fleet.max_p_mw * departure_h, 0.0)
    most = np.minimum(need, fleet.max_p_mw * np.maximum(-arrival_h, 0.0))
    return ChargingSessions(
        cars=fleet.cars,
        days=days,
        max_p_mw=fleet.max_p_mw,
        car=np.tile(np.arange(fleet.cars), days + 1),
        arrival_h=arrival_h,
        departure_h=departure_h,
        arrival_soc=arrival_soc,
        need_mwh=need,
        full=wanted <= possible,
        start_mwh=np.where(arrival_h < 0, least + fleet.start_fill * (most - least), 0.0),
        calendar=calendar,
    )


def _draw_day(fleet: EvFleet, sequence: np.random.SeedSequence) -> FloatArray:
    """Return one day's departures and arrivals (clock hours) and distances (miles) of all cars, shape (3, cars).

    Pairs are drawn again until the car is back in a later hour than the one in which it left.
    """
    rng = np.random.default_rng(sequence)
    miles = rng.lognormal(fleet.distance_log_mean, fleet.distance_log_std, fleet.cars)
    departure, arrival = np.empty((2, fleet.cars))
    wrong = np.arange(fleet.cars)
    for _ in range(MAX_REDRAWS):
        departure[wrong] = rng.normal(fleet.departure_mean_h, fleet.departure_std_h, len(wrong))
        arrival[wrong] = rng.normal(fleet.arrival_mean_h, fleet.arrival_std_h, len(wrong))
        right = (departure >= 0) & (arrival >= np.ceil(departure)) & (arrival < 24)
        wrong = np.flatnonzero(~right)
        if not len(wrong):
            return np.stack([departure, arrival, miles])
    raise StudyError(
        f"cars that leave at {fleet.departure_mean_h:g} ± {fleet.departure_std_h:g} h hardly ever arrive later on"
        f" that day, at {fleet.arrival_mean_h:g} ± {fleet.arrival_std_h:g} h: let them leave earlier or arrive later"
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Envelope:
    """Charging limits of a fleet in the steps ahead, as a virtual battery.

    The limits are sums over the cars. In the first step they are exact; later they are an outer approximation, for a
    charge within them may not be divisible among the cars.

    Attributes
    ----------
    min_mwh, max_mwh : array, shape (H,)
        Least and most energy charged from now to the end of each step. [MWh]
    max_p_mw : array, shape (H,)
        Largest power in each step. [MW]
    """

    min_mwh: FloatArray
    max_mwh: FloatArray
    max_p_mw: FloatArray


class Charging:
    """State of charging of a fleet, and the limits of the charging that follows.

    Charging within `limits` in every step lets every car leave as full as it could have been.

    Parameters
    ----------
    cars : ChargingSessions
        The stays.

    Attributes
    ----------
    charged_mwh : array, shape (N,)
        Energy charged in each stay so far. [MWh]
    """

    def __init__(self, cars: ChargingSessions) -> None:
        self.cars = cars
        self.charged_mwh = cars.start_mwh.copy()
        self._per_hour, self._step_h = cars.calendar.steps_per_hour, cars.calendar.step_h

    def limits(self, step: int) -> tuple[float, float]:
        """Return the least and largest power of the cars in a step, counted from 0 at the start of the run. [MW]"""
        least, most = self._limits(step, self._here(step))
        return float(least.sum()), float(most.sum())

    def envelope(self, step: int, steps: int, *, end_fill: float = 0.0) -> Envelope:
        """Return the charging limits of the fleet from the start of a step on.

        Parameters
        ----------
        step, steps : int
            The first step, counted from 0 at the start of the run, and the number of steps.
        end_fill : float
            Energy charged by the end of every day, as a fraction: 0 is the least that lets all cars leave full, 1
            as if they had charged as soon as possible throughout. A fleet below it must charge as much as it can.
        """
        cars, counted = self.cars, np.arange(step, step + steps + 1)
        bounds = counted / self._per_hour
        sessions = cars.between(bounds[0], bounds[-1])
        charged, need = self.charged_mwh[sessions], cars.need_mwh[sessions]
        ends = bounds[1:, None]
        most = np.minimum(need, charged + cars.room_mwh(bounds[0], ends, sessions))
        least = np.clip(cars.least_by(ends, sessions), charged, most)
        min_mwh, max_mwh = (least - charged).sum(axis=1), (most - charged).sum(axis=1)
        midnight = np.array([cars.calendar.day_of(int(end))[1] == 0 for end in counted[1:]], dtype=bool)
        late, soon = cars.least_by(ends[midnight], sessions), cars.most_by(ends[midnight], sessions)
        wanted = (late + end_fill * (soon - late) - charged).sum(axis=1)
        min_mwh[midnight] = np.clip(wanted, min_mwh[midnight], max_mwh[midnight])
        most_mwh = np.minimum(cars.room_mwh(bounds[:-1, None], ends, sessions), need - charged)
        return Envelope(min_mwh=min_mwh, max_mwh=max_mwh, max_p_mw=most_mwh.sum(axis=1) / self._step_h)

    def uncontrolled(self) -> FloatArray:
        """Return the power of charging as soon as possible throughout the run, shape (steps of the run,). [MW]"""
        return np.concatenate([self._uncontrolled_day(day) for day in range(1, self.cars.days + 1)])

    def disaggregate(self, step: int, p_mw: float) -> FloatArray:
        """Return the power of every car that adds up to a power of the fleet, clipped to its limits.

        Every car gets what it must have; the rest goes to the cars with the least laxity, the time they could still
        wait.

        Returns
        -------
        array, shape (cars,)
            Power of every car. [MW]
        """
        cars, sessions = self.cars, self._here(step)
        least, most = self._limits(step, sessions)
        waiting = cars.departure_h[sessions] - np.maximum(cars.arrival_h[sessions], step / self._per_hour)
        laxity = waiting - (cars.need_mwh[sessions] - self.charged_mwh[sessions]) / cars.max_p_mw
        # Rounded, or round-off would decide between cars that are equally urgent.
        order = np.lexsort((cars.car[sessions], laxity.round(9)))
        room = (most - least)[order]
        before = np.cumsum(room) - room
        power = np.zeros(cars.cars)
        power[cars.car[sessions][order]] = least[order] + np.clip(p_mw - least.sum() - before, 0.0, room)
        return power

    def charge(self, step: int, power: FloatArray) -> None:
        """Charge every car for a step with a power, shape (cars,). [MW]

        Raises
        ------
        ValueError
            If a car cannot take its power, or could no longer be as full as possible when it leaves.
        """
        sessions = self._here(step)
        least, most = self._limits(step, sessions)
        car = self.cars.car[sessions]
        taken = np.zeros(self.cars.cars)
        taken[car] = np.clip(power[car], least, most)
        if not np.allclose(power, taken, rtol=0, atol=TOLERANCE_MW):
            raise ValueError(f"step {step}: a car's power is outside what it must and can charge")
        # The sum may exceed the need by round-off.
        charged = self.charged_mwh[sessions] + self._step_h * taken[car]
        self.charged_mwh[sessions] = np.minimum(charged, self.cars.need_mwh[sessions])

    def _here(self, step: int) -> IntArray:
        """Return the stays in a step."""
        return self.cars.between(step / self._per_hour, (step + 1) / self._per_hour)

    def _limits(self, step: int, sessions: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and largest power of each stay in a step, shape (n,). [MW]"""
        cars, charged = self.cars, self.charged_mwh[sessions]
        begin, end = step / self._per_hour, (step + 1) / self._per_hour
        most = np.minimum(cars.room_mwh(begin, end, sessions), cars.need_mwh[sessions] - charged)
        least = np.clip(cars.least_by(end, sessions) - charged, 0.0, most)
        return least / self._step_h, most / self._step_h

    def _uncontrolled_day(self, day: int) -> FloatArray:
        calendar = self.cars.calendar
        ends = np.arange(calendar.steps_before(day), calendar.steps_before(day + 1) + 1)[:, None] / self._per_hour
        sessions = self.cars.between(ends[0, 0], ends[-1, 0])
        power: FloatArray = np.diff(self.cars.most_by(ends, sessions).sum(axis=1)) / self._step_h
        return power.clip(min=0.0)  # round-off
