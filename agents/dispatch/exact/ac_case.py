"""Case of the paper's own problem: network, market, dispatch problem and directions."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agents.dispatch.plan import PLANNED
from agents.dispatch.problem import Directions, DispatchProblem
from grids.network import Grid
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff

Model = Any
"""A ``pyomo.environ.ConcreteModel``; Pyomo adds its components as attributes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ACCase:
    """Case for which Eq. (7)-(31) are written.

    Attributes
    ----------
    grid, tariff, rule : Grid, Tariff, ImbalanceRule
        Network and fleet, compensations and wear, imbalance rule.
    problem : DispatchProblem
        Scenarios, prices and the state of the stores; the bids are decided if it has none.
    directions : Directions
        Directions.
    integer : bool
        Whether directions that are not fixed become binary variables, or (False) import.
    elastic : bool
        Let limits be violated at a price, as in :func:`agents.dispatch.hour.hour_model`.
    """

    grid: Grid
    tariff: Tariff
    rule: ImbalanceRule
    problem: DispatchProblem
    directions: Directions
    integer: bool = False
    elastic: bool = False

    @property
    def both_directions(self) -> bool:
        """True if Eq. (30) allows export."""
        return self.grid.tie_line.power_factor_reading == "both_directions"

    @cached_property
    def tan_phi(self) -> float:
        """Tangent of the tie line's largest phase angle, Eq. (30)."""
        return PLANNED * math.tan(math.acos(self.grid.tie_line.min_power_factor))

    @cached_property
    def least_bid_mw(self) -> float:
        """Lowest bid: where nothing can be exported, an export bid never pays unless its band is wider than itself."""
        exports = self.both_directions or self.rule.bands.max() >= 1
        return -self.grid.tie_line.max_s_mva if exports else 0.0
