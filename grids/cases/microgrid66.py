"""Two 33-bus feeders of Baran and Wu from one substation."""

from copy import deepcopy
from functools import cache

import pandapower as pp
from pandapower import toolbox

from grids.cases import microgrid33

BUSES = 33
"""Buses of a feeder; bus k of the second one has the number k + 33."""


def base_net() -> pp.pandapowerNet:
    """Return the two feeders, which share the substation's bus 1; so there is no bus 34."""
    return deepcopy(_joined())


@cache
def _joined() -> pp.pandapowerNet:
    first, second = microgrid33.base_net(), microgrid33.base_net()
    toolbox.reindex_buses(second, {bus: bus + BUSES for bus in second.bus.index})
    second.ext_grid = second.ext_grid.iloc[:0]
    toolbox.reindex_elements(second, "line", new_indices=second.line.index + len(first.line))
    toolbox.reindex_elements(second, "load", new_indices=second.load.index + len(first.load))
    net = toolbox.merge_nets(first, second, validate=False, net2_reindex_log_level=None)
    toolbox.fuse_buses(net, 1, BUSES + 1)
    net.bus["name"] = [f"bus {bus}" for bus in net.bus.index]
    return net
