"""Checks of money: payments from dispatch, prices and tariff; balances that sum to zero; losses and wear."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from sim.audit.clock import Clock
from sim.audit.devices import costs, device_group
from sim.audit.fleet import Feeders
from sim.audit.records import Records, number, numbers, steps_passed
from sim.audit.report import Checker, FloatArray, Quantity
from sim.audit.schema import OPERATOR, SYSTEM_OPERATOR, owners_of
from sim.audit.settlement import penalties

MONEY, ZERO_SUM = 1e-8, 1e-9
"""Round-off of a payment, and of the sum of all balances. [$]"""


def check_payments(records: Records, checker: Checker) -> None:
    """Check every payment (Eq. 8-11, 14, 15, trade and cars); the columns stand as in `sim.audit.schema`.

    The owners of cars pay for the energy of uncontrolled charging, and are compensated for the difference.
    """
    price, retail = records.hourly_price("price_per_mwh"), records["settlements"].numbers("retail_price_per_mwh")
    loads, renewables, trades, cars = records.loads, records.renewables, records["trades"], device_group(records, "ev")
    for_load, of_price, for_output = (
        records.number(f"market.tariff.{name}_factor")
        for name in ("load_curtailment", "generation", "generation_curtailment")
    )
    step_h = records.step_h
    expected = np.hstack(
        [
            step_h * retail * loads.p_mw,
            step_h * for_load * np.abs(price) * (loads.available_mw - loads.p_mw),
            step_h * of_price * price * renewables.p_mw,
            step_h * for_output * np.maximum(price, 0.0) * (renewables.available_mw - renewables.p_mw),
            step_h * price * records["settlements"].numbers("metered_mw"),
            penalties(records),
            step_h * trades.numbers("price_per_mwh") * trades.numbers("p_mw"),
            step_h * retail * cars.available_mw,
            costs(cars),
        ]
    )
    payments = records["payments"]
    of = Quantity("payment", "$", payments.names)
    checker.equal("payments", payments.numbers("amount"), expected, of, within=MONEY)


def check_books(records: Records, checker: Checker) -> None:
    """Check the value of losses (Eq. 12-13) and battery wear (Eq. 17)."""
    price, lines = records.hourly_price("price_per_mwh"), records["lines"]
    losses_mwh = records.step_h * lines.numbers("loss_mw").sum(axis=1, keepdims=True)
    expected = np.hstack([records.number("market.tariff.loss_factor") * np.abs(price) * losses_mwh, wear(records)])
    books = records["books"]
    checker.equal("books", books.numbers("amount"), expected, Quantity("amount", "$", books.names), within=MONEY)


def wear(records: Records) -> FloatArray:
    """Return the wear (α·P² - β·P·P_previous + c·|P|)·Δt of all batteries, shape (H, 1). [$]

    The step before the first of the run counts as idle; midnight is a step like any other.
    """
    power = records.batteries.p_mw
    previous = np.vstack([np.zeros((1, power.shape[1])), power[:-1]])
    fast, cycling = (records.number(f"market.tariff.{name}") for name in ("wear_fast", "wear_cycling"))
    fleet = Feeders(records.study, records.branches).units("battery")
    linear = np.zeros(power.shape[1])  # those of the network itself come first, and wear with nothing
    linear[power.shape[1] - len(fleet) :] = [number(battery, "wear_per_mwh") for battery in fleet]
    each = fast * power**2 - cycling * power * previous + linear * np.abs(power)
    return np.asarray(records.step_h * each.sum(axis=1, keepdims=True), dtype=np.float64)


def check_retail_price(records: Records, checker: Checker) -> None:
    """Check that all pay one retail price, which is the forecast one where the study has no errors of it.

    Microgrids that nobody coordinates pay it for what they exchange, too.
    """
    retail, trades = records["settlements"].numbers("retail_price_per_mwh"), records["trades"]
    if trades.names:
        told = trades.numbers("retail_price_per_mwh")
        checker.equal("retail_price", told, retail, Quantity("retail price", "$/MWh", trades.names), within=0.0)
        alone = records["decisions"].values("coordination") == "uncoordinated"
        paid = trades.numbers("price_per_mwh")
        of = Quantity("price of an exchange that nobody coordinates", "$/MWh", trades.names)
        checker.equal("retail_price", paid, np.where(alone, retail, paid), of, within=0.0)
    if records.number("uncertainty.errors.retail_price_std") == 0:
        of = Quantity("retail price", "$/MWh", ["settlement"])
        checker.equal("retail_price", retail, records.hourly_price("retail_price_per_mwh"), of, within=0.0)


def check_zero_sum(payments: pd.DataFrame, agents: Iterable[str], clock: Clock, checker: Checker) -> None:
    """Check that the balances of all agents sum to zero in every step, so that all payments are between known agents.

    It reads the payments as they are, complete or not.
    """
    balance = balances(payments, agents, clock).sum(axis=1, keepdims=True)
    checker.equal("zero_sum", balance, 0.0, Quantity("sum of all balances", "$", ["all agents"]), within=ZERO_SUM)


def agents_of(units: pd.DataFrame, connections: pd.DataFrame) -> list[str]:
    """Return the agents that may pay or be paid: units, connections, owners of cars, operator, system operator."""
    connected = [str(connection) for connection in connections["connection"].unique()]
    return [*units["unit"].unique(), *connected, *map(owners_of, connected), OPERATOR, SYSTEM_OPERATOR]


def balances(payments: pd.DataFrame, names: Iterable[str], clock: Clock) -> FloatArray:
    """Return the balance of every agent, received less paid, shape (H, A). [$]"""
    agents = pd.Index(list(names))
    balance = np.zeros((clock.count, len(agents)))
    hour, amount = steps_passed(payments, clock), numbers(payments, "amount")
    for side, sign in (("payee", 1), ("payer", -1)):
        agent = agents.get_indexer(pd.Index(payments[side]))
        known = (hour >= 0) & (agent >= 0)
        place = hour[known] * len(agents) + agent[known]
        np.add.at(balance.reshape(-1), place, sign * amount[known])
    return balance
