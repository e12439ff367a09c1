"""Uncertainty: forecast errors, Monte-Carlo scenarios, and the days that actually happen."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from grids.network import FloatArray, Grid, IntArray
from grids.units import Data
from sim.profiles import Profiles

Deviation = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]


class Draw(IntEnum):
    """What random numbers are drawn for; each purpose and day has a stream of its own."""

    TRAINING = 0
    TEST = 1
    ACTUAL = 2


class ForecastErrors(Data):
    """Normal, zero-mean forecast errors, independent from hour to hour.

    Attributes
    ----------
    demand_std, wind_std, pv_std : float
        Standard deviation relative to the forecast.
    sharing : {"per_kind", "per_unit"}
        One error for all units of a kind (demand, wind, PV) in an hour, or one for each unit.
    """

    demand_std: Deviation = 0.02
    wind_std: Deviation = 0.10
    pv_std: Deviation = 0.20
    sharing: Literal["per_kind", "per_unit"] = "per_kind"


@dataclass(frozen=True, eq=False, kw_only=True)
class ScenarioSet:
    """Sample paths of what is uncertain, with their probabilities.

    Attributes
    ----------
    demand_mw : array, shape (S, T, D)
        Active demand of each load, positive consumption. [MW]
    available_mw : array, shape (S, T, G)
        Available output of each renewable unit, before curtailment. [MW]
    probability : array, shape (S,)
        Probabilities, sum 1.
    port_load_mw, port_heat_mw, port_output_mw : array, shape (S, T, M)
        Electric load, heat load and available renewable output behind each port. [MW]
    retail_price_per_mwh : array, shape (S, T)
        Retail price; empty: as forecast. [$/MWh]
    kantorovich : float
        Distance to the set this one was reduced from (0 if it was not), see :mod:`sim.reduction`. [MW]
    """

    demand_mw: FloatArray
    available_mw: FloatArray
    probability: FloatArray
    port_load_mw: FloatArray = field(default_factory=lambda: np.zeros(0))
    port_heat_mw: FloatArray = field(default_factory=lambda: np.zeros(0))
    port_output_mw: FloatArray = field(default_factory=lambda: np.zeros(0))
    retail_price_per_mwh: FloatArray = field(default_factory=lambda: np.zeros(0))
    kantorovich: float = 0.0

    def __len__(self) -> int:
        return len(self.probability)

    def subset(self, index: int | IntArray) -> "ScenarioSet":
        """Return the chosen scenarios with equal probabilities."""
        chosen = np.atleast_1d(np.asarray(index))
        return ScenarioSet(
            demand_mw=self.demand_mw[chosen],
            available_mw=self.available_mw[chosen],
            probability=np.full(len(chosen), 1 / len(chosen)),
        )


def forecast(grid: Grid, profiles: Profiles) -> ScenarioSet:
    """Return the forecast as a set of one scenario."""
    per_unit = np.where(
        np.array(grid.renewable_kinds, dtype=object) == "wind",
        profiles.wind_pu[:, None],
        profiles.pv_pu[:, None],
    )
    capacity = np.array([unit.max_s_mva for unit in grid.renewables], dtype=np.float64)
    return ScenarioSet(
        demand_mw=(profiles.demand_pu[:, None] * grid.load_p_mw)[None],
        available_mw=(per_unit.astype(np.float64) * capacity)[None],
        probability=np.ones(1),
    )


def draw_scenarios(
    grid: Grid,
    profiles: Profiles,
    errors: ForecastErrors,
    *,
    count: int,
    seed: int,
    purpose: Draw,
    day: int = 0,
) -> ScenarioSet:
    """Return equally probable scenarios drawn around the forecast.

    Values are clipped to what is physically possible: demand not below zero, output between zero and capacity.

    Parameters
    ----------
    count : int
        Number of scenarios S.
    seed, purpose, day : int, Draw, int
        Together they fix the random stream, so training, test and actual days never share one.
    """
    expected = forecast(grid, profiles)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, day)))
    hours, loads, units = (*expected.demand_mw.shape[1:], len(grid.renewables))
    if errors.sharing == "per_kind":
        demand, wind, pv = np.moveaxis(rng.standard_normal((count, hours, 3)), -1, 0)[..., None]
        is_wind = np.array(grid.renewable_kinds, dtype=object) == "wind"
        output = np.where(is_wind, errors.wind_std * wind, errors.pv_std * pv)
        demand = errors.demand_std * demand
    else:
        deviates = rng.standard_normal((count, hours, loads + units))
        std = [errors.wind_std if kind == "wind" else errors.pv_std for kind in grid.renewable_kinds]
        demand, output = errors.demand_std * deviates[..., :loads], np.array(std) * deviates[..., loads:]
    capacity = np.array([unit.max_s_mva for unit in grid.renewables], dtype=np.float64)
    return ScenarioSet(
        demand_mw=np.maximum(expected.demand_mw * (1 + demand), 0.0),
        available_mw=np.clip(expected.available_mw * (1 + output), 0.0, capacity),
        probability=np.full(count, 1 / count),
    )
