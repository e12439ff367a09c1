"""The 33-bus feeder of Baran and Wu (1989), https://doi.org/10.1109/61.25627, as the paper's microgrid uses it."""

from copy import deepcopy
from functools import cache

import pandapower as pp
from pandapower import networks, toolbox


def base_net() -> pp.pandapowerNet:
    """Return the feeder with buses numbered 1..33 as in the paper and the slips of ``case33bw`` mended.

    ``case33bw`` counts buses from 0, forbids export (``min_p_mw = 0``), gives the lines no usable rating, keeps
    five open tie lines and a cost row of zeros. Limits are set later, from the study.
    """
    return deepcopy(_mended())


@cache
def _mended() -> pp.pandapowerNet:
    """Return the one copy that is kept: reading it from pandapower's files takes a third of a second."""
    net = networks.case33bw()
    toolbox.reindex_buses(net, {bus: bus + 1 for bus in net.bus.index})
    toolbox.drop_lines(net, net.line.index[~net.line.in_service])
    toolbox.reindex_elements(net, "line", new_indices=net.line.index + 1)
    net.poly_cost = net.poly_cost.iloc[:0]
    net.bus["name"] = [f"bus {bus}" for bus in net.bus.index]
    return net
