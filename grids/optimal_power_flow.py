"""pandapower's own optimal power flow for one hour: a baseline to be measured against, and a cross-check.

It can't keep a load's power factor, limits of Q that depend on P, the circle of a battery's converter, the tie line's
power factor, or a state of charge. Where none of these binds, it must agree with the dispatch problem.
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pandapower as pp

from grids.network import FloatArray, Grid


@dataclass(frozen=True, kw_only=True)
class OptimalFlow:
    """Optimum of one hour: cost in $, tie-line import in MW, renewable output in MW, shape (G,)."""

    cost: float
    tie_p_mw: float
    renewable_p_mw: FloatArray


class OptimalPowerFlow:
    """One hour of economic dispatch: cheap output of the renewables against the tie line, demand served in full.

    Parameters
    ----------
    grid : Grid
        The network; its batteries stand still.
    """

    def __init__(self, grid: Grid) -> None:
        self._net = net = deepcopy(grid.net)
        net.storage.drop(net.storage.index, inplace=True)
        net.sgen["controllable"] = True
        net.sgen["min_p_mw"] = 0.0
        net.load["controllable"] = False
        net.line["max_loading_percent"] = 100.0
        self._tan_phi = np.array([np.tan(np.arccos(unit.min_power_factor)) for unit in grid.renewables])
        self._load_q_mvar = grid.load_tan_phi
        pp.create_poly_cost(net, 0, "ext_grid", cp1_eur_per_mw=0.0)
        for sgen in net.sgen.index:
            pp.create_poly_cost(net, sgen, "sgen", cp1_eur_per_mw=0.0)

    def run(
        self,
        *,
        demand_mw: FloatArray,
        available_mw: FloatArray,
        price_per_mwh: float,
        output_price_per_mwh: float,
    ) -> OptimalFlow:
        """Return the cheapest flow of an hour.

        Parameters
        ----------
        demand_mw, available_mw : array, shape (D,), (G,)
            Demand and available output. [MW]
        price_per_mwh, output_price_per_mwh : float
            Price of import and of renewable output. [$/MWh]
        """
        net = self._net
        net.load["p_mw"], net.load["q_mvar"] = demand_mw, demand_mw * self._load_q_mvar
        net.sgen["p_mw"] = net.sgen["max_p_mw"] = available_mw
        net.sgen["max_q_mvar"] = available_mw * self._tan_phi
        net.sgen["min_q_mvar"] = -net.sgen["max_q_mvar"]
        net.poly_cost.loc[net.poly_cost.et == "ext_grid", "cp1_eur_per_mw"] = price_per_mwh
        net.poly_cost.loc[net.poly_cost.et == "sgen", "cp1_eur_per_mw"] = output_price_per_mwh
        pp.runopp(net, numba=False)
        return OptimalFlow(
            cost=float(net.res_cost),
            tie_p_mw=float(net.res_ext_grid["p_mw"].iat[0]),
            renewable_p_mw=net.res_sgen["p_mw"].to_numpy(dtype=np.float64),
        )
