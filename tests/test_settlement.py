"""The money of one hour, Eq. (7)-(17): by hand, Table 5's adding up, and properties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.market.settlement import COST_TERMS, TERMS, HourMoney, price_parts, settle_connection, terms, terms_of
from sim.market.tariff import Tariff
from sim.messages import Action, ConnectionAction

TARIFF = Tariff()  # γ_L = 3, γ_G = 0.8, α = 1, β = 0.75


def hour(tariff=TARIFF, **changes):
    """Return the money of a small example: two loads, two renewables, one battery."""
    example = {
        "price_per_mwh": 50.0,
        "retail_price_per_mwh": 100.0,
        "penalty": 7.0,
        "metered_mw": 1.5,
        "losses_mw": 0.02,
        "demand_mw": np.array([2.0, 1.0]),
        "load_p_mw": np.array([1.8, 1.0]),
        "available_mw": np.array([1.0, 0.5]),
        "renewable_p_mw": np.array([0.8, 0.5]),
        "battery_p_mw": np.array([0.2]),
        "previous_battery_p_mw": np.array([-0.1]),
        "wear_per_mwh": 0.0,
    }
    given = example | changes
    magnitudes = {**price_parts(given["price_per_mwh"]), "battery_throughput_mw": np.abs(given["battery_p_mw"])}
    return terms(tariff, **(given | magnitudes))


def test_hour_by_hand():
    money = hour()
    assert money.revenue == pytest.approx([180, 100])  # 100 $/MWh x served
    assert money.load_curtailment == pytest.approx([30, 0])  # 3 x 50 x 0.2 not served
    assert money.generation == pytest.approx([40, 25])  # 50 x output
    assert money.generation_curtailment == pytest.approx([8, 0])  # 0.8 x 50 x 0.2 not used
    assert money.exchange == pytest.approx(75)  # 50 x 1.5
    assert money.loss == pytest.approx(1)  # 50 x 0.02
    assert money.imbalance == pytest.approx(7)
    assert money.wear == pytest.approx([0.055])  # 0.2² + 0.75 x 0.2 x 0.1: turning from charge to discharge costs more
    assert money.totals() == pytest.approx(
        {
            "revenue": 280,
            "exchange": 75,
            "imbalance": 7,
            "loss": 1,
            "wear": 0.055,
            "generation": 65,
            "generation_curtailment": 8,
            "load_curtailment": 30,
            "profit": 93.945,  # 280 - 75 - 7 - 1 - 0.055 - 65 - 8 - 30
        }
    )


def test_below_zero_nobody_is_paid_for_harm():
    """Below zero, (9) and (12) are at the magnitude of the price, (11) is zero; (10) and (14) follow it."""
    money = hour(price_per_mwh=-50.0)
    assert money.load_curtailment == pytest.approx([30, 0])  # 3 x 50 x 0.2: shedding a load never earns
    assert money.loss == pytest.approx(1)  # energy lost is never worth anything
    assert money.generation_curtailment.tolist() == [0, 0]  # output that is worth nothing needs no compensation
    assert money.generation == pytest.approx([-40, -25])
    assert money.exchange == pytest.approx(-75)


def test_half_an_hour_is_half_the_energy():
    whole, half = hour(), hour(step_h=0.5)
    for term in ("revenue", "load_curtailment", "generation", "generation_curtailment", "exchange", "loss"):
        assert getattr(half, term) == pytest.approx(getattr(whole, term) / 2), term


def test_export_is_income_and_a_negative_price_turns_it():
    assert hour(metered_mw=-1.5).exchange == pytest.approx(-75)
    assert hour(metered_mw=-1.5, price_per_mwh=-50.0).exchange == pytest.approx(75)


def test_factors_of_the_tariff():
    tariff = Tariff(
        load_curtailment_factor=1, generation_curtailment_factor=0, loss_factor=2, wear_fast=3, wear_cycling=0
    )
    money = hour(tariff)
    assert money.load_curtailment == pytest.approx([10, 0])
    assert money.generation_curtailment == pytest.approx([0, 0])
    assert money.loss == pytest.approx(2)
    assert money.wear == pytest.approx([0.12])


# Table 5: revenue, exchange, imbalance, loss, wear, generation, its curtailment, load curtailment; profit.
TABLE_5 = {
    "Case I basic": ([6484.14, 1562.30, 54.04, 66.55, 0.18, 1728.98, 110.67, 221.68], 2739.74),
    "Case I proposed": ([6483.90, 1562.90, 13.10, 65.68, 0.18, 1727.69, 111.69, 221.89], 2780.76),
    "Case II basic": ([6483.62, 1563.24, 78.44, 67.26, 0.20, 1729.61, 110.16, 222.98], 2711.73),
    "Case II proposed": ([6482.64, 1571.00, 9.55, 64.91, 0.24, 1719.88, 117.95, 223.91], 2775.20),
}


@pytest.mark.parametrize("column", TABLE_5)
def test_table_5_adds_up(column):
    amounts, profit = TABLE_5[column]
    terms = dict(zip(("revenue", *COST_TERMS), amounts, strict=True))
    per_unit = {"revenue", "wear", "generation", "generation_curtailment", "load_curtailment"}
    money = HourMoney(**{term: np.array([x / 2, x / 2]) if term in per_unit else x for term, x in terms.items()})
    assert money.totals()["profit"] == pytest.approx(profit, abs=0.011)  # the table is rounded to cents


mw2 = arrays(float, 2, elements=st.floats(0, 5))
fraction2 = arrays(float, 2, elements=st.floats(0, 1))
battery = arrays(float, 1, elements=st.floats(-1, 1))


@given(
    demand=mw2,
    served=fraction2,
    available=mw2,
    used=fraction2,
    now=battery,
    before=battery,
    metered=st.floats(-10, 10),
    price=st.floats(-100, 300),
    retail=st.floats(0, 300),
    penalty=st.floats(0, 500),
)
def test_profit_is_revenue_less_all_costs(
    demand, served, available, used, now, before, metered, price, retail, penalty
):
    money = hour(
        demand_mw=demand,
        load_p_mw=served * demand,
        available_mw=available,
        renewable_p_mw=used * available,
        battery_p_mw=now,
        previous_battery_p_mw=before,
        metered_mw=metered,
        price_per_mwh=price,
        retail_price_per_mwh=retail,
        penalty=penalty,
    )
    totals = money.totals()
    # The formulas of docs/model.md, "Money", written out.
    served_mw, used_mw = (served * demand).sum(), (used * available).sum()
    by_formula = (
        retail * served_mw
        - 3.0 * abs(price) * (demand.sum() - served_mw)
        - price * used_mw
        - 0.8 * max(price, 0) * (available.sum() - used_mw)
        - price * metered
        - penalty
        - abs(price) * 0.02
        - (now[0] ** 2 - 0.75 * now[0] * before[0])
    )
    assert totals["profit"] == pytest.approx(by_formula, abs=1e-8)
    assert totals["profit"] == pytest.approx(
        totals["revenue"] - sum(v for k, v in totals.items() if k not in ("revenue", "profit")), abs=1e-8
    )
    harm = ("load_curtailment", "generation_curtailment", "loss")
    paid = harm if price < 0 else ("revenue", "generation", "imbalance", *harm)
    assert all(totals[term] >= 0 for term in paid)
    assert totals["exchange"] * metered * np.sign(price) >= 0


def wear_of_day(power):
    """Return the wear of one battery over a day that starts from rest."""
    before = np.concatenate([[0.0], power[:-1]])
    return sum(
        float(hour(battery_p_mw=np.array([p]), previous_battery_p_mw=np.array([q])).wear[0])
        for p, q in zip(power, before, strict=True)
    )


def test_wear_is_a_positive_definite_quadratic_form():
    # Polarisation: H_ij = W(e_i + e_j) - W(e_i) - W(e_j) is the Hessian of a quadratic form W.
    unit = np.eye(24)
    single = np.array([wear_of_day(e) for e in unit])
    hessian = np.array([[wear_of_day(a + b) for b in unit] for a in unit]) - single[:, None] - single
    assert hessian == pytest.approx(hessian.T)
    # Tridiagonal with 2α and -β: its eigenvalues are 2α - 2β cos(kπ/25), the least just above 2α - 2β.
    expected = 2 - 1.5 * np.cos(np.pi * np.arange(1, 25) / 25)
    assert np.linalg.eigvalsh(hessian) == pytest.approx(np.sort(expected))
    assert np.linalg.eigvalsh(hessian).min() > 0.5
    power = np.random.default_rng(0).normal(size=24)
    assert wear_of_day(power) == pytest.approx(power @ hessian @ power / 2)


def test_wear_by_cycling_may_be_as_dear_as_by_speed_and_no_dearer():
    assert Tariff(wear_fast=0.75, wear_cycling=0.75).wear_cycling == 0.75
    with pytest.raises(ValueError, match=r"wear_cycling 0\.76 must not exceed wear_fast 0\.75"):
        Tariff(wear_fast=0.75, wear_cycling=0.76)


def test_wear_dislikes_fast_charging_and_cycling():
    slow, fast, cycling = np.zeros(24), np.zeros(24), np.zeros(24)
    slow[:4], fast[0], cycling[:4] = 0.25, 1.0, [0.25, -0.25, 0.25, -0.25]
    assert wear_of_day(slow) == pytest.approx(4 * 0.0625 - 0.75 * 3 * 0.0625)
    assert wear_of_day(slow) < wear_of_day(fast)
    assert wear_of_day(slow) < wear_of_day(cycling)


# ---- connections and batteries of the operator -----------------------------------------------------------------


def test_linear_wear_adds_to_the_quadratic_one():
    assert hour(wear_per_mwh=np.array([0.1])).wear == pytest.approx([0.055 + 0.02])
    assert hour(wear_per_mwh=np.array([0.1]), battery_p_mw=np.array([-0.2])).wear == pytest.approx(
        [0.04 - 0.015 + 0.02]
    )


def test_renewables_of_the_operator_are_not_paid():
    own = hour(Tariff(generation_factor=0, generation_curtailment_factor=0))
    assert own.totals()["generation"] == own.totals()["generation_curtailment"] == 0
    assert hour(Tariff(generation_factor=0.5)).generation == pytest.approx([20, 12.5])


def test_trade_with_connections_is_income_next_to_the_revenue():
    alone, trading = hour(), hour(exchange_p_mw=np.array([0.2, -0.1]), exchange_price_per_mwh=np.array([60.0, 90.0]))
    assert trading.trade == pytest.approx([12, -9])
    assert tuple(alone.totals()) == TERMS == terms_of(connections=False)
    assert tuple(trading.totals()) == terms_of(connections=True)
    assert trading.totals()["profit"] == pytest.approx(alone.totals()["profit"] + 3)
    single = hour(exchange_p_mw=np.array([0.2]), exchange_price_per_mwh=np.array([60.0]))
    assert tuple(single.totals()) == terms_of(connections=True)


MICROGRID = ConnectionAction(
    p_mw=0.05,
    q_mvar=-0.01,
    devices=(
        Action(device="load", p_mw=-0.02, available_mw=0.02),
        Action(device="battery", p_mw=0.01, energy_mwh=0.04, cost=0.001),
        Action(device="thermal_storage", heat_mw=0.02, energy_mwh=0.05, cost=0.002),
        Action(device="diesel", p_mw=0.01, q_mvar=0.01, cost=0.9),
        Action(device="heat_unit", p_mw=0.05, heat_mw=0.04, cost=5.0),
        Action(device="ev", p_mw=-0.1, available_mw=0.08, cost=0.4),  # 1000 x (0.1 - 0.08)²
    ),
    charging_mw=np.array([0.06, 0.04]),
)


def test_the_money_of_a_connection_by_hand():
    money = settle_connection(MICROGRID, trade=3.0, retail_price_per_mwh=100.0)
    assert money.trade == pytest.approx(3)  # 60 x 0.05
    assert money.ev_revenue == pytest.approx(8)  # 100 x what uncontrolled charging would have taken
    assert money.discomfort == pytest.approx(0.4)
    assert money.fuel == pytest.approx(5.9)
    assert money.wear == pytest.approx(0.003)
    assert money.has_cars
    assert money.cost == pytest.approx(3 + 0.4 + 5.9 + 0.003 - 8)


def test_a_connection_without_cars_has_nothing_to_do_with_their_owners():
    without = replace(MICROGRID, devices=MICROGRID.devices[:-1], charging_mw=np.zeros(0))
    money = settle_connection(without, trade=3.0, retail_price_per_mwh=100.0)
    assert (money.has_cars, money.ev_revenue, money.discomfort) == (False, 0, 0)
    load_alone = replace(without, devices=MICROGRID.devices[:1])
    assert settle_connection(load_alone, trade=3.0, retail_price_per_mwh=100.0).cost == pytest.approx(3)


def test_what_cars_owners_pay_does_not_depend_on_how_they_are_charged():
    later = replace(MICROGRID.devices[-1], p_mw=-0.01, cost=4.9)
    shifted = replace(MICROGRID, devices=(*MICROGRID.devices[:-1], later))
    one, two = (settle_connection(a, trade=3.0, retail_price_per_mwh=100.0) for a in (MICROGRID, shifted))
    assert one.ev_revenue == two.ev_revenue
