"""Two 33-bus feeders of Baran and Wu from one substation."""

from grids.cases import Tables, microgrid33
from grids.feeders import join_feeders

BUSES = 33
"""Buses of a feeder; bus k of the second one has the number k + 33."""


def tables() -> Tables:
    """Return the two feeders, which share the substation's bus 1; so there is no bus 34."""
    both: Tables = join_feeders(microgrid33.tables(), 2)
    return both
