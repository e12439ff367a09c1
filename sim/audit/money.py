"""Money: every payment from dispatch, prices and tariff; nothing lost between the agents; losses and wear."""

import numpy as np
import pandas as pd

from sim.audit.layout import HOURS_PER_DAY, OPERATOR, SYSTEM_OPERATOR
from sim.audit.records import Records, hours_passed, numbers
from sim.audit.report import FloatArray, Sheet, Subject
from sim.audit.settlement import penalties

MONEY, ZERO_SUM = 1e-8, 1e-9
"""Round-off of a payment, and of the sum of all balances. [$]"""


def check_payments(records: Records, sheet: Sheet) -> None:
    """Check every payment (Eq. 8-11, 14, 15); the columns stand as in `sim.audit.layout`."""
    price, retail = records.hourly_price("price_per_mwh"), records.hourly_price("retail_price_per_mwh")
    loads, renewables = records.loads, records.renewables
    for_load, for_output = (
        records.number(f"market.tariff.{kind}_curtailment_factor") for kind in ("load", "generation")
    )
    expected = np.hstack(
        [
            retail * loads.p_mw,
            for_load * price * (loads.available_mw - loads.p_mw),
            price * renewables.p_mw,
            for_output * price * (renewables.available_mw - renewables.p_mw),
            price * records["settlements"].numbers("metered_mw"),
            penalties(records),
        ]
    )
    payments = records["payments"]
    of = Subject("payment", "$", payments.names)
    sheet.equal("payments", payments.numbers("amount"), expected, of, within=MONEY)


def check_books(records: Records, sheet: Sheet) -> None:
    """Check the value of losses (Eq. 12-13) and battery wear (Eq. 17)."""
    price, lines = records.hourly_price("price_per_mwh"), records["lines"]
    losses_mw = lines.numbers("loss_mw").sum(axis=1, keepdims=True)
    expected = np.hstack([records.number("market.tariff.loss_factor") * price * losses_mw, wear(records)])
    books = records["books"]
    sheet.equal("books", books.numbers("amount"), expected, Subject("amount", "$", books.names), within=MONEY)


def wear(records: Records) -> FloatArray:
    """Return the wear α·P² - β·P·P_previous of all batteries, shape (H, 1). [$]

    The hour before the first of the run counts as idle; midnight is an hour like any other.
    """
    power = records.batteries.p_mw
    previous = np.vstack([np.zeros((1, power.shape[1])), power[:-1]])
    fast, cycling = (records.number(f"market.tariff.{name}") for name in ("wear_fast", "wear_cycling"))
    each = fast * power**2 - cycling * power * previous
    return np.asarray(each.sum(axis=1, keepdims=True), dtype=np.float64)


def check_zero_sum(payments: pd.DataFrame, units: pd.DataFrame, days: int, sheet: Sheet) -> None:
    """Check that the balances of all agents sum to zero in every hour: nobody is paid by, or pays, a stranger.

    It reads the payments as they are, complete or not.
    """
    balance = balances(payments, units, days).sum(axis=1, keepdims=True)
    of = Subject("sum of all balances", "$", ["all agents"])
    sheet.equal("zero_sum", balance, 0.0, of, within=ZERO_SUM)


def balances(payments: pd.DataFrame, units: pd.DataFrame, days: int) -> FloatArray:
    """Return what every agent (units, operator, system operator) received less what it paid, shape (H, A). [$]"""
    agents = pd.Index([*units["unit"].unique(), OPERATOR, SYSTEM_OPERATOR])
    balance = np.zeros((days * HOURS_PER_DAY, len(agents)))
    hour, amount = hours_passed(payments, days), numbers(payments, "amount")
    for side, sign in (("payee", 1), ("payer", -1)):
        agent = agents.get_indexer(pd.Index(payments[side]))
        known = (hour >= 0) & (agent >= 0)
        place = hour[known] * len(agents) + agent[known]
        np.add.at(balance.reshape(-1), place, sign * amount[known])
    return balance
