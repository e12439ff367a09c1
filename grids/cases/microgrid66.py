"""Two 33-bus feeders of Baran and Wu from one substation."""

import pandapower as pp

from grids.cases import microgrid33
from grids.feeders import join_feeders

BUSES = 33
"""Buses of a feeder; bus k of the second one has the number k + 33."""


def base_net() -> pp.pandapowerNet:
    """Return the two feeders, which share the substation's bus 1; so there is no bus 34."""
    return join_feeders(microgrid33.base_net(), 2)
