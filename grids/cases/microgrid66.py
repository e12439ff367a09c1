"""Two 33-bus feeders of Baran and Wu from one substation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grids.cases import Tables, microgrid33
from grids.feeders import join_feeders

if TYPE_CHECKING:
    from pandapower import pandapowerNet

BUSES = 33
"""Buses of a feeder; bus k of the second one has the number k + 33."""


def base_net() -> pandapowerNet:
    """Return the feeders as a pandapower net."""
    return tables().to_net()


def tables() -> Tables:
    """Return the two feeders, which share the substation's bus 1; so there is no bus 34."""
    both: Tables = join_feeders(microgrid33.tables(), 2)
    return both
