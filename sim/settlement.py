"""Money of one hour: payments for the metered exchange, and values in the participants' own books."""

from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from grids.components import Data
from grids.network import FloatArray
from sim.messages import ConnectionAction

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

TRADE = "trade"
"""Payment of the connections for the power they take: an income next to the revenue, only where there are any."""


class Tariff(Data):
    """Tariff of the operator's payments and costs besides the market price (Table 4).

    Attributes
    ----------
    load_curtailment_factor : float
        Compensation γ_L of curtailed load, as a multiple of the magnitude of the day-ahead price (Eq. 9).
    generation_factor : float
        Share of the day-ahead price that is paid to renewables for their output (Eq. 10): 0 where they are the
        operator's own.
    generation_curtailment_factor : float
        Compensation γ_G of curtailed renewable output, as a multiple of the day-ahead price (Eq. 11); none is due
        below a price of zero.
    loss_factor : float
        Weight of the losses' value, at the magnitude of the day-ahead price, in the operator's books (Eq. 12; the
        exchange pays for them as well).
    wear_fast, wear_cycling : float
        α and β of the battery wear α·P² - β·P·P_previous, in $ for MW² (Eq. 17; Li, Chen and Low 2011). With
        β <= α the wear of every schedule is positive.
    """

    load_curtailment_factor: Factor = 3.0
    generation_factor: Factor = 1.0
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
    """Money of one hour; the arrays are per unit. All in $, costs positive.

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
    trade : array, shape (M,)
        Paid by each connection for what it took (negative: for what it gave).
    """

    revenue: FloatArray
    load_curtailment: FloatArray
    generation: FloatArray
    generation_curtailment: FloatArray
    wear: FloatArray
    exchange: float
    imbalance: float
    loss: float
    trade: FloatArray = field(default_factory=lambda: np.zeros(0))

    def totals(self) -> dict[str, float]:
        """Return every term of Table 5, the trade of an operator with connections, and the profit."""
        terms = terms_of(connections=len(self.trade) > 0)
        return with_profit({term: float(np.sum(getattr(self, term))) for term in terms[:-1]})


def terms_of(*, connections: bool) -> tuple[str, ...]:
    """Return the terms of an operator's profit: those of Table 5 and, if it has connections, its trade with them."""
    return ("revenue", TRADE, *TERMS[1:]) if connections else TERMS


def with_profit(terms: dict[str, float]) -> dict[str, float]:
    """Return the terms and, last, the profit: revenue and trade less all costs. [$]"""
    income = terms["revenue"] + terms.get(TRADE, 0.0)
    return {**terms, "profit": income - sum(terms[term] for term in COST_TERMS)}


@dataclass(frozen=True, kw_only=True)
class ConnectionMoney:
    """Money of a microgrid, or fleet of cars, at one connection in one hour. All in $, costs positive.

    Attributes
    ----------
    trade : float
        Paid to the operator for what was taken from the network (negative: received).
    ev_revenue : float
        Received from the owners of its cars.
    discomfort : float
        Compensation paid to them.
    fuel, wear : float
        Diesel and heat unit; storages (in its books, not cash).
    has_cars : bool
        Whether there are owners to deal with.
    """

    trade: float
    ev_revenue: float
    discomfort: float
    fuel: float
    wear: float
    has_cars: bool

    @property
    def cost(self) -> float:
        """Cost of the hour, less what was earned. [$]"""
        return self.trade + self.discomfort + self.fuel + self.wear - self.ev_revenue


def settle_connection(
    action: ConnectionAction, *, price_per_mwh: float, retail_price_per_mwh: float, dt_h: float = 1.0
) -> ConnectionMoney:
    """Return the money of the microgrid at a connection in one hour.

    The owners of cars pay the retail price for the energy of uncontrolled charging, whatever was charged [assumed]:
    smart charging changes nothing they pay, only what they are compensated.

    Parameters
    ----------
    action : ConnectionAction
        Exchange with the network, and action and cost of every device.
    price_per_mwh, retail_price_per_mwh : float
        Price the connection pays for its exchange, and price consumers pay. [$/MWh]
    """
    cost = dict.fromkeys(("battery", "thermal_storage", "diesel", "heat_unit", "ev"), 0.0)
    for device in action.devices:
        cost[device.device] = cost.get(device.device, 0.0) + device.cost
    cars = [device for device in action.devices if device.device == "ev"]
    return ConnectionMoney(
        trade=price_per_mwh * action.p_mw * dt_h,
        ev_revenue=retail_price_per_mwh * sum(device.available_mw for device in cars) * dt_h,
        discomfort=cost["ev"],
        fuel=cost["diesel"] + cost["heat_unit"],
        wear=cost["battery"] + cost["thermal_storage"],
        has_cars=bool(cars),
    )


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
    wear_per_mwh: FloatArray | float = 0.0,
    exchange_p_mw: FloatArray | None = None,
    exchange_price_per_mwh: FloatArray | float = 0.0,
    dt_h: float = 1.0,
) -> HourMoney:
    """Return the money of one hour from what was metered, Eq. (8)-(17).

    At a price below zero nobody is paid for harm: curtailed load (9) and losses (12) cost the magnitude of the price,
    and output that is worth nothing needs no compensation (11).

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
    wear_per_mwh : array, shape (U,)
        Wear of what is charged or discharged, besides that of Eq. (17). [$/MWh]
    exchange_p_mw, exchange_price_per_mwh : array, shape (M,)
        Power the connections take from the network, and the price they pay. [MW], [$/MWh]
    """
    price, curtailed_mw = price_per_mwh * dt_h, available_mw - renewable_p_mw
    exchanged = np.zeros(0) if exchange_p_mw is None else exchange_p_mw
    return HourMoney(
        revenue=retail_price_per_mwh * dt_h * load_p_mw,
        load_curtailment=tariff.load_curtailment_factor * abs(price) * (demand_mw - load_p_mw),
        generation=tariff.generation_factor * price * renewable_p_mw,
        generation_curtailment=tariff.generation_curtailment_factor * max(price, 0.0) * curtailed_mw,
        wear=tariff.wear_fast * battery_p_mw**2
        - tariff.wear_cycling * battery_p_mw * previous_battery_p_mw
        + wear_per_mwh * dt_h * np.abs(battery_p_mw),
        exchange=price * metered_mw,
        imbalance=penalty,
        loss=tariff.loss_factor * abs(price) * losses_mw,
        trade=exchange_price_per_mwh * dt_h * exchanged,
    )
