"""First stage of the bidding problem: signed bids and the magnitude |B| that widens the tolerance band."""

import numpy as np
import pyomo.environ as pyo

from agents.dispatch.network import FORMULATIONS
from agents.dispatch.problem import BidBounds
from grids.components import energy_limits
from grids.network import FloatArray, Grid
from sim.market.imbalance import ImbalanceRule


def bid_bounds(
    grid: Grid,
    rule: ImbalanceRule,
    demand_mw: FloatArray,
    available_mw: FloatArray,
    *,
    network: str,
    market_steps: int = 1,
) -> BidBounds:
    """Return the bids that can be optimal, from the flows the tie line can physically have (the presolve).

    A bid whose band lies beyond every possible flow is never better than one whose band touches the range of
    flows, so B·(1 - b) may exceed neither the largest import nor (for exports) the largest export. Where all
    flows have one direction, a bid of the other direction is dominated by a bid of zero. A band wider than the bid
    itself reaches across zero and breaks both arguments; then any bid may be optimal.

    Parameters
    ----------
    demand_mw, available_mw : array, shape (S, T, D), (S, T, G)
        Scenarios. [MW]
    network : {"branch_flow", "copper_plate"}
        On the copper plate all demand is served and all output taken; with ANM each may be curtailed to zero.
    market_steps : int
        Steps for which one bid holds: it may be as low, and as high, as in any of them.
    """
    low, high = FORMULATIONS[network].flow_range(grid, demand_mw.sum(axis=2), available_mw.sum(axis=2))
    if market_steps > 1:
        low = low.reshape(-1, market_steps).min(axis=1).repeat(market_steps)
        high = high.reshape(-1, market_steps).max(axis=1).repeat(market_steps)
    capacity, band = grid.tie_line.max_s_mva, rule.tiers[0].band
    if rule.bands.max() >= 1:
        return BidBounds(low=np.full_like(low, -capacity), high=np.full_like(high, capacity))
    widened = 1 / (1 - band)
    return BidBounds(
        low=np.clip(np.where(low < 0, low * widened, 0.0), -capacity, 0.0),
        high=np.clip(np.where(high > 0, high * widened, 0.0), 0.0, capacity),
    )


def bid_model(bounds: BidBounds, market_steps: int = 1) -> pyo.ConcreteModel:
    """Return the first stage as a Pyomo model: bids of all hours, with |B| or its tightest concave bound.

    The band of an hour may be as wide as |B|. Where the direction is fixed (by the range, or by the data
    ``max_import_mw`` and ``max_export_mw``) that is linear. Where it is open, |B| is replaced by its concave
    envelope over the range, the chord; the answer is then a valid bound on the profit, not yet a bid.

    Parameters
    ----------
    bounds : BidBounds
        Range of the bids.
    market_steps : int
        Steps for which one bid holds.
    """
    m = pyo.ConcreteModel(name="day-ahead bids")
    m.data_names = ["max_import_mw", "max_export_mw"]
    m.HOURS = pyo.RangeSet(0, len(bounds.low) - 1)
    m.bid_mw = pyo.Var(m.HOURS)
    m.bid_magnitude_mw = pyo.Var(m.HOURS)
    m.import_mw = pyo.Var(m.HOURS, bounds=lambda m, t: (0, float(bounds.high[t])))
    m.export_mw = pyo.Var(m.HOURS, bounds=lambda m, t: (0, -float(bounds.low[t])))
    m.max_import_mw = pyo.Var(m.HOURS, initialize=0.0)
    m.max_export_mw = pyo.Var(m.HOURS, initialize=0.0)
    m.bid = pyo.Constraint(m.HOURS, rule=lambda m, t: m.bid_mw[t] == m.import_mw[t] - m.export_mw[t])
    m.magnitude = pyo.Constraint(m.HOURS, rule=lambda m, t: m.bid_magnitude_mw[t] == m.import_mw[t] + m.export_mw[t])
    m.OPEN = pyo.Set(initialize=np.flatnonzero(bounds.open_hours).tolist())
    m.chord = pyo.Constraint(
        m.OPEN, rule=lambda m, t: m.import_mw[t] / bounds.high[t] - m.export_mw[t] / bounds.low[t] <= 1
    )
    m.import_limit = pyo.Constraint(m.OPEN, rule=lambda m, t: m.import_mw[t] <= m.max_import_mw[t])
    m.export_limit = pyo.Constraint(m.OPEN, rule=lambda m, t: m.export_mw[t] <= m.max_export_mw[t])
    m.TIED = pyo.Set(initialize=[t for t in m.HOURS if t % market_steps])
    m.same_import = pyo.Constraint(m.TIED, rule=lambda m, t: m.import_mw[t] == m.import_mw[t - 1])
    m.same_export = pyo.Constraint(m.TIED, rule=lambda m, t: m.export_mw[t] == m.export_mw[t - 1])
    m.nothing = pyo.Objective(expr=0.0)
    return m


def own_bid_model() -> pyo.ConcreteModel:
    """Return the bid of one hour on its own, its direction fixed by the data that leave it no other."""
    m = pyo.ConcreteModel(name="bid of one hour")
    m.data_names = ["max_import_mw", "max_export_mw"]
    m.bid_mw = pyo.Var()
    m.bid_magnitude_mw = pyo.Var()
    m.import_mw = pyo.Var(bounds=(0, None))
    m.export_mw = pyo.Var(bounds=(0, None))
    m.max_import_mw = pyo.Var(initialize=0.0)
    m.max_export_mw = pyo.Var(initialize=0.0)
    m.bid = pyo.Constraint(expr=m.bid_mw == m.import_mw - m.export_mw)
    m.magnitude = pyo.Constraint(expr=m.bid_magnitude_mw == m.import_mw + m.export_mw)
    m.import_limit = pyo.Constraint(expr=m.import_mw <= m.max_import_mw)
    m.export_limit = pyo.Constraint(expr=m.export_mw <= m.max_export_mw)
    m.nothing = pyo.Objective(expr=0.0)
    return m


def store_model(grid: Grid) -> pyo.ConcreteModel:
    """Return the stored energies an hour on its own may start from."""
    unit = grid.batteries
    m = pyo.ConcreteModel(name="stored energy")
    m.data_names = []
    m.BATTERIES = pyo.RangeSet(0, len(unit) - 1)
    m.energy_mwh = pyo.Var(m.BATTERIES, bounds=lambda m, i: energy_limits(unit[i]))
    m.nothing = pyo.Objective(expr=0.0)
    return m
