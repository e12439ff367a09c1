"""Instance of a study: its grid, day, market and random draws, ready to be simulated."""

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from grids.build import shared_grid
from grids.network import FloatArray, Grid, GridError
from sim.calendar import Calendar
from sim.errors import StudyError
from sim.forecasts import SeriesProfiles
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff
from sim.profiles import Profiles, RepeatedDay, load_profiles
from sim.reduction import reduce_scenarios
from sim.scenarios import Draw, ScenarioSet, draw_scenarios, forecast
from sim.simbench_profiles import SimbenchProfiles
from sim.study import Study

OF_PROFILE = {
    "demand_pu": "demand_mw",
    "retail_price_per_mwh": "retail_price_per_mwh",
    "microgrid_load_pu": "connection_load_mw",
    "microgrid_heat_pu": "connection_heat_mw",
    "microgrid_output_pu": "connection_output_mw",
}
"""Quantity of scenarios that follows from each profile, but for wind and sun."""


class Series(Protocol):
    """Protocol of what is known of every market day, counted from 1."""

    def profiles(self, day: int) -> Profiles:
        """Return the forecast of a day, one value for every step."""
        ...

    def actual(self, day: int) -> dict[str, FloatArray]:
        """Return what happened, by the fields of `Profiles`; what is not there is drawn around the forecast."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Instance:
    """Grid, expected day and market of a study, built from its data.

    It is the instance of one market day, at first that of day 1; `on` returns that of another day.

    Attributes
    ----------
    study : Study
        The document.
    grid : Grid
        The network with its fleet.
    profiles : Profiles
        The expected day, T steps.
    forecast : ScenarioSet
        The expected day per load and unit, as a set of one scenario.
    series : Series or None
        What is known of the other days; None where they are all alike.
    """

    study: Study
    grid: Grid
    profiles: Profiles
    forecast: ScenarioSet
    series: Series | None = None
    _last: "dict[int, Instance]" = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, study: Study) -> "Instance":
        """Return the instance of a study.

        Raises
        ------
        StudyError
            If the network or the profiles can't be used; the message names field and remedy.
        """
        try:
            grid = study_grid(study)
        except GridError as error:
            raise StudyError(f"grid.{study.grid.key}: {error}") from error
        _require_microgrid_profiles(study)
        calendar, spec = study.calendar, study.profiles
        series: Series
        if not spec.is_series:
            clock_day = load_profiles(spec.file, spec.columns, steps_per_hour=calendar.steps_per_hour)
            series = RepeatedDay(clock_day, calendar)
        else:
            series = (SimbenchProfiles if spec.simbench else SeriesProfiles)(spec, calendar, grid)
            series.require_days(study.days)
        profiles = series.profiles(1)
        return cls(study=study, grid=grid, profiles=profiles, forecast=forecast(grid, profiles), series=series)

    @property
    def is_same_every_day(self) -> bool:
        """Return whether no day differs from another in what is expected of it."""
        return self.series is None or (isinstance(self.series, RepeatedDay) and self.series.is_same_every_day)

    def on(self, day: int) -> "Instance":
        """Return the instance of a market day, counted from 1: with its length, forecast and prices."""
        if self.series is None or self.is_same_every_day:
            return self
        if day not in self._last:
            profiles = self.series.profiles(day)
            self._last.clear()
            self._last[day] = replace(self, profiles=profiles, forecast=forecast(self.grid, profiles))
        return self._last[day]

    def actual(self, day: int) -> ScenarioSet:
        """Return the course of a market day, counted from 1, as given or drawn from the study's seed."""
        drawn = self.draw(Draw.ACTUAL, 1, day - 1)
        given = {} if self.series is None else self.series.actual(day)
        if not given:
            return drawn
        told = forecast(self.grid, replace(self.on(day).profiles, **given))
        is_told = np.array([f"{kind}_pu" in given for kind in self.grid.renewable_kinds], dtype=bool)
        return replace(
            drawn,
            available_mw=np.where(is_told, told.available_mw, drawn.available_mw),
            **{name: getattr(told, name) for profile, name in OF_PROFILE.items() if profile in given},
        )

    @property
    def calendar(self) -> Calendar:
        """The calendar."""
        return self.study.calendar

    @property
    def periods(self) -> dict[str, Any]:
        """Length of a step [h], and steps of a market and of a settlement period, as dispatch problems have them."""
        calendar = self.calendar
        return {
            "step_h": calendar.step_h,
            "market_steps": calendar.market_steps,
            "settlement_steps": calendar.settlement_steps,
        }

    @property
    def steps(self) -> int:
        """Number of steps T of the day."""
        return len(self.profiles.demand_pu)

    @property
    def hours_left(self) -> FloatArray:
        """Hours left of the day at the end of every step, shape (T,). [h]"""
        left: FloatArray = np.arange(self.steps - 1, -1, -1) / self.calendar.steps_per_hour
        return left

    @property
    def rule(self) -> ImbalanceRule:
        """The imbalance rule, for the optimiser and for the settlement."""
        return self.study.market.rule

    @property
    def tariff(self) -> Tariff:
        """The tariff."""
        return self.study.market.tariff

    @property
    def step_prices(self) -> tuple[FloatArray, FloatArray]:
        """Step prices of over- and under-scheduling, shape (T, K) each, the same in a settlement period. [$/MWh]"""
        over, under = self.rule.step_prices(self.profiles.price_per_mwh)
        steps = self.calendar.settlement_steps
        if steps == 1:
            return over, under
        mean_over, mean_under = (
            prices.reshape(-1, steps, prices.shape[1]).mean(axis=1).repeat(steps, axis=0) for prices in (over, under)
        )
        return mean_over, mean_under

    def draw(self, purpose: Draw, count: int, day: int = 0) -> ScenarioSet:
        """Return scenarios drawn for a purpose, of a day counted from 0; the same every time they are drawn."""
        errors, history = self.study.uncertainty.errors, None
        if errors.source == "history" and isinstance(self.series, SeriesProfiles):
            history = self.series.errors(day + 1, errors.history_days)
        return draw_scenarios(
            self.grid,
            self.on(day + 1).profiles,
            errors,
            count=count,
            seed=self.study.seed,
            purpose=purpose,
            day=day,
            step_h=self.calendar.step_h,
            history=history,
        )

    def kept_scenarios(self, day: int = 0) -> ScenarioSet:
        """Return the training scenarios of a day after reduction, from which the bid is computed."""
        uncertainty = self.study.uncertainty
        drawn = self.draw(Draw.TRAINING, uncertainty.scenarios, day)
        keep = uncertainty.keep if isinstance(uncertainty.keep, int) else len(drawn)
        return reduce_scenarios(drawn, keep, uncertainty.reduction)


def study_grid(study: Study) -> Grid:
    """Return the grid of a study, which is shared with other studies of the same network and fleet.

    Raises
    ------
    GridError
        If the network can't be used.
    """
    spec = study.grid
    feeders = {} if spec.case is None else {"feeders": spec.feeders}
    limits = {"tie_line": spec.tie_line, "voltage": spec.voltage, "line_max_s_mva": spec.line_max_s_mva}
    return shared_grid(spec.source, fleet=study.fleet, **limits, **feeders)


def _require_microgrid_profiles(study: Study) -> None:
    """Refuse a microgrid whose load, heat or output has no profile: it would be zero all day without a word."""
    for k, microgrid in enumerate(study.fleet.microgrid):
        for what in ("load", "heat", "output"):
            peak, column = getattr(microgrid, f"max_{what}_mw"), f"microgrid_{what}_pu"
            if peak > 0 and column not in study.profiles.columns:
                raise StudyError(
                    f"profiles.{column}: is missing, but fleet.microgrid.{k}.max_{what}_mw is {peak}; name the column"
                    f" of {study.profiles.file} that holds it, or set max_{what}_mw to 0"
                )
