"""The money of one hour: who owes what for the metered exchange, and what the operator's own books add."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from grids.network import FloatArray
from grids.units import Data

Factor = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]

COST_TERMS = (
    "exchange",
    "imbalance",
    "loss",
    "wear",
    "generation",
    "generation_curtailment",
    "load_curtailment",
)
"""Cost terms of the profit, in the order of Table 5."""

TERMS = ("revenue", *COST_TERMS, "profit")


class Tariff(Data):
    """What the operator pays besides the market price (Table 4).

    Attributes
    ----------
    load_curtailment_factor : float
        Compensation γ_L of curtailed load, as a multiple of the day-ahead price (Eq. 9).
    generation_curtailment_factor : float
        Compensation γ_G of curtailed renewable output, likewise (Eq. 11).
    loss_factor : float
        Weight of the losses' value in the operator's books (Eq. 12; the exchange pays for them as well).
    wear_fast, wear_cycling : float
        α and β of the battery wear α·P² - β·P·P_previous, in $ for MW² (Eq. 17; Li, Chen and Low 2011). With
        β <= α the wear of every schedule is positive.
    """

    load_curtailment_factor: Factor = 3.0
    generation_curtailment_factor: Factor = 0.8
    loss_factor: Factor = 1.0
    wear_fast: Factor = 1.0
    wear_cycling: Factor = 0.75

    @model_validator(mode="after")
    def _wear_is_convex(self) -> Self:
        if self.wear_cycling > self.wear_fast:
            raise ValueError(
                f"wear_cycling {self.wear_cycling} must not exceed wear_fast {self.wear_fast}: it would pay to cycle"
            )
        return self


@dataclass(frozen=True, eq=False, kw_only=True)
class HourMoney:
    """The money of one hour; the arrays are per unit. All in $, costs positive.

    Attributes
    ----------
    revenue, load_curtailment : array, shape (D,)
        Paid by, and compensated to, the consumers at each load.
    generation, generation_curtailment : array, shape (G,)
        Paid to each renewable's owner for output and for curtailed output.
    wear : array, shape (U,)
        Wear of each battery (in the operator's books, not cash).
    exchange, imbalance, loss : float
        Energy bought from (or, negative, sold to) the main grid; penalty; value of the losses (not cash).
    """

    revenue: FloatArray
    load_curtailment: FloatArray
    generation: FloatArray
    generation_curtailment: FloatArray
    wear: FloatArray
    exchange: float
    imbalance: float
    loss: float

    def totals(self) -> dict[str, float]:
        """Return every term of Table 5, and the profit."""
        total = {term: float(np.sum(getattr(self, term))) for term in TERMS[:-1]}
        total["profit"] = total["revenue"] - sum(total[term] for term in COST_TERMS)
        return total


def settle_hour(
    *,
    tariff: Tariff,
    price_per_mwh: float,
    retail_price_per_mwh: float,
    penalty: float,
    metered_mw: float,
    losses_mw: float,
    demand_mw: FloatArray,
    load_p_mw: FloatArray,
    available_mw: FloatArray,
    renewable_p_mw: FloatArray,
    battery_p_mw: FloatArray,
    previous_battery_p_mw: FloatArray,
    dt_h: float = 1.0,
) -> HourMoney:
    """Return the money of one hour from what was metered, Eq. (8)-(17).

    Parameters
    ----------
    penalty : float
        Imbalance penalty of the hour. [$]
    metered_mw, losses_mw : float
        Tie-line flow, positive for import, and line losses. [MW]
    demand_mw, load_p_mw : array, shape (D,)
        Demanded and served load. [MW]
    available_mw, renewable_p_mw : array, shape (G,)
        Available and actual output. [MW]
    battery_p_mw, previous_battery_p_mw : array, shape (U,)
        Battery power in this hour and the one before, positive for discharge. [MW]
    """
    price = price_per_mwh * dt_h
    return HourMoney(
        revenue=retail_price_per_mwh * dt_h * load_p_mw,
        load_curtailment=tariff.load_curtailment_factor * price * (demand_mw - load_p_mw),
        generation=price * renewable_p_mw,
        generation_curtailment=tariff.generation_curtailment_factor * price * (available_mw - renewable_p_mw),
        wear=tariff.wear_fast * battery_p_mw**2 - tariff.wear_cycling * battery_p_mw * previous_battery_p_mw,
        exchange=price * metered_mw,
        imbalance=penalty,
        loss=tariff.loss_factor * price * losses_mw,
    )
