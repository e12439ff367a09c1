"""pandapower's own optimal power flow for one hour: a baseline for measurements, and a cross-check.

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
    """Optimum of one hour: cost minus value of the load in $, import in MW, load and output in MW, (D,) and (G,)."""

    cost: float
    tie_p_mw: float
    load_p_mw: FloatArray
    renewable_p_mw: FloatArray


class OptimalPowerFlow:
    """Economic dispatch of one hour: load, renewables and tie line, each at its price.

    Parameters
    ----------
    grid : Grid
        The network; its batteries stand still, and nothing goes through its connections.
    """

    def __init__(self, grid: Grid) -> None:
        self._net = net = deepcopy(grid.net)
        net.storage.drop(net.storage.index, inplace=True)
        net.load.drop(net.load.index[len(grid.load_names) :], inplace=True)  # the connections, see grids.build
        net.sgen["controllable"] = True
        net.sgen["min_p_mw"] = 0.0
        net.load["controllable"] = True
        net.load[["min_p_mw", "min_q_mvar"]] = 0.0
        net.line["max_loading_percent"] = 100.0
        self._tan_phi = np.array([np.tan(np.arccos(unit.min_power_factor)) for unit in grid.renewables])
        self._load_q_mvar = grid.load_tan_phi
        pp.create_poly_cost(net, 0, "ext_grid", cp1_eur_per_mw=0.0)
        for kind in ("sgen", "load"):
            for element in net[kind].index:
                pp.create_poly_cost(net, element, kind, cp1_eur_per_mw=0.0)

    def run(
        self,
        *,
        demand_mw: FloatArray,
        available_mw: FloatArray,
        price_per_mwh: float,
        output_price_per_mwh: float,
        load_value_per_mwh: float,
    ) -> OptimalFlow:
        """Return the cheapest flow of an hour.

        Parameters
        ----------
        demand_mw, available_mw : array, shape (D,), (G,)
            Demand and available output. [MW]
        price_per_mwh, output_price_per_mwh : float
            Price of import and of renewable output. [$/MWh]
        load_value_per_mwh : float
            Value of serving a load. [$/MWh]
        """
        net = self._net
        net.load["p_mw"] = net.load["max_p_mw"] = demand_mw
        net.load["q_mvar"] = net.load["max_q_mvar"] = demand_mw * self._load_q_mvar
        net.sgen["p_mw"] = net.sgen["max_p_mw"] = available_mw
        net.sgen["max_q_mvar"] = available_mw * self._tan_phi
        net.sgen["min_q_mvar"] = -net.sgen["max_q_mvar"]
        prices = {"ext_grid": price_per_mwh, "sgen": output_price_per_mwh, "load": -load_value_per_mwh}
        net.poly_cost["cp1_eur_per_mw"] = net.poly_cost.et.map(prices)
        pp.runopp(net, numba=False)
        return OptimalFlow(
            cost=float(net.res_cost),
            tie_p_mw=float(net.res_ext_grid["p_mw"].iat[0]),
            load_p_mw=net.res_load["p_mw"].to_numpy(dtype=np.float64),
            renewable_p_mw=net.res_sgen["p_mw"].to_numpy(dtype=np.float64),
        )
