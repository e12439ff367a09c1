"""Least state of charge of stores, step by step, from which the day can end as full as required."""

import numpy as np

from agents.dispatch.plan import PLANNED
from grids.components import Storage, energy_limits
from grids.network import FloatArray, Grid

SHORT_STEP_MARGIN = 1e-5
"""Charge beyond the requirement that plans aim at where steps are far shorter than an hour, as a fraction of capacity.

The round-off of a solver, in power, adds up over more of them.
"""


def required_energy(grid: Grid, left_h: FloatArray, step_h: float = 1.0) -> FloatArray:
    """Return the least stored energy from which the end-of-day requirement can still be reached, shape (H, U). [MWh]

    Parameters
    ----------
    grid : Grid
        Its batteries, with their `end_soc`.
    left_h : array, shape (H,)
        Hours left of the day when the energy is asked for.
    step_h : float
        Length of a step. [h]
    """
    margin = (1 - step_h) * SHORT_STEP_MARGIN
    target = np.array([min(unit.end_soc + margin, unit.max_soc) * unit.max_e_mwh for unit in grid.batteries])
    charge = np.array([PLANNED * unit.max_s_mva * unit.efficiency for unit in grid.batteries])
    required: FloatArray = np.maximum(target - np.asarray(left_h, dtype=np.float64)[:, None] * charge, 0.0)
    return required


def least_energy(unit: Storage, left_h: FloatArray, step_h: float = 1.0) -> FloatArray:
    """Return the least energy of a store from which the end-of-day requirement can still be reached, shape (H,). [MWh]

    Parameters
    ----------
    unit : Storage
        The store, with its standing loss.
    left_h : array, shape (H,)
        Hours left of the day, whole steps.
    step_h : float
        Length of a step. [h]
    """
    least, steps = [unit.end_soc * unit.max_e_mwh], np.rint(np.asarray(left_h) / step_h).astype(np.int64)
    for _ in range(int(np.max(steps))):
        before = (least[-1] - unit.max_p_mw * unit.efficiency * step_h) / unit.standing_efficiency**step_h
        least.append(max(before, energy_limits(unit)[0]))
    return np.array(least)[steps]
