"""Least state of charge of stores, hour by hour, from which the day can end as full as required."""

import numpy as np

from agents.dispatch.plan import PLANNED
from grids.components import Storage, energy_limits
from grids.network import FloatArray, Grid
from sim.profiles import HOURS_PER_DAY


def required_energy(grid: Grid, hours: FloatArray) -> FloatArray:
    """Return the least stored energy from which the end-of-day requirement can still be reached, shape (H, U). [MWh]

    Parameters
    ----------
    grid : Grid
        Its batteries, with their `end_soc`.
    hours : array, shape (H,)
        Hours of the day, hour ending 1..24, at whose end the energy is asked for.
    """
    target = np.array([unit.end_soc * unit.max_e_mwh for unit in grid.batteries])
    charge = np.array([PLANNED * unit.max_s_mva * unit.efficiency for unit in grid.batteries])
    left_h = HOURS_PER_DAY - np.asarray(hours, dtype=np.float64)[:, None]
    required: FloatArray = np.maximum(target - left_h * charge, 0.0)
    return required


def least_energy(unit: Storage, left_h: FloatArray) -> FloatArray:
    """Return the least energy of a store from which the end-of-day requirement can still be reached, shape (H,). [MWh]

    Parameters
    ----------
    unit : Storage
        The store, with its standing loss.
    left_h : array, shape (H,)
        Whole hours left of the day.
    """
    least = [unit.end_soc * unit.max_e_mwh]
    for _ in range(int(np.max(left_h))):
        before = (least[-1] - unit.max_p_mw * unit.efficiency) / unit.standing_efficiency
        least.append(max(before, energy_limits(unit)[0]))
    return np.array(least)[np.asarray(left_h, dtype=np.int64)]
