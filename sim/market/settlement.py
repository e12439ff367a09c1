"""Money of one hour: payments for the metered exchange, and values in the participants' own books."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.market.tariff import Tariff
from sim.messages import ConnectionAction

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


Numeric = Any
"""A number, an array with the units along its last axis, or the same of Pyomo expressions."""


@dataclass(frozen=True, eq=False, kw_only=True)
class HourMoney:
    """Money of one hour, or of many along the leading axes of its arrays. All in $, costs positive.

    Attributes
    ----------
    revenue, load_curtailment : array, shape (..., D)
        Paid by, and compensated to, the consumers at each load.
    generation, generation_curtailment : array, shape (..., G)
        Paid to each renewable's owner for output and for curtailed output.
    wear : array, shape (..., U)
        Wear of each battery (in the operator's books, not cash).
    exchange, imbalance, loss : float, or array, shape (..., 1)
        Energy bought from (or, negative, sold to) the main grid; penalty; value of the losses (not cash).
    trade : array, shape (..., M)
        Paid by each connection for what it took (negative: for what it gave).
    """

    revenue: Numeric
    load_curtailment: Numeric
    generation: Numeric
    generation_curtailment: Numeric
    wear: Numeric
    exchange: Numeric
    imbalance: Numeric
    loss: Numeric
    trade: Numeric = field(default_factory=lambda: np.zeros(0))

    def totals(self) -> dict[str, Any]:
        """Return every term of Table 5, the trade of an operator with connections, and the profit, shape (...)."""
        names = terms_of(connections=self.trade.shape[-1] > 0)[:-1]
        return with_profit({name: np.array(getattr(self, name), ndmin=1).sum(axis=-1) for name in names})


def terms(
    tariff: Tariff,
    *,
    price_per_mwh: Numeric,
    price_magnitude_per_mwh: Numeric,
    positive_price_per_mwh: Numeric,
    retail_price_per_mwh: Numeric,
    demand_mw: Numeric,
    load_p_mw: Numeric,
    available_mw: Numeric,
    renewable_p_mw: Numeric,
    battery_p_mw: Numeric,
    previous_battery_p_mw: Numeric,
    battery_throughput_mw: Numeric,
    wear_per_mwh: Numeric,
    metered_mw: Numeric,
    losses_mw: Numeric,
    penalty: Numeric,
    exchange_p_mw: Numeric | None = None,
    exchange_price_per_mwh: Numeric = 0.0,
    step_h: float = 1.0,
) -> HourMoney:
    """Return every money term of an hour, Eq. (8)-(17): what settles it and what is optimised.

    ====================== =========================================== ===========
    revenue                ρ·P_L                                       (8)
    load_curtailment       γ_L·|λ|·(P_D - P_L)                         (9)
    generation             share paid·λ·P_G                            (10)
    generation_curtailment γ_G·max(λ, 0)·(P_AV - P_G)                  (11)
    loss                   weight·|λ|·losses                           (12)-(13)
    exchange               λ·P_CON                                     (14)
    imbalance              :func:`sim.market.imbalance.imbalance_cost` (15)-(16)
    wear                   α·P_B² - β·P_B·P_B,previous + wear·|P_B|    (17)
    trade                  price·power taken by a connection
    ====================== =========================================== ===========

    Energy is power times `step_h`; wear is the sum over steps of its rate times `step_h`.

    At a price below zero nobody is paid for harm: curtailed load and losses cost its magnitude, and output that is
    worth nothing needs no compensation. Nothing but + - * and a square is used, so that numbers, arrays and Pyomo
    expressions go through alike; whoever calls gives the magnitudes and positive parts (:func:`price_parts`).

    Parameters
    ----------
    tariff : Tariff
        Factors γ, share paid, weight, α and β.
    price_per_mwh, price_magnitude_per_mwh, positive_price_per_mwh, retail_price_per_mwh : numeric
        λ, |λ|, max(λ, 0) and ρ. [$/MWh]
    demand_mw, load_p_mw : numeric, shape (..., D)
        Demanded and served load. [MW]
    available_mw, renewable_p_mw : numeric, shape (..., G)
        Available and actual output. [MW]
    battery_p_mw, previous_battery_p_mw : numeric, shape (..., U)
        Battery power in this step and the one before, positive for discharge. [MW]
    battery_throughput_mw, wear_per_mwh : numeric, shape (..., U)
        Magnitude of the battery power, and wear of what is charged or discharged. [MW], [$/MWh]
    metered_mw, losses_mw : numeric
        Tie-line flow, positive for import, and line losses. [MW]
    penalty : numeric
        Imbalance penalty of the hour. [$]
    exchange_p_mw, exchange_price_per_mwh : numeric, shape (..., M), optional
        Power the connections take from the network, and the price they pay. [MW], [$/MWh]
    step_h : float
        Length of the step. [h]
    """
    price, magnitude, positive = (
        part * step_h for part in (price_per_mwh, price_magnitude_per_mwh, positive_price_per_mwh)
    )
    return HourMoney(
        revenue=retail_price_per_mwh * step_h * load_p_mw,
        load_curtailment=tariff.load_curtailment_factor * magnitude * (demand_mw - load_p_mw),
        generation=tariff.generation_factor * price * renewable_p_mw,
        generation_curtailment=tariff.generation_curtailment_factor * positive * (available_mw - renewable_p_mw),
        loss=tariff.loss_factor * magnitude * losses_mw,
        exchange=price * metered_mw,
        imbalance=penalty,
        wear=tariff.wear_fast * step_h * battery_p_mw**2
        - tariff.wear_cycling * step_h * battery_p_mw * previous_battery_p_mw
        + wear_per_mwh * step_h * battery_throughput_mw,
        trade=exchange_price_per_mwh * step_h * (np.zeros(0) if exchange_p_mw is None else exchange_p_mw),
    )


def price_parts(price_per_mwh: npt.ArrayLike) -> dict[str, Any]:
    """Return a day-ahead price λ, its magnitude |λ| and its positive part max(λ, 0), as :func:`terms` takes it.

    Examples
    --------
    >>> [float(part) for part in price_parts(-20.0).values()]
    [-20.0, 20.0, 0.0]
    """
    price = np.asarray(price_per_mwh, dtype=np.float64)
    return {
        "price_per_mwh": price,
        "price_magnitude_per_mwh": np.abs(price),
        "positive_price_per_mwh": np.maximum(price, 0.0),
    }


def terms_of(*, connections: bool) -> tuple[str, ...]:
    """Return the terms of an operator's profit: those of Table 5 and, if it has connections, its trade with them."""
    return ("revenue", TRADE, *TERMS[1:]) if connections else TERMS


def with_profit(amounts: dict[str, Any]) -> dict[str, Any]:
    """Return the terms' amounts and, last, the profit: revenue and trade less all costs. [$]"""
    income = amounts["revenue"] + amounts.get(TRADE, 0.0)
    return {**amounts, "profit": income - sum(amounts[term] for term in COST_TERMS)}


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
    action: ConnectionAction, *, trade: float, retail_price_per_mwh: float, step_h: float = 1.0
) -> ConnectionMoney:
    """Return the money of the microgrid at a connection in one hour.

    The owners of cars pay the retail price for the energy of uncontrolled charging, whatever was charged [assumed]:
    smart charging changes nothing they pay, only what they are compensated.

    Parameters
    ----------
    action : ConnectionAction
        Exchange with the network, and action and cost of every device.
    trade : float
        Payment to the operator for the exchange, from :func:`terms`. [$]
    retail_price_per_mwh : float
        Price consumers pay. [$/MWh]
    """
    cost = dict.fromkeys(("battery", "thermal_storage", "diesel", "heat_unit", "ev"), 0.0)
    for device in action.devices:
        cost[device.device] = cost.get(device.device, 0.0) + device.cost
    cars = [device for device in action.devices if device.device == "ev"]
    return ConnectionMoney(
        trade=trade,
        ev_revenue=retail_price_per_mwh * sum(device.available_mw for device in cars) * step_h,
        discomfort=cost["ev"],
        fuel=cost["diesel"] + cost["heat_unit"],
        wear=cost["battery"] + cost["thermal_storage"],
        has_cars=bool(cars),
    )
