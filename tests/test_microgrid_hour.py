"""A microgrid's hours by hand, one device at a time, and answers put back into the equations."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from microgrids import BATTERY, CARS, CHP, DIESEL, HEATER, TANK, knows, microgrid, optimum

from agents.dispatch.microgrid_hour import DEVIATION_PRICE, REACTIVE_TIE_BREAK, UNSERVED_PRICE
from grids.components import DieselGenerator, EvFleet, HeatUnit, Storage

close = partial(pytest.approx, abs=2e-6)  # MW, MWh

PRICES = st.floats(-300, 600)


# ---- load and output -------------------------------------------------------------------------------------------


def test_what_is_not_made_is_taken_from_the_network():
    answer = optimum(microgrid(max_load_mw=0.1, max_output_mw=0.1), knows(load=0.07, output=0.03), price=100.0)
    assert answer["exchange_p_mw"] == close(0.04)
    assert answer["objective"] == pytest.approx(4.0, abs=1e-4)


def test_what_can_not_be_sold_is_curtailed():
    answer = optimum(microgrid(max_load_mw=0.1, max_output_mw=0.5), knows(load=0.07, output=0.5), price=100.0)
    assert answer["exchange_p_mw"] == close(-0.2)
    assert answer["output_p_mw"] == close(0.27)


def test_output_is_curtailed_where_energy_costs_to_be_rid_of():
    answer = optimum(microgrid(max_load_mw=0.1, max_output_mw=0.5), knows(load=0.07, output=0.5), price=-10.0)
    assert answer["output_p_mw"] == close(0)
    assert answer["exchange_p_mw"] == close(0.07)


@given(load=st.floats(0, 0.6), output=st.floats(0, 0.3), price=PRICES)
def test_no_more_load_is_left_unserved_than_the_exchange_limit_forces(load, output, price):
    owner = microgrid(max_load_mw=0.6, max_output_mw=0.3, diesel=DIESEL)
    answer = optimum(owner, knows(load=load, output=output), price=price)
    assert answer["unserved_load_mw"] == close(max(load - 0.2 - output - 0.1, 0))


# ---- diesel generator ------------------------------------------------------------------------------------------


@given(price=PRICES)
def test_diesel_runs_until_a_mwh_of_it_costs_the_price(price):
    answer = optimum(microgrid(diesel=DIESEL), knows(), price=price)
    expected = np.clip((price - 80) / (2 * 1000), 0, 0.1)
    assert answer["diesel_p_mw"] == close(expected)
    assert answer["exchange_p_mw"] == close(-expected)
    assert answer["objective"] == pytest.approx(1000 * expected**2 + (80 - price) * expected, abs=1e-4)


@given(price=PRICES, near=st.floats(-0.2, 0.2))
def test_a_quantity_to_stay_near_counts_as_its_weight_says(price, near):
    rho = 200.0
    answer = optimum(microgrid(diesel=DIESEL), knows(), price=price, near=near, proximal=rho)
    # d/dP of 1000·P² + 80·P - price·P + ρ/2·(-P - near)²
    assert answer["diesel_p_mw"] == close(np.clip((price - 80 - rho * near) / (2 * 1000 + rho), 0, 0.1))


@pytest.mark.parametrize("owner", [microgrid(diesel=DIESEL), microgrid(heat_unit=CHP)], ids=["diesel", "none"])
def test_where_nobody_asks_for_reactive_power_there_is_none(owner):
    assert optimum(owner, knows(), price=100.0)["exchange_q_mvar"] == pytest.approx(0.0, abs=1e-4)


# ---- heat ------------------------------------------------------------------------------------------------------


@given(price=PRICES, heat=st.floats(0, 0.12))
def test_combined_heat_and_power_makes_the_heat_and_sells_when_it_pays(price, heat):
    answer = optimum(microgrid(max_heat_mw=0.12, heat_unit=CHP), knows(heat=heat), price=price)
    power = 0.15 if price > 100 else heat / 0.8
    if abs(price - 100) > 0.1:
        assert answer["heat_unit_p_mw"] == close(power)
        assert answer["exchange_p_mw"] == close(-power)
    assert answer["heat_unit_heat_mw"] == close(heat)  # 0.8·P less that is vented
    assert answer["unserved_heat_mw"] == close(0)


@given(price=PRICES, heat=st.floats(0, 0.12))
def test_an_electric_heater_takes_what_the_heat_needs(price, heat):
    answer = optimum(microgrid(max_heat_mw=0.12, heat_unit=HEATER), knows(heat=heat), price=price)
    # Below -100 $/MWh it pays to heat the sky.
    power = 0.15 if price < -100 else heat / 0.8
    if abs(price + 100) > 0.1:
        assert answer["heat_unit_p_mw"] == close(power)
        assert answer["exchange_p_mw"] == close(power)
    assert answer["heat_unit_heat_mw"] == close(heat)


def test_heat_beyond_the_unit_is_left_unserved():
    answer = optimum(microgrid(max_heat_mw=0.2, heat_unit=CHP), knows(heat=0.2))
    assert answer["unserved_heat_mw"] == close(0.2 - 0.8 * 0.15)


def test_a_heat_load_without_a_source_is_left_unserved():
    answer = optimum(microgrid(max_heat_mw=0.2), knows(heat=0.05))
    assert answer["unserved_heat_mw"] == close(0.05)


def test_an_exchange_limit_leaves_that_unserved_which_saves_most():
    # A MWh of electricity is 0.8 MWh of heat: the heat is worth less.
    owner = microgrid(max_exchange_mw=0.1, max_load_mw=0.1, max_heat_mw=0.1, heat_unit=HEATER)
    answer = optimum(owner, knows(load=0.06, heat=0.08))
    assert answer["unserved_load_mw"] == close(0)
    assert answer["unserved_heat_mw"] == close(0.08 - 0.8 * 0.04)


# ---- stores ----------------------------------------------------------------------------------------------------


@given(cheap=st.floats(0, 100), dear=st.floats(0, 300))
def test_a_battery_buys_low_and_sells_high_if_losses_and_wear_are_paid(cheap, dear):
    known = knows(load=[0, 0], start={"battery": 0.0}, required={"battery": [0, 0]})
    answer = optimum(microgrid(battery=BATTERY), known, price=[cheap, dear])
    # Of 1 MWh bought, 0.9 is stored and 0.81 is sold; 2 $ of wear for each MWh that goes through.
    gain = 0.81 * (dear - 2) - (cheap + 2)
    if abs(gain) > 0.1:
        bought = 0.03 if gain > 0 else 0
        assert answer["battery_p_mw"][0] == close(np.array([-bought, 0.81 * bought]))
        assert answer["exchange_p_mw"] == close(-answer["battery_p_mw"])
    assert answer["objective"] == pytest.approx(-0.03 * max(gain, 0), abs=1e-4)


def test_a_battery_is_bounded_by_its_size():
    small = BATTERY.model_copy(update={"max_e_mwh": 0.018})
    known = knows(load=[0, 0], start={"battery": 0.0}, required={"battery": [0, 0]})
    answer = optimum(microgrid(battery=small), known, price=[10.0, 300.0])
    assert answer["battery_p_mw"][0] == close(np.array([-0.02, 0.9 * 0.018]))


def test_a_store_is_as_full_as_required_or_as_it_can_be():
    known = knows(load=[0, 0], start={"battery": 0.02}, required={"battery": [0, 0.09]})
    answer = optimum(microgrid(battery=BATTERY), known, price=[100.0, 50.0])
    assert answer["battery_p_mw"] == close(-0.03)
    assert answer["battery_shortfall_mwh"][0] == close(np.array([0, 0.09 - 0.02 - 2 * 0.9 * 0.03]))


@pytest.mark.parametrize(("held", "most"), [(0.09, 0.0), (0.081, 0.01), (0.02, 0.03)])
def test_at_a_negative_price_no_more_is_charged_than_fits(held, most):
    known = knows(load=0.01, start={"battery": held}, required={"battery": 0.0})
    for agreed in (None, 0.15):
        answer = optimum(microgrid(max_load_mw=0.1, battery=BATTERY), known, price=-50.0, agreed=agreed)
        assert answer["battery_p_mw"] == close(-most)
        assert answer["exchange_p_mw"] == close(0.01 + most)


def test_a_heat_store_loses_some_of_what_it_holds():
    owner = microgrid(max_heat_mw=0.1, heat_unit=CHP, thermal_storage=TANK)
    known = knows(heat=[0.0, 0.01], start={"thermal_storage": 0.0}, required={"thermal_storage": [0, 0]})
    answer = optimum(owner, known, price=[200.0, 50.0])
    # In the dear hour the unit runs for its electricity, and its heat is for nothing; it is kept for the cheap hour.
    charged = 0.01 / 0.95 / 0.9 / 0.95
    assert answer["thermal_storage_p_mw"][0, 1] == close(0.01)
    assert -answer["thermal_storage_p_mw"][0, 0] >= charged - 2e-6
    assert answer["heat_unit_p_mw"][0] == close(np.array([0.15, 0]))


def test_a_heat_store_charges_no_more_than_needed_where_heat_costs():
    owner = microgrid(max_heat_mw=0.13, heat_unit=CHP, thermal_storage=TANK)
    known = knows(heat=[0.0, 0.13], start={"thermal_storage": 0.0}, required={"thermal_storage": [0, 0]})
    answer = optimum(owner, known, price=[90.0, 90.0])
    # The unit makes 0.12 at most; the last 0.01 comes out of the store.
    charged = 0.01 / 0.95 / 0.9 / 0.95
    assert answer["thermal_storage_p_mw"][0] == close(np.array([-charged, 0.01]))
    assert answer["heat_unit_p_mw"][0] == close(np.array([charged / 0.8, 0.15]))
    assert answer["unserved_heat_mw"] == close(0)


@pytest.mark.parametrize("price", [-50.0, 50.0])
def test_a_heat_store_that_is_all_there_is_of_heat_can_not_fill_itself(price):
    known = knows(start={"thermal_storage": 0.05}, required={"thermal_storage": [0.09, 0.09]})
    answer = optimum(microgrid(thermal_storage=TANK), known, price=price)
    assert answer["thermal_storage_p_mw"] == close(0)
    assert answer["thermal_storage_shortfall_mwh"][0] == close(np.array([0.09 - 0.045, 0.09 - 0.0405]))


# ---- cars ------------------------------------------------------------------------------------------------------


@given(price=PRICES, wanted=st.floats(0, 0.06), least=st.floats(0, 0.02), most=st.floats(0.02, 0.06))
def test_cars_shift_until_discomfort_costs_the_price(price, wanted, least, most):
    known = knows(ev={"wanted_mw": wanted, "least_mwh": least, "most_mwh": most, "most_mw": 0.066})
    answer = optimum(microgrid(ev=CARS), known, price=price)
    expected = np.clip(wanted - price / (2 * 1000), least, most)
    assert answer["ev_p_mw"] == close(expected)
    assert answer["exchange_p_mw"] == close(expected)
    assert answer["objective"] == pytest.approx(price * expected + 1000 * (expected - wanted) ** 2, abs=1e-3)


def test_cars_share_a_need_between_hours_by_price_and_discomfort():
    known = knows(ev={"wanted_mw": [0.04, 0.02], "least_mwh": [0, 0.06], "most_mwh": 0.06, "most_mw": 0.066})
    answer = optimum(microgrid(ev=CARS), known, price=[60.0, 20.0])
    # Both hours together take 0.06; 40 $/MWh between them move 40 / (4·1000) from the dear to the cheap one.
    assert answer["ev_p_mw"][0] == close(np.array([0.03, 0.03]))
    assert answer["ev_end_mwh"][0] == close(np.array([0.03, 0.06]))


def test_cars_that_can_not_be_charged_in_time_are_charged_as_far_as_can_be():
    known = knows(ev={"wanted_mw": 0.0, "least_mwh": 0.05, "most_mwh": 0.05, "most_mw": 0.03})
    answer = optimum(microgrid(ev=CARS), known, price=500.0)
    assert answer["ev_p_mw"] == close(0.03)
    assert answer["ev_shortfall_mwh"] == close(0.02)


# ---- an agreed exchange ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("agreed", [0.0, -0.05, -0.0999])
def test_an_agreed_exchange_is_kept_at_any_cost_of_the_devices(agreed):
    answer = optimum(microgrid(diesel=DIESEL), knows(), agreed=agreed)
    assert answer["diesel_p_mw"] == close(-agreed)
    assert answer["off_schedule_p_mw"] == close(0)


def test_what_can_not_be_kept_is_missed_by_as_little_as_can_be():
    answer = optimum(microgrid(diesel=DIESEL), knows(), agreed=-0.15)
    assert answer["exchange_p_mw"] == close(-0.1)
    assert answer["off_schedule_p_mw"] == close(0.05)


def test_no_load_is_shed_to_keep_an_agreement():
    answer = optimum(microgrid(max_load_mw=0.1), knows(load=0.1), agreed=0.04)
    assert answer["unserved_load_mw"] == close(0)
    assert answer["off_schedule_p_mw"] == close(0.06)
    assert answer["objective"] == pytest.approx(0.06 * DEVIATION_PRICE, rel=1e-4)


# ---- all devices: the answer put back into the equations ---------------------------------------------------------


def drawn_owner(rng):
    """Return a microgrid with some devices of random size."""
    heat_unit = HeatUnit(
        max_p_mw=rng.uniform(0.02, 0.2),
        cost_per_mwh=rng.uniform(50, 150),
        heat_ratio=rng.uniform(0.5, 2),
        reading=rng.choice(["combined_heat_and_power", "electric_heater"]),
    )
    diesel = DieselGenerator(
        max_p_mw=rng.uniform(0.05, 0.2), max_q_mvar=0.05, cost_per_mw2h=rng.uniform(0, 2000), cost_per_mwh=80
    )

    def store(**values):
        size = {"max_p_mw": rng.uniform(0.01, 0.05), "max_e_mwh": rng.uniform(0.05, 0.2)}
        return Storage(**size, efficiency=rng.uniform(0.7, 0.95), wear_per_mwh=rng.choice([0, 5]), **values)

    stores = {"battery": store(min_soc=0.1), "thermal_storage": store(standing_efficiency=rng.uniform(0.9, 1))}
    owned = {"heat_unit": heat_unit, "diesel": diesel, "ev": CARS, **stores}
    kept = {name: unit for name, unit in owned.items() if rng.random() < 0.8}
    return microgrid(max_exchange_mw=0.1, max_load_mw=0.2, max_heat_mw=0.1, max_output_mw=0.1, **kept)


def drawn_knowledge(owner, rng):
    hours, scenarios = 24, 2
    stores = {name: unit for name in ("battery", "thermal_storage") if (unit := getattr(owner, name)) is not None}
    required = {name: np.r_[np.zeros(23), 0.5 * unit.max_e_mwh] for name, unit in stores.items()}
    most = np.cumsum(rng.uniform(0, 0.02, hours))
    return knows(
        load=rng.uniform(0, 0.2, (scenarios, hours)),
        heat=rng.uniform(0, 0.1, (scenarios, hours)),
        output=rng.uniform(0, 0.1, (scenarios, hours)),
        start={name: 0.5 * unit.max_e_mwh for name, unit in stores.items()},
        required=required,
        ev={
            "wanted_mw": rng.uniform(0, 0.02, hours),
            "least_mwh": 0.8 * most,
            "most_mwh": most,
            "most_mw": rng.uniform(0, 0.04, hours),
        },
        scenarios=scenarios,
    )


def reach(unit, start, power):
    """Return what a store holds at the end of every hour, by physics. [MWh]"""
    energy = []
    for p in power:
        start = unit.standing_efficiency * start - (p / unit.efficiency if p > 0 else p * unit.efficiency)
        energy.append(start)
    return np.array(energy)


@pytest.mark.parametrize("seed", range(8))
def test_an_answer_meets_every_equation(seed):
    rng = np.random.default_rng(seed)
    owner = drawn_owner(rng)
    known = drawn_knowledge(owner, rng)
    price = rng.uniform(-50, 350, known.shape)
    probability = np.array([0.3, 0.7])
    answer = optimum(owner, known, price=price, probability=probability)

    def of(name):
        return answer.get(name, np.zeros(known.shape))

    tolerance = 1e-6
    p, q = answer["exchange_p_mw"], answer["exchange_q_mvar"]
    unserved = of("unserved_load_mw"), of("unserved_heat_mw")
    nonnegative = [name for name in answer if name not in ("objective", "exchange_p_mw", "exchange_q_mvar")]
    for name in nonnegative:
        if not name.endswith("storage_p_mw") and name != "battery_p_mw":
            assert answer[name].min() >= -tolerance, name
    assert np.abs(p).max() <= 0.1 + tolerance
    assert -(0.05 if owner.diesel else 0) - tolerance <= q.min() <= q.max() <= tolerance
    assert (unserved[0] - known.load_mw).max() <= tolerance
    assert (unserved[1] - known.heat_mw).max() <= tolerance
    assert (of("output_p_mw") - known.output_mw).max() <= tolerance

    electric = p + of("output_p_mw") + of("diesel_p_mw") + of("battery_p_mw") - of("ev_p_mw")
    heat = of("heat_unit_heat_mw") + of("thermal_storage_p_mw")
    cost = price * p + REACTIVE_TIE_BREAK * q**2 + UNSERVED_PRICE * sum(unserved)
    if owner.heat_unit is not None:
        unit, power = owner.heat_unit, of("heat_unit_p_mw")
        electric += power if unit.reading == "combined_heat_and_power" else -power
        assert (heat - of("thermal_storage_p_mw") - unit.heat_ratio * power).max() <= tolerance
        assert power.max() <= unit.max_p_mw + tolerance
        cost += unit.cost_per_mwh * power
    if owner.diesel is not None:
        unit, power = owner.diesel, of("diesel_p_mw")
        assert power.max() <= unit.max_p_mw + tolerance
        cost += unit.cost_per_mw2h * power**2 + unit.cost_per_mwh * power
    if owner.ev is not None:
        power, charged = of("ev_p_mw"), np.cumsum(of("ev_p_mw"), axis=1)
        assert (power - known.ev_max_p_mw).max() <= tolerance
        assert (charged - known.ev_max_mwh).max() <= 24 * tolerance
        missing = np.maximum(known.ev_min_mwh - charged, 0)
        assert of("ev_shortfall_mwh") == pytest.approx(missing, abs=24 * tolerance)
        cost += 1000 * (power - known.ev_uncontrolled_mw) ** 2 + UNSERVED_PRICE * of("ev_shortfall_mwh")
    for name in ("battery", "thermal_storage"):
        if (unit := getattr(owner, name)) is not None:
            power = of(f"{name}_p_mw")
            assert np.abs(power).max() <= unit.max_p_mw + tolerance
            for s in range(2):
                held = reach(unit, known.start_mwh[name], power[s])
                assert held.min() >= unit.min_soc * unit.max_e_mwh - 24 * tolerance
                # The model may give energy away, never make it.
                assert (of(f"{name}_end_mwh")[s] - held).max() <= 24 * tolerance
            cost += unit.wear_per_mwh * np.abs(power) + UNSERVED_PRICE * of(f"{name}_shortfall_mwh")
    assert electric == pytest.approx(known.load_mw - unserved[0], abs=tolerance)
    assert heat == pytest.approx(known.heat_mw - unserved[1], abs=tolerance)
    assert answer["objective"] == pytest.approx(probability @ cost.sum(axis=1), rel=1e-4)


@settings(max_examples=10)
@given(seed=st.integers(0, 999))
def test_what_one_would_pay_more_for_one_takes_less_of(seed):
    rng = np.random.default_rng(seed)
    owner = drawn_owner(rng)
    known = drawn_knowledge(owner, rng)
    prices = rng.uniform(-50, 350, (2, *known.shape))
    first, second = (optimum(owner, known, price=price)["exchange_p_mw"] for price in prices)
    assert ((prices[0] - prices[1]) * (first - second)).sum() <= 1e-3  # demand is monotone


def test_a_fleet_of_cars_alone_is_a_microgrid():
    answer = optimum(microgrid(ev=EvFleet(cars=2)), knows(ev={"most_mwh": 0.01, "most_mw": 0.01, "wanted_mw": 0.01}))
    assert set(answer) >= {"exchange_p_mw", "ev_p_mw", "ev_end_mwh"}
    assert not {"diesel_p_mw", "battery_p_mw", "heat_unit_p_mw", "unserved_load_mw"} & set(answer)
