"""A microgrid as an agent: its knowledge, its answers, and the actions of its devices on an agreement."""

from dataclasses import replace

import numpy as np
import pytest
from microgrids import CHP, DIESEL, knows, microgrid
from negotiated import Case, instance_of

from agents.dispatch.conic_program import SolverError
from agents.microgrid_optimizer import MicrogridOptimizer, Quote
from agents.participants import create_agents
from sim.messages import Knowledge, Schedule
from sim.model import MarketModel


def agent_at(hour=1, connection=0, study="two microgrids", knowledge=Knowledge.FORECAST):
    """Return a microgrid of a study that has looked ahead from an hour on."""
    model = MarketModel(instance_of(study), create_agents)
    model._steps_passed = hour - 1
    agent = model.participants.microgrids[connection]
    agent.look_ahead(knowledge)
    return agent


def schedule(p_mw, q_mvar=0.0, price=100.0):
    p_mw = np.asarray(p_mw, dtype=float)
    return Schedule(p_mw=p_mw, q_mvar=np.full_like(p_mw, q_mvar), price_per_mwh=np.full_like(p_mw, price))


def by_device(action):
    return {device.device: device for device in action.devices}


# ---- the optimizer -----------------------------------------------------------------------------------------------


def test_a_plain_quote_has_no_quantity():
    quote = Quote.plain(np.full((2, 3), 70.0))
    assert quote.proximal == 0
    assert quote.near_mw.shape == (2, 3)
    assert not quote.near_mw.any()


def test_programs_are_kept_and_answers_do_not_depend_on_what_was_asked_before():
    owner, known = microgrid(diesel=DIESEL, max_heat_mw=0.1, heat_unit=CHP), knows(heat=[0.02, 0.05, 0.1])
    optimizer = MicrogridOptimizer(owner)
    quotes = [Quote.plain(np.array([[p, 120.0, 200.0]])) for p in (90.0, 150.0, -40.0)]
    quotes.append(replace(quotes[0], near_mw=np.full((1, 3), 0.1), proximal=50.0))
    used = [optimizer.answer(known, np.ones(1), quote) for quote in [*quotes, *reversed(quotes)]]
    for quote, first, again in zip(quotes, used[:4], reversed(used[4:]), strict=True):
        fresh = MicrogridOptimizer(owner).answer(known, np.ones(1), quote)
        for answer in (first, again):
            assert np.array_equal(answer, fresh)


@pytest.mark.slow
def test_an_answer_hedges_what_it_must_decide_for_all_scenarios_alike():
    """Nothing is decided for all scenarios alike: each scenario's answer is the one it had alone."""
    agent = agent_at()
    known = agent.reveal()
    two = replace(
        known,
        load_mw=np.concatenate([known.load_mw, 1.5 * known.load_mw]),
        heat_mw=np.concatenate([known.heat_mw, 0.5 * known.heat_mw]),
        output_mw=np.concatenate([known.output_mw, 0 * known.output_mw]),
    )
    price = np.tile(agent.retail_per_mwh, (2, 1))
    optimizer = MicrogridOptimizer(agent._microgrid)
    both = optimizer.answer(two, np.array([0.5, 0.5]), Quote.plain(price))
    for s in range(2):
        one = replace(two, load_mw=two.load_mw[[s]], heat_mw=two.heat_mw[[s]], output_mw=two.output_mw[[s]])
        alone = optimizer.answer(one, np.ones(1), Quote.plain(price[:1]))[0]
        assert both[s] == pytest.approx(alone, abs=2e-4)


def test_below_a_price_of_zero_no_more_is_answered_than_a_battery_can_take():
    """A battery that is nearly full takes no power that nobody has a use for."""
    agent = agent_at(12)
    agent._devices["battery"].energy_mwh = 0.088
    agent.look_ahead(Knowledge.FORECAST)
    price = np.full(agent.retail_per_mwh.shape, -150.0)
    p_mw = agent.answer(Quote.plain(price))[0]
    action = agent.act(schedule(p_mw, price=-150.0))
    assert by_device(action)["battery"].p_mw == pytest.approx(-(0.09 - 0.088) / 0.95, abs=1e-5)
    assert action.p_mw == pytest.approx(p_mw[0], abs=1e-5)


# ---- what it knows ---------------------------------------------------------------------------------------------


def test_it_answers_nothing_before_it_looked_ahead():
    agent = MarketModel(instance_of("two microgrids"), create_agents).participants.microgrids[0]
    for question in (agent.reveal, agent.answer_retail, lambda: agent.act(schedule([0.0]))):
        with pytest.raises(RuntimeError, match="microgrid_18 has not looked ahead yet"):
            question()


@pytest.mark.parametrize(("knowledge", "hours"), [(Knowledge.HOUR, 1), (Knowledge.FORECAST, 5), (Knowledge.FUTURE, 5)])
def test_it_looks_as_far_as_the_policy_may(knowledge, hours):
    agent = agent_at(hour=20, knowledge=knowledge)
    outlook = agent.model.outlook(knowledge)
    known = agent.reveal()
    assert known.shape == agent.retail_per_mwh.shape == (1, hours)
    assert np.array_equal(known.load_mw[0], outlook.connection_load_mw[:, 0])
    assert np.array_equal(known.heat_mw[0], outlook.connection_heat_mw[:, 0])
    assert np.array_equal(known.output_mw[0], outlook.connection_output_mw[:, 0])
    assert np.array_equal(agent.retail_per_mwh[0], outlook.retail_price_per_mwh)
    assert agent.answer_retail().shape == (1, hours)


def test_every_connection_has_its_own_data():
    case = Case("two microgrids", "a bid", "central")
    known = [agent.reveal() for agent in case.agents]
    assert not np.array_equal(known[0].ev_uncontrolled_mw, known[1].ev_uncontrolled_mw)
    assert known[0].shape == (2, 24)


def test_stores_must_be_as_full_at_the_end_of_the_day_as_at_its_start():
    known = agent_at().reveal()
    assert known.start_mwh == pytest.approx({"battery": 0.045, "thermal_storage": 0.05})
    assert known.required_mwh["battery"][-1] == pytest.approx(0.045)
    # An hour earlier, what 30 kW at 0.95 put into it may be missing.
    assert known.required_mwh["battery"][-2] == pytest.approx(0.045 - 0.03 * 0.95)
    assert known.required_mwh["thermal_storage"][-2] == pytest.approx((0.05 - 0.03 * 0.95) / 0.99)


# ---- what its devices do ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hour", [1, 6, 19, 24])
@pytest.mark.parametrize("agreed", [-0.15, 0.0, 0.05, 0.3])
def test_devices_balance_whatever_was_agreed(hour, agreed):
    agent = agent_at(hour)
    known = agent.reveal()
    action = agent.act(schedule(np.full(known.shape[1], agreed), q_mvar=-0.02))
    devices = by_device(action)
    assert set(devices) == {
        "load", "output", "heat_load", "battery", "thermal_storage", "diesel", "heat_unit", "ev",
    }  # fmt: skip
    assert action.p_mw == pytest.approx(-sum(device.p_mw for device in action.devices), abs=1e-12)
    assert sum(device.heat_mw for device in action.devices) == pytest.approx(0, abs=1e-12)
    assert action.charging_mw.sum() == pytest.approx(-devices["ev"].p_mw, abs=1e-12)
    assert devices["load"].p_mw == pytest.approx(-known.load_mw[0, 0], abs=1e-9)
    assert action.shortfall_mw == 0
    assert action.q_mvar == pytest.approx(-0.02, abs=1e-5)
    if abs(agreed) < 0.1:
        assert action.p_mw == pytest.approx(agreed, abs=1e-5)
    assert abs(action.p_mw) <= 0.2 + 1e-5
    assert (action.note == "") == (abs(action.p_mw - agreed) < 1e-5)


def test_what_devices_can_not_do_is_said():
    agent = agent_at(1)
    action = agent.act(schedule(np.full(24, 0.3)))
    assert 0.05 < action.p_mw < 0.2
    off = action.p_mw - 0.3
    assert action.note == f"could not keep to what was agreed, off by {off:+.6f} MW, +0.000000 Mvar"


def test_a_note_states_what_was_done_not_what_was_planned(monkeypatch):
    """Plans may be wrong: here a full battery is to be charged."""
    agent = agent_at(1)
    agent._devices["battery"].energy_mwh = 0.09
    agent.look_ahead(Knowledge.FORECAST)
    follow = MicrogridOptimizer.follow

    def overfill(*arguments, **options):
        orders = follow(*arguments, **options)
        return orders | {"battery_p_mw": np.full(24, -0.03), "off_schedule_p_mw": np.zeros(24)}

    kept = agent_at(1).act(schedule(np.full(24, 0.05)))
    assert kept.note == ""
    monkeypatch.setattr(MicrogridOptimizer, "follow", overfill)
    action = agent.act(schedule(np.full(24, 0.05)))
    assert abs(action.p_mw - 0.05) > 1e-3
    assert f"off by {action.p_mw - 0.05:+.6f} MW" in action.note


def test_what_is_smaller_than_a_watt_is_not_worth_a_note(monkeypatch):
    agent = agent_at(1)
    follow = MicrogridOptimizer.follow
    monkeypatch.setattr(
        MicrogridOptimizer,
        "follow",
        lambda *arguments, **options: follow(*arguments, **options) | {"off_schedule_p_mw": np.full(24, 2e-6)},
    )
    assert agent.act(schedule(np.full(24, 0.05))).note == ""


@pytest.mark.parametrize("order", [-0.02, 0.0, 0.02])
def test_no_more_heat_is_served_than_is_given(monkeypatch, order):
    """A solver's round-off at the limit of the heat unit is missing at the load, and a store takes what is there."""
    agent = agent_at(6)
    known = agent.reveal()
    agent._problem = replace(known, heat_mw=np.full_like(known.heat_mw, 0.12 + max(order, 0) + 3e-9))
    follow = MicrogridOptimizer.follow

    def nearly(*arguments, **options):
        orders = follow(*arguments, **options) | {
            "thermal_storage_p_mw": np.full(19, order),
            "unserved_heat_mw": np.zeros(19),
        }
        return orders | {"heat_unit_p_mw": np.full(19, 0.15)}

    monkeypatch.setattr(MicrogridOptimizer, "follow", nearly)
    action = agent.act(schedule(np.full(19, 0.0)))
    devices = by_device(action)
    assert sum(device.heat_mw for device in action.devices) == pytest.approx(0, abs=1e-15)
    assert devices["heat_unit"].heat_mw == pytest.approx(0.8 * 0.15, abs=1e-15)
    assert devices["thermal_storage"].heat_mw == pytest.approx(max(order, 0), abs=1e-15)
    assert action.shortfall_mw == pytest.approx(3e-9, abs=1e-12)


def test_stores_remember_what_was_done():
    agent = agent_at(1)
    before = agent.reveal().start_mwh
    action = by_device(agent.act(schedule(np.full(24, 0.1))))
    agent.look_ahead(Knowledge.FORECAST)
    after = agent.reveal().start_mwh
    assert after == {name: action[name].energy_mwh for name in before}
    power = action["battery"].p_mw
    assert after["battery"] == pytest.approx(before["battery"] - max(power / 0.95, power * 0.95), abs=1e-12)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SolverError("Clarabel stopped with status NumericalError"), "Clarabel stopped with status NumericalError"),
        (MemoryError("too large"), "MemoryError: too large"),
    ],
)
def test_if_its_optimizer_fails_loads_are_served_from_the_network(monkeypatch, error, told):
    agent = agent_at(1)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(MicrogridOptimizer, "follow", fail)
    known = agent.reveal()
    action = agent.act(schedule(np.full(24, -0.05)))
    devices = by_device(action)
    said = f"{told}: loads served from the network"
    assert action.note == f"{said}, off by {action.p_mw + 0.05:+.6f} MW, +0.000000 Mvar"
    assert devices["battery"].p_mw == devices["diesel"].p_mw == devices["thermal_storage"].heat_mw == 0
    assert devices["load"].p_mw == pytest.approx(-known.load_mw[0, 0])
    assert devices["ev"].p_mw == pytest.approx(-known.ev_max_p_mw[0])
    assert devices["heat_unit"].p_mw == pytest.approx(known.heat_mw[0, 0] / 0.8)
    expected = known.load_mw[0, 0] + known.ev_max_p_mw[0] - known.output_mw[0, 0] - known.heat_mw[0, 0] / 0.8
    assert action.p_mw == pytest.approx(expected)
    assert action.shortfall_mw == 0


def test_the_operators_own_cars_are_a_microgrid_without_anything_else():
    agent = agent_at(19, connection=5, study="networked33")
    assert (agent.name, agent.kind) == ("ev_aggregator_3", "ev_aggregator")
    wanted = agent.reveal().ev_uncontrolled_mw
    action = agent.act(schedule(wanted))
    assert list(by_device(action)) == ["ev"]
    assert action.p_mw == pytest.approx(wanted[0], abs=1e-6)
    assert action.q_mvar == 0


def test_all_day_long_cars_are_charged_as_their_stays_allow():
    """Whatever is agreed, no car leaves emptier than its stay made it."""
    agent = agent_at(1)
    rng = np.random.default_rng(1)
    charged = np.zeros((24, 20))
    for hour in range(1, 25):
        agent.model._steps_passed = hour - 1
        agent.look_ahead(Knowledge.FORECAST)
        action = agent.act(schedule(rng.uniform(-0.2, 0.2, 25 - hour)))
        charged[hour - 1] = action.charging_mw
    cars = agent.cars
    for stay in np.flatnonzero((cars.departure_h <= 24) & (cars.departure_h > 0)):
        there = slice(int(np.floor(max(cars.arrival_h[stay], 0))), int(np.ceil(cars.departure_h[stay])))
        total = cars.start_mwh[stay] + charged[there, cars.car[stay]].sum()
        assert total == pytest.approx(cars.need_mwh[stay], abs=1e-9)
