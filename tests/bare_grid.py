"""The grid of a network with no fleet unless given, and set points for an hour of it."""

import numpy as np

from grids.build import build_grid
from grids.components import TieLine, Voltage
from grids.fleet import Fleet
from grids.power_flow import SetPoints


def grid_of(case, fleet=None, **options):
    return build_grid(str(case), fleet=fleet or Fleet(), tie_line=TieLine(), voltage=Voltage(), **options)


def set_points(grid, load=1.0, **changes):
    """Return all loads at a fraction of their peak and no fleet output, but for the changes."""
    renewables, batteries = np.zeros(len(grid.renewables)), np.zeros(len(grid.batteries))
    default = {
        "load_p_mw": load * grid.load_p_mw,
        "load_q_mvar": load * grid.load_q_mvar,
        "renewable_p_mw": renewables,
        "renewable_q_mvar": renewables,
        "battery_p_mw": batteries,
        "battery_q_mvar": batteries,
    }
    return SetPoints(**(default | changes))
