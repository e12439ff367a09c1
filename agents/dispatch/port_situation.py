"""What a dispatch problem is given about its ports: the microgrids' own data, or only prices and quantities."""

from dataclasses import dataclass

import numpy as np

from grids.network import FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class PortSituation:
    """What a microgrid bases its decisions on. It is the microgrid's own; only the central benchmark sees it.

    Attributes
    ----------
    load_mw, heat_mw, output_mw : array, shape (S, T)
        Electric load, heat load and available renewable output. [MW]
    start_mwh : dict of str to float
        Stored energy of each store. [MWh]
    required_mwh : dict of str to array, shape (T,)
        Energy each store must hold at the end of every hour. [MWh]
    ev_max_p_mw, ev_uncontrolled_mw : array, shape (T,)
        Largest charging power of the cars, and their power if nobody controlled them. [MW]
    ev_min_mwh, ev_max_mwh : array, shape (T,)
        Least and most energy the cars can have been charged with by the end of every hour. [MWh]
    """

    load_mw: FloatArray
    heat_mw: FloatArray
    output_mw: FloatArray
    start_mwh: dict[str, float]
    required_mwh: dict[str, FloatArray]
    ev_max_p_mw: FloatArray
    ev_min_mwh: FloatArray
    ev_max_mwh: FloatArray
    ev_uncontrolled_mw: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of scenarios S and hours T."""
        return self.load_mw.shape[0], self.load_mw.shape[1]

    def data(self) -> dict[str, FloatArray]:
        """Return the data of every hour model in the order of (scenario, hour), shape (S * T, 1)."""
        scenarios, hours = self.shape
        hourly = {
            "ev_max_p_mw": self.ev_max_p_mw,
            "ev_min_mwh": self.ev_min_mwh,
            "ev_max_mwh": self.ev_max_mwh,
            "ev_uncontrolled_mw": self.ev_uncontrolled_mw,
            **{f"{store}_required_mwh": required for store, required in self.required_mwh.items()},
        }
        count = scenarios * hours
        return {
            "load_mw": self.load_mw.reshape(count, 1),
            "heat_mw": self.heat_mw.reshape(count, 1),
            "available_mw": self.output_mw.reshape(count, 1),
            "ev_start_mwh": np.zeros((count, 1)),
            **{f"{store}_start_mwh": np.full((count, 1), energy) for store, energy in self.start_mwh.items()},
            **{name: np.tile(values, scenarios)[:, None] for name, values in hourly.items()},
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Offers:
    """At which price, and near which quantity, the operator may exchange power with its microgrids.

    Attributes
    ----------
    p_cost_per_mwh, q_cost_per_mvarh : array, shape (S, T, M)
        Linear cost of what is given to a microgrid. [$/MWh], [$/Mvarh]
    proximal : float
        ρ of the term ρ/2·(P² + Q²). [$/MW²h]
    """

    p_cost_per_mwh: FloatArray
    q_cost_per_mvarh: FloatArray
    proximal: float
