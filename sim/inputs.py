"""Inputs of a run for the audit, made anew from its study, the files it names and its seed.

Network, profile and random draws are the source of a run and not what is checked; so they are read and drawn here by
the same code as in the run itself, and passed to :mod:`sim.audit`, which shares no code with what it checks.
"""

import numpy as np
import pandas as pd

from grids.network import FloatArray, Grid
from sim.audit.inputs import CAR_NUMBERS, Inputs
from sim.ev_fleet import draw_cars
from sim.instance import Instance
from sim.network_tables import branch_columns, bus_columns, unit_columns
from sim.scenarios import ScenarioSet
from sim.study import Study


def inputs_of(instance: Instance) -> Inputs:
    """Return the inputs of a run of a study."""
    grid, study = instance.grid, instance.study
    days = [instance.actual(day).completed(instance.on(day).forecast) for day in range(1, study.days + 1)]
    each = [instance.on(day) for day in ([1] if instance.is_same_every_day else range(1, study.days + 1))]
    return Inputs(
        branches=pd.DataFrame(branch_columns(grid)),
        buses=pd.DataFrame({"bus": grid.bus_ids, **bus_columns(grid)}),
        units=pd.DataFrame(unit_columns(grid)),
        slack_va_degree=float(grid.tables.ext_grid["va_degree"].iloc[0]),
        price_per_mwh=np.concatenate([day.profiles.price_per_mwh for day in each]),
        retail_price_per_mwh=np.concatenate([day.profiles.retail_price_per_mwh for day in each]),
        realised_retail_per_mwh=_one_by_one(days, "retail_price_per_mwh"),
        forecast_mw=np.concatenate([_of_units(day.forecast) for day in each]),
        available_mw=np.concatenate([_of_units(day) for day in days]),
        microgrid_mw={
            device: _one_by_one(days, f"connection_{quantity}_mw")
            for device, quantity in (("load", "load"), ("heat_load", "heat"), ("output", "output"))
        },
        cars=_sessions(grid, study),
    )


def _one_by_one(days: list[ScenarioSet], name: str) -> FloatArray:
    """Return an array of sets of one scenario, day after day, shape (H, ...)."""
    return np.concatenate([getattr(day, name)[0] for day in days])


def _of_units(day: ScenarioSet) -> FloatArray:
    """Return demand and available output of a set of one scenario, shape (T, K). [MW]"""
    return np.hstack([day.demand_mw[0], day.available_mw[0]])


def _sessions(grid: Grid, study: Study) -> pd.DataFrame:
    """Return the stays of all cars, connection by connection."""
    frames = [pd.DataFrame(columns=["connection", "stay", *CAR_NUMBERS])]
    for position, connection in enumerate(grid.connections):
        if connection.microgrid.ev is not None:
            cars = draw_cars(
                connection.microgrid.ev,
                days=study.days,
                seed=study.seed,
                connection=position,
                calendar=study.calendar,
            )
            columns = {name: getattr(cars, name) for name in CAR_NUMBERS}
            frames.append(pd.DataFrame({"connection": connection.name, "stay": np.arange(len(cars.car)), **columns}))
    return pd.concat(frames[1:] or frames, ignore_index=True)
