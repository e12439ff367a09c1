"""Uncertainty: forecast errors, Monte-Carlo scenarios, and the actual days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from grids.components import Data
from grids.network import FloatArray, Grid, IntArray
from sim.error_model import LEAST_DAYS, autoregression

if TYPE_CHECKING:
    from sim.profiles import Profiles

Deviation = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]


DayErrors = Callable[[np.random.Generator, int], FloatArray]
"""Draws scenarios of the errors of demand, wind and PV relative to a day's forecast, shape (S, T, 3), NaN for none."""


class Draw(IntEnum):
    """Purpose of a random draw; each purpose and day has a stream of its own."""

    TRAINING = 0
    TEST = 1
    ACTUAL = 2


class ForecastErrors(Data):
    """Forecast errors: normal and of zero mean, or as they were in the past.

    Attributes
    ----------
    source : {"parametric", "history"}
        Normal errors of the deviations below; or those of the days before, for what has columns of forecast and actual
        (see :mod:`sim.error_model`), and normal ones while these are fewer than 14 days.
    history_days : int
        Most days of the past that are looked at.
    correlation_time_h : float
        Time in which the correlation of normal errors of one day falls to 1/e; 0 for independent ones. [h]
    demand_std, wind_std, pv_std : float
        Standard deviation relative to the forecast.
    microgrid_load_std, microgrid_heat_std, microgrid_output_std : float
        The same for the electric load, heat load and renewable output of microgrids.
    retail_price_std : float
        The same for the retail price, of which there is one.
    sharing : {"per_kind", "per_unit"}
        One error for all units of a kind (demand, wind, PV; load, heat, output of microgrids) in a step, or one for
        each unit.
    """

    source: Literal["parametric", "history"] = "parametric"
    history_days: Annotated[int, Field(ge=LEAST_DAYS, le=3660)] = 90
    correlation_time_h: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    demand_std: Deviation = 0.02
    wind_std: Deviation = 0.10
    pv_std: Deviation = 0.20
    microgrid_load_std: Deviation = 0.01
    microgrid_heat_std: Deviation = 0.01
    microgrid_output_std: Deviation = 0.01
    retail_price_std: Deviation = 0.0
    sharing: Literal["per_kind", "per_unit"] = "per_kind"

    @model_validator(mode="after")
    def _history_is_per_kind(self) -> Self:
        if self.source == "history" and self.sharing == "per_unit":
            raise ValueError("source history has one error for all units of a kind: set sharing to per_kind")
        return self

    @property
    def microgrid_std(self) -> FloatArray:
        """Deviations of electric load, heat load and renewable output of microgrids, shape (3,)."""
        return np.array([self.microgrid_load_std, self.microgrid_heat_std, self.microgrid_output_std])


AS_FORECAST = ("connection_load_mw", "connection_heat_mw", "connection_output_mw", "retail_price_per_mwh")
"""Quantities of scenarios that may be left empty."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScenarioSet:
    """Sample paths of the uncertain quantities, with their probabilities.

    Connections and retail price may be left empty, which means: as forecast.

    Attributes
    ----------
    demand_mw : array, shape (S, T, D)
        Active demand of each load, positive consumption. [MW]
    available_mw : array, shape (S, T, G)
        Available output of each renewable unit, before curtailment. [MW]
    probability : array, shape (S,)
        Probabilities, sum 1.
    connection_load_mw, connection_heat_mw, connection_output_mw : array, shape (S, T, M)
        Electric load, heat load and available renewable output at each connection. [MW]
    retail_price_per_mwh : array, shape (S, T)
        Retail price. [$/MWh]
    kantorovich : float
        Distance to the set this one was reduced from (0 if it was not), see :mod:`sim.reduction`. [MW]
    """

    demand_mw: FloatArray
    available_mw: FloatArray
    probability: FloatArray
    connection_load_mw: FloatArray = field(default_factory=lambda: np.zeros(0))
    connection_heat_mw: FloatArray = field(default_factory=lambda: np.zeros(0))
    connection_output_mw: FloatArray = field(default_factory=lambda: np.zeros(0))
    retail_price_per_mwh: FloatArray = field(default_factory=lambda: np.zeros(0))
    kantorovich: float = 0.0

    def __len__(self) -> int:
        return len(self.probability)

    def subset(self, index: int | IntArray) -> ScenarioSet:
        """Return the chosen scenarios with equal probabilities."""
        chosen = np.atleast_1d(np.asarray(index))
        return self.weighted(chosen, np.full(len(chosen), 1 / len(chosen)))

    def weighted(self, chosen: IntArray, probability: FloatArray, *, kantorovich: float = 0.0) -> ScenarioSet:
        """Return the chosen scenarios with probabilities of their own, and the distance to this set. [MW]"""
        paths = {name: getattr(self, name) for name in ("demand_mw", "available_mw", *AS_FORECAST)}
        rows = {name: values[chosen] if len(values) else values for name, values in paths.items()}
        return ScenarioSet(**rows, probability=probability, kantorovich=kantorovich)

    def completed(self, expected: ScenarioSet) -> ScenarioSet:
        """Return the set with its empty quantities filled from a forecast (a set of one scenario)."""
        paths: dict[str, Any] = {name: np.repeat(getattr(expected, name), len(self), axis=0) for name in AS_FORECAST}
        return replace(self, **{name: path for name, path in paths.items() if not len(getattr(self, name))})


def forecast(grid: Grid, profiles: Profiles) -> ScenarioSet:
    """Return the forecast as a set of one scenario."""
    is_wind = np.array(grid.renewable_kinds, dtype=object) == "wind"
    per_unit = np.where(is_wind, _columns(profiles.wind_pu), _columns(profiles.pv_pu))
    capacity = np.array([unit.max_s_mva for unit in grid.renewables], dtype=np.float64)
    load, heat, output = _connection_peaks(grid)
    return ScenarioSet(
        demand_mw=(_columns(profiles.demand_pu) * grid.load_p_mw)[None],
        available_mw=(per_unit.astype(np.float64) * capacity)[None],
        probability=np.ones(1),
        connection_load_mw=(profiles.microgrid_load_pu[:, None] * load)[None],
        connection_heat_mw=(profiles.microgrid_heat_pu[:, None] * heat)[None],
        connection_output_mw=(profiles.microgrid_output_pu[:, None] * output)[None],
        retail_price_per_mwh=profiles.retail_price_per_mwh[None],
    )


def _columns(values: FloatArray) -> FloatArray:
    """Return a profile with a column for all loads or units, or one for each, shape (T, 1) or (T, U)."""
    return values if values.ndim == 2 else values[:, None]


def _connection_peaks(grid: Grid) -> FloatArray:
    """Return electric load, heat load and renewable output of each connection at a profile of 1, shape (3, M). [MW]"""
    microgrids = [connection.microgrid for connection in grid.connections]
    peaks = [(what.max_load_mw, what.max_heat_mw, what.max_output_mw) for what in microgrids]
    return np.array(peaks, dtype=np.float64).reshape(-1, 3).T


def draw_scenarios(
    grid: Grid,
    profiles: Profiles,
    errors: ForecastErrors,
    *,
    count: int,
    seed: int,
    purpose: Draw,
    day: int = 0,
    step_h: float = 1.0,
    history: DayErrors | None = None,
) -> ScenarioSet:
    """Return equally probable scenarios drawn around the forecast.

    Values are clipped to what is physically possible: demand not below zero, output between zero and capacity.
    Errors of microgrids, and then of the retail price, are drawn after all others and only where there are any, so a
    study without them keeps its random numbers.

    Parameters
    ----------
    count : int
        Number of scenarios S.
    seed, purpose, day : int, Draw, int
        Together they fix the random stream, so training, test and actual days never share one.
    step_h : float
        Length of a step. [h]
    history : DayErrors or None
        Errors of the past, in place of normal ones where there are any.
    """
    expected = forecast(grid, profiles)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, day)))
    hours, loads, units = (*expected.demand_mw.shape[1:], len(grid.renewables))
    normal = partial(_normal, rng, step_h=step_h, correlation_time_h=errors.correlation_time_h)
    if errors.sharing == "per_kind":
        relative = np.array([errors.demand_std, errors.wind_std, errors.pv_std]) * normal((count, hours, 3), axis=1)
        if history is not None:
            past = history(rng, count)
            relative = np.where(np.isnan(past), relative, past)
        demand, wind, pv = np.moveaxis(relative, -1, 0)[..., None]
        is_wind = np.array(grid.renewable_kinds, dtype=object) == "wind"
        output = np.where(is_wind, wind, pv)
    else:
        deviates = normal((count, hours, loads + units), axis=1)
        std = [errors.wind_std if kind == "wind" else errors.pv_std for kind in grid.renewable_kinds]
        demand, output = errors.demand_std * deviates[..., :loads], np.array(std) * deviates[..., loads:]
    capacity = np.array([unit.max_s_mva for unit in grid.renewables], dtype=np.float64)
    drawn = ScenarioSet(
        demand_mw=np.maximum(expected.demand_mw * (1 + demand), 0.0),
        available_mw=np.clip(expected.available_mw * (1 + output), 0.0, capacity),
        probability=np.full(count, 1 / count),
    )
    if grid.connections:
        drawn = _with_connections(drawn, grid, expected, errors, normal)
    if errors.retail_price_std > 0:
        error = errors.retail_price_std * normal((count, hours), axis=1)
        drawn = replace(drawn, retail_price_per_mwh=expected.retail_price_per_mwh * (1 + error))
    return drawn.completed(expected)


def _normal(
    rng: np.random.Generator, shape: tuple[int, ...], *, axis: int, step_h: float, correlation_time_h: float
) -> FloatArray:
    """Return standard normal deviates, correlated along the axis of the periods if they are to be."""
    deviates = rng.standard_normal(shape)
    return autoregression(deviates, step_h=step_h, correlation_time_h=correlation_time_h, axis=axis)


def _with_connections(
    drawn: ScenarioSet,
    grid: Grid,
    expected: ScenarioSet,
    errors: ForecastErrors,
    normal: Callable[..., FloatArray],
) -> ScenarioSet:
    """Return the scenarios with load, heat and output of the connections drawn around the forecast."""
    hours, connections = expected.connection_load_mw.shape[1:]
    shape = (len(drawn), hours, 1 if errors.sharing == "per_kind" else connections)
    load, heat, output = 1 + errors.microgrid_std[:, None, None, None] * normal((3, *shape), axis=2)
    return replace(
        drawn,
        connection_load_mw=np.maximum(expected.connection_load_mw * load, 0.0),
        connection_heat_mw=np.maximum(expected.connection_heat_mw * heat, 0.0),
        connection_output_mw=np.clip(expected.connection_output_mw * output, 0.0, _connection_peaks(grid)[2]),
    )
