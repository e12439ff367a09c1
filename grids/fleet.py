"""Fleet of a study: all units, microgrids and fleets of cars that it connects to its network."""

from grids.components import Battery, Data, Renewable
from grids.microgrid import EvAggregator, Microgrid


class Fleet(Data):
    """Renewables and batteries of the operator (Table 2 for the 33-bus microgrid), microgrids, and fleets of cars.

    Attributes
    ----------
    wind, pv, battery : tuple
        Units that the operator dispatches itself.
    microgrid : tuple of Microgrid
        Microgrids that are agents of their own, by kind.
    ev_aggregator : tuple of EvAggregator
        The operator's own fleets of electric vehicles.
    """

    wind: tuple[Renewable, ...] = ()
    pv: tuple[Renewable, ...] = ()
    battery: tuple[Battery, ...] = ()
    microgrid: tuple[Microgrid, ...] = ()
    ev_aggregator: tuple[EvAggregator, ...] = ()
