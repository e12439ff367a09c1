"""Devices of microgrids: they follow their orders as far as they can, and state their cost."""

import importlib
import pkgutil

import mesa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agents.der
import grids.components as data
from agents.der.device import MicrogridDevice
from agents.der.diesel_generator import DieselGeneratorAgent
from agents.der.drawn_power import HeatLoadAgent, InelasticLoadAgent, RenewableOutputAgent
from agents.der.ev_aggregator import EvAggregatorAgent
from agents.der.heat_unit import HeatUnitAgent
from agents.der.storage import ElectricStorageAgent, ThermalStorageAgent
from sim.ev_fleet import draw_cars
from sim.messages import Action, Order

ANY_MW = st.floats(-1, 1)


class Clock(mesa.Model):
    """A market model with nothing but the time."""

    step_h = 1.0

    def __init__(self):
        super().__init__(rng=0)
        self.passed = 0

    @property
    def day(self):
        return self.passed // 24 + 1

    @property
    def hour(self):
        return self.passed % 24 + 1


@pytest.fixture
def clock():
    return Clock()


@st.composite
def stores(draw):
    """Return storage data with any limits and losses."""
    low, start, high = sorted(draw(st.tuples(*[st.floats(0, 1)] * 3)))
    return data.Storage(
        max_p_mw=draw(st.floats(0.01, 0.5)),
        max_e_mwh=draw(st.floats(0.05, 1)),
        min_soc=low,
        max_soc=high,
        start_soc=start,
        efficiency=draw(st.floats(0.5, 1)),
        standing_efficiency=draw(st.floats(0.8, 1)),
        wear_per_mwh=draw(st.floats(0, 9)),
    )


def every_device(clock):
    """Return one of each, with what it is asked for."""
    store = data.Storage(max_p_mw=0.03, max_e_mwh=0.09)
    diesel = data.DieselGenerator(max_p_mw=0.1, max_q_mvar=0.1, cost_per_mw2h=1000, cost_per_mwh=80)
    unit = data.HeatUnit(max_p_mw=0.15, cost_per_mwh=100, heat_ratio=0.8)
    fleet = data.EvFleet(cars=5)
    return [
        (ElectricStorageAgent(clock, "a", store), ("p_mw",)),
        (ThermalStorageAgent(clock, "a", store), ("heat_mw",)),
        (DieselGeneratorAgent(clock, "a", diesel), ("p_mw", "q_mvar")),
        (HeatUnitAgent(clock, "a", unit), ("p_mw", "heat_mw")),
        (HeatLoadAgent(clock, "a"), ("heat_mw", "available_mw")),
        (InelasticLoadAgent(clock, "a"), ("p_mw", "available_mw")),
        (RenewableOutputAgent(clock, "a"), ("p_mw", "available_mw")),
        (EvAggregatorAgent(clock, "a", fleet, draw_cars(fleet, days=1, seed=1, connection=0)), ("p_mw",)),
    ]


# ---- all of them ---------------------------------------------------------------------------------------------


def test_every_device_has_a_name_of_its_own_and_is_tried_here(clock):
    for module in pkgutil.iter_modules(agents.der.__path__):
        importlib.import_module(f"agents.der.{module.name}")
    classes, queue = set(), [MicrogridDevice]
    while queue:
        children = queue.pop().__subclasses__()
        classes.update(child for child in children if "respond" in vars(child))
        queue += children
    tried = [device for device, _ in every_device(clock)]
    assert {type(device) for device in tried} == classes
    names = [device.kind for device in tried]
    assert len(set(names)) == len(names)
    assert all(f"``{name}``" in Action.__doc__ for name in names)


@given(st.tuples(ANY_MW, st.floats(0, 1)))
def test_every_device_answers_any_request_with_plain_finite_numbers(asked):
    for device, arguments in every_device(Clock()):
        done = device.act(Order(**dict(zip(arguments, asked, strict=False))))
        assert done.device == device.kind
        numbers = (done.p_mw, done.q_mvar, done.heat_mw, done.available_mw, done.energy_mwh, done.cost)
        assert all(type(number) is float for number in numbers)
        assert np.isfinite([done.p_mw, done.q_mvar, done.heat_mw, done.cost]).all()
        assert done.cost >= 0


# ---- stores --------------------------------------------------------------------------------------------------


def test_a_battery_by_hand(clock):
    unit = data.Storage(max_p_mw=0.03, max_e_mwh=0.09, efficiency=0.95, wear_per_mwh=0.1)
    battery = ElectricStorageAgent(clock, "microgrid 9", unit)
    assert battery.energy_mwh == pytest.approx(0.045)
    done = battery.act(Order(p_mw=0.019))
    assert done.p_mw == 0.019
    assert done.energy_mwh == pytest.approx(0.045 - 0.02)
    assert done.cost == pytest.approx(0.0019)
    done = battery.act(Order(p_mw=-0.02))
    assert (done.p_mw, done.heat_mw) == (-0.02, 0)
    assert done.energy_mwh == battery.energy_mwh == pytest.approx(0.025 + 0.019)
    assert done.cost == pytest.approx(0.002)


def test_a_thermal_storage_by_hand(clock):
    unit = data.Storage(max_p_mw=0.03, max_e_mwh=0.1, efficiency=0.95, standing_efficiency=0.99, wear_per_mwh=1)
    store = ThermalStorageAgent(clock, "microgrid 9", unit)
    assert store.act(Order(heat_mw=0.0)).energy_mwh == pytest.approx(0.0495)
    done = store.act(Order(heat_mw=0.019))
    assert (done.p_mw, done.heat_mw) == (0, 0.019)
    assert done.energy_mwh == pytest.approx(0.99 * 0.0495 - 0.02)
    assert done.cost == pytest.approx(0.019)


def test_a_store_stops_when_it_is_full_or_empty(clock):
    unit = data.Storage(max_p_mw=9, max_e_mwh=1, min_soc=0.1, max_soc=0.9, efficiency=0.8)
    battery = ElectricStorageAgent(clock, "a", unit)
    assert battery.limits() == pytest.approx((-0.4 / 0.8, 0.4 * 0.8))
    assert battery.act(Order(p_mw=9)).p_mw == pytest.approx(0.32)
    assert battery.energy_mwh == pytest.approx(0.1)
    assert battery.act(Order(p_mw=-9)).p_mw == pytest.approx(-1)
    assert battery.energy_mwh == pytest.approx(0.9)


def test_a_store_below_its_least_energy_gives_nothing_and_takes_what_it_is_given(clock):
    unit = data.Storage(max_p_mw=1, max_e_mwh=1, min_soc=0.5, standing_efficiency=0.9)
    store = ThermalStorageAgent(clock, "a", unit)
    assert store.act(Order(heat_mw=1)).heat_mw == 0
    assert store.energy_mwh == pytest.approx(0.45)
    assert store.act(Order(heat_mw=-0.2)).heat_mw == -0.2
    assert store.energy_mwh == pytest.approx(0.405 + 0.2)


@given(stores(), st.lists(ANY_MW, max_size=30), st.sampled_from([ElectricStorageAgent, ThermalStorageAgent]))
def test_no_energy_comes_from_nowhere(unit, asked, kind):
    store = kind(Clock(), "a", unit)
    for p_mw in asked:
        before = store.energy_mwh
        done = store.act(Order(p_mw=p_mw, heat_mw=p_mw))
        moved = done.p_mw + done.heat_mw
        assert abs(moved) <= unit.max_p_mw
        assert moved * p_mw >= 0
        assert abs(moved) <= abs(p_mw)
        given_out, taken_in = max(moved, 0), max(-moved, 0)
        balance = unit.standing_efficiency * before - given_out / unit.efficiency + taken_in * unit.efficiency
        assert done.energy_mwh == store.energy_mwh == pytest.approx(balance, abs=1e-12)
        assert done.energy_mwh <= unit.max_soc * unit.max_e_mwh + 1e-12
        lowest = min(unit.min_soc * unit.max_e_mwh, unit.standing_efficiency * before)
        assert done.energy_mwh >= lowest - 1e-12
        assert done.cost == pytest.approx(unit.wear_per_mwh * abs(moved))


# ---- what burns fuel -----------------------------------------------------------------------------------------


@pytest.fixture
def diesel(clock):
    # Table 11 of the supplement: 0.001·P² + 0.08·P with P in kW.
    unit = data.DieselGenerator(max_p_mw=0.1, max_q_mvar=0.1, cost_per_mw2h=1000, cost_per_mwh=80)
    return DieselGeneratorAgent(clock, "a", unit)


def test_diesel_by_hand(diesel):
    done = diesel.act(Order(p_mw=0.05, q_mvar=0.02))
    assert (done.p_mw, done.q_mvar) == (0.05, 0.02)
    assert done.cost == pytest.approx(0.001 * 50**2 + 0.08 * 50)


@pytest.mark.parametrize(("asked", "done"), [((9, 9), (0.1, 0.1)), ((-9, -9), (0, 0))])
def test_diesel_keeps_its_limits(diesel, asked, done):
    action = diesel.act(Order(p_mw=asked[0], q_mvar=asked[1]))
    assert (action.p_mw, action.q_mvar) == done


@pytest.mark.parametrize(("reading", "sign"), [("combined_heat_and_power", 1), ("electric_heater", -1)])
def test_heat_unit_by_hand(clock, reading, sign):
    unit = HeatUnitAgent(clock, "a", data.HeatUnit(max_p_mw=0.15, cost_per_mwh=100, heat_ratio=0.8, reading=reading))
    done = unit.act(Order(p_mw=sign * 0.1, heat_mw=0.05))
    assert (done.p_mw, done.heat_mw) == (sign * 0.1, 0.05)
    assert done.cost == pytest.approx(10)
    most = unit.act(Order(p_mw=sign * 9, heat_mw=9))
    assert (most.p_mw, most.heat_mw) == (sign * 0.15, pytest.approx(0.12))
    least = unit.act(Order(p_mw=sign * -9, heat_mw=9))
    assert (least.p_mw, least.heat_mw, least.cost) == (0, 0, 0)


# ---- loads and output ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("served", "expected"), [(0.03, 0.03), (0.05, 0.04), (-0.01, 0)])
def test_loads_take_no_more_than_they_demand(clock, served, expected):
    load = InelasticLoadAgent(clock, "a").act(Order(p_mw=-served, available_mw=0.04))
    assert (load.p_mw, load.heat_mw, load.available_mw) == (-expected, 0, 0.04)
    heat = HeatLoadAgent(clock, "a").act(Order(heat_mw=-served, available_mw=0.04))
    assert (heat.p_mw, heat.heat_mw, heat.available_mw) == (0, -expected, 0.04)


@pytest.mark.parametrize(("asked", "expected"), [(0.03, 0.03), (0.05, 0.04), (-0.01, 0)])
def test_output_is_no_more_than_available(clock, asked, expected):
    done = RenewableOutputAgent(clock, "a").act(Order(p_mw=asked, available_mw=0.04))
    assert (done.p_mw, done.available_mw, done.cost) == (expected, 0.04, 0)


# ---- cars ----------------------------------------------------------------------------------------------------


@pytest.fixture
def aggregator(clock):
    fleet = data.EvFleet(cars=20)
    return EvAggregatorAgent(clock, "a", fleet, draw_cars(fleet, days=2, seed=1, connection=0))


def test_an_aggregator_counts_hours_from_the_start_of_the_run(clock, aggregator):
    assert aggregator.step == 0
    clock.passed = 30
    assert (clock.day, clock.hour, aggregator.step) == (2, 7, 30)


def test_owners_are_paid_for_the_difference_from_charging_at_once(clock, aggregator):
    today = 0.0
    for clock.passed in range(48):
        least, most = aggregator.charging.limits(aggregator.step)
        assert aggregator.envelope(24).max_mwh[0] == pytest.approx(most)
        done = aggregator.act(Order(p_mw=-0.7 * least - 0.3 * most))
        today = (0 if clock.hour == 1 else today) - done.p_mw
        assert -done.p_mw == pytest.approx(0.7 * least + 0.3 * most, abs=1e-12)
        assert aggregator.charging_mw.sum() == -done.p_mw
        assert done.energy_mwh == pytest.approx(today)
        assert done.available_mw == aggregator.uncontrolled_mw[clock.passed]
        # The study: β = 0.001 with P in kW.
        assert done.cost == pytest.approx(0.001 * (1000 * (-done.p_mw - done.available_mw)) ** 2)
    cars = aggregator.charging.cars
    gone = cars.departure_h <= 48
    assert aggregator.charging.charged_mwh[gone] == pytest.approx(cars.need_mwh[gone], abs=1e-12)


def test_charging_at_once_costs_nothing(clock, aggregator):
    for clock.passed in range(48):
        assert aggregator.act(Order(p_mw=-np.inf)).cost == pytest.approx(0, abs=1e-12)


def test_a_fleet_must_be_at_its_fill_at_the_end_of_the_day(aggregator):
    fleet, charging = aggregator.fleet, aggregator.charging
    least, most = (getattr(charging.envelope(0, 24), name)[-1] for name in ("min_mwh", "max_mwh"))
    filled = least + fleet.start_fill * (most - least)
    assert aggregator.envelope(24).min_mwh[-1] == pytest.approx(filled)
