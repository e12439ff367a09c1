"""Data of the connections in a dispatch problem: the microgrids' own data, or only prices and quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grids.network import FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class StoreValues:
    """Value of the energy of stores at the end of an hour.

    Attributes
    ----------
    slopes : array, shape (N, K)
        Value of a MWh in each of K equal parts between least and most energy, falling. [$/MWh]
    least_mwh, width_mwh : array, shape (N,)
        Least energy, and the width of one part. [MWh]
    """

    slopes: FloatArray
    least_mwh: FloatArray
    width_mwh: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[StoreValues]) -> StoreValues:
        """Return the values of the stores of several owners, one after the other."""
        return cls(
            slopes=np.concatenate([part.slopes for part in parts]),
            least_mwh=np.concatenate([part.least_mwh for part in parts]),
            width_mwh=np.concatenate([part.width_mwh for part in parts]),
        )

    @property
    def segments(self) -> int:
        """Number K of parts."""
        return int(self.slopes.shape[1])

    def data(self) -> Mapping[str, FloatArray]:
        """Return the data of the value models."""
        return {"slope": self.slopes, "least_mwh": self.least_mwh[:, None], "width_mwh": self.width_mwh[:, None]}


@dataclass(frozen=True, eq=False, kw_only=True)
class ConnectionProblem:
    """Data on which a microgrid decides. They are its own; only the central benchmark sees them.

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
    values : StoreValues, optional
        Value of its stores' energy after the last hour, in the order of ``battery``, ``thermal_storage``, ``ev``.
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
    values: StoreValues | None = None

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
    """Offers of the operator: prices, and quantities to stay near, of the exchange with its microgrids.

    Attributes
    ----------
    cost_per_mwh : array, shape (S, T, M)
        Linear cost of the power given to a microgrid. [$/MWh]
    proximal : float
        ρ of the term ρ/2·P². [$/MW²h]
    """

    cost_per_mwh: FloatArray
    proximal: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Curves:
    """Demand curves that microgrids submit: the power they take at each price in one hour.

    Attributes
    ----------
    least_mw : array, shape (M,)
        Power each takes at the highest price. [MW]
    width_mw, price_per_mwh : array, shape (M, K)
        Additional power at each lower price, and these prices, falling. [MW], [$/MWh]
    """

    least_mw: FloatArray
    width_mw: FloatArray
    price_per_mwh: FloatArray
