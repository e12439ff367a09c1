"""The agents: actions of units on orders, refusals of the system operator, and payments."""

import ast
import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import mesa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.der.battery import BatteryAgent
from agents.der.load import LoadAgent
from agents.der.renewable import SolarPlantAgent, WindTurbineAgent
from agents.participants import create_agents
from grids.components import Battery, Renewable
from grids.power_flow import SetPoints
from sim.actuation import CLIP_TOLERANCE_MW, clipped
from sim.messages import Order, Submission
from sim.model import MarketModel

ROOT = Path(__file__).parent.parent


class Stage(mesa.Model):
    """A model that knows nothing but what is available, and the length of a step."""

    available, step_h = 1.0, 1.0

    def actual_mw(self, kind, position):
        return self.available


def battery(**data):
    unit = Battery(**{"bus": 1, "max_s_mva": 0.2, "max_e_mwh": 0.4} | data)
    return BatteryAgent(Stage(), name="battery", position=0, unit=unit)


def load(demand=1.0, tan_phi=0.5):
    agent = LoadAgent(Stage(), name="load", position=0, tan_phi=tan_phi)
    agent.model.available = demand
    return agent


def renewable(available=0.5, max_s_mva=1.0, kind=WindTurbineAgent, min_power_factor=0.9):
    unit = Renewable(bus=1, max_s_mva=max_s_mva, min_power_factor=min_power_factor)
    agent = kind(Stage(), name="renewable", position=0, unit=unit)
    agent.model.available = available
    return agent


# ---- clipping by hand ------------------------------------------------------------------------------------------

# A battery of 0.2 MVA and 0.4 MWh at 0.2 MWh may go down to 0.08 and up to 0.38 MWh: +0.12 to -0.18 MW for an hour.
BY_HAND = {
    "battery empties": (battery(), (0.3, 0.0), (0.12, 0.0)),
    "battery fills": (battery(), (-0.3, 0.0), (-0.18, 0.0)),
    "battery keeps its angle": (battery(), (0.12, 0.35), (0.2 * 12 / 37, 0.2 * 35 / 37)),  # 12² + 35² = 37²
    "battery in its circle": (battery(max_e_mwh=4.0), (0.3, 0.4), (0.12, 0.16)),
    "lossy battery empties": (battery(efficiency=0.8), (0.3, 0.0), (0.096, 0.0)),
    "lossy battery fills": (battery(efficiency=0.9, max_s_mva=1), (-0.3, 0.0), (-0.2, 0.0)),
    "load is served in full": (load(), (-2.0, -1.0), (-1.0, -0.5)),
    "load is not negative": (load(), (1.0, 0.0), (0.0, 0.0)),
    "load keeps its power factor": (load(), (-0.6, -0.9), (-0.6, -0.3)),
    "wind gives what is there": (renewable(), (0.9, 0.0), (0.5, 0.0)),
    "wind consumes nothing": (renewable(), (-0.1, 0.1), (0.0, 0.0)),
    "sun keeps its power factor": (renewable(kind=SolarPlantAgent, min_power_factor=0.8), (0.4, 9), (0.4, 0.3)),
    "sun absorbs as much": (renewable(kind=SolarPlantAgent, min_power_factor=0.8), (0.4, -9), (0.4, -0.3)),
    "sun in its circle": (renewable(0.9, min_power_factor=0.6), (0.9, 9), (0.6, 0.8)),
}


def clips(action, p_mw, q_mvar):
    """Return whether an action counts as clipping an order."""
    return max(abs(action.p_mw - p_mw), abs(action.q_mvar - q_mvar)) > CLIP_TOLERANCE_MW


@pytest.mark.parametrize("case", BY_HAND)
def test_clip_by_hand(case):
    agent, (p, q), expected = BY_HAND[case]
    action = agent.respond(Order(p_mw=p, q_mvar=q))
    assert (action.p_mw, action.q_mvar) == pytest.approx(expected, abs=1e-12)
    assert clips(action, p, q)


def test_round_off_in_p_stays_round_off_in_q():
    """A tenth of a watt too much is as much less of P, not a thousand times as much of Q."""
    action = battery(max_e_mwh=4.0).respond(Order(p_mw=0.2, q_mvar=2e-4))  # 0.1 VA outside the circle
    assert not clips(action, 0.2, 2e-4)
    assert (action.p_mw, action.q_mvar) == pytest.approx((0.2, 2e-4), abs=2e-7)


# ---- clipping as a property ------------------------------------------------------------------------------------

power = st.floats(-5, 5)
size = st.floats(0.01, 3)
fraction = st.floats(0, 1)
signed = st.floats(-1, 1)


@st.composite
def batteries(draw):
    low, start, high = sorted((draw(fraction), draw(fraction), draw(fraction)))
    soc = {"min_soc": low, "start_soc": start, "max_soc": high}
    return battery(**soc, max_e_mwh=draw(size), max_s_mva=draw(size), efficiency=draw(st.floats(0.5, 1)))


@st.composite
def renewables(draw):
    capacity, kind = draw(size), draw(st.sampled_from([WindTurbineAgent, SolarPlantAgent]))
    return renewable(capacity * draw(fraction), capacity, kind, draw(st.floats(0.1, 1)))


loads = st.builds(load, demand=st.floats(0, 5), tan_phi=signed)


def room(agent):
    """Return the lowest and highest active power, and the largest |Q| as a function of P, from the data alone."""
    if isinstance(agent, LoadAgent):
        return -agent.model.available, 0.0, None
    unit = agent._unit
    if isinstance(agent, BatteryAgent):
        stored, eta = agent.report().energy_mwh, unit.efficiency
        high = min(unit.max_s_mva, eta * max(0.0, stored - unit.min_soc * unit.max_e_mwh))
        low = -min(unit.max_s_mva, max(0.0, unit.max_soc * unit.max_e_mwh - stored) / eta)
        return low, high, lambda p: math.sqrt(max(0.0, unit.max_s_mva**2 - p**2))
    slope = math.sqrt(1 / unit.min_power_factor**2 - 1)
    return (0.0, agent.model.available, lambda p: min(slope * p, math.sqrt(max(0.0, unit.max_s_mva**2 - p**2))))


@given(agent=st.one_of(batteries(), renewables(), loads), p=power, q=power)
def test_a_unit_does_only_what_it_can_and_clips_once(agent, p, q):
    action = agent.respond(Order(p_mw=p, q_mvar=q))
    low, high, most_q = room(agent)
    assert low - 1e-9 <= action.p_mw <= high + 1e-9
    if most_q is None:
        assert action.q_mvar == pytest.approx(action.p_mw * agent._tan_phi)
    else:
        assert abs(action.q_mvar) <= most_q(action.p_mw) + 1e-9
    again = agent.respond(Order(p_mw=action.p_mw, q_mvar=action.q_mvar))
    assert (again.p_mw, again.q_mvar) == pytest.approx((action.p_mw, action.q_mvar), abs=1e-12)
    assert not clips(again, action.p_mw, action.q_mvar)


@given(agent=st.one_of(batteries(), renewables(), loads), along=fraction, across=signed)
def test_what_a_unit_can_do_it_does(agent, along, across):
    low, high, most_q = room(agent)
    p = min(low + along * (high - low), high)
    q = p * agent._tan_phi if most_q is None else across * most_q(p)
    action = agent.respond(Order(p_mw=p, q_mvar=q))
    assert not clips(action, p, q)
    assert (action.p_mw, action.q_mvar) == pytest.approx((p, q), abs=1e-7)


@pytest.mark.parametrize(("off", "expected"), [(0.0, False), (9e-7, False), (1.1e-6, True), (-1.1e-6, True)])
@pytest.mark.parametrize("name", ["load_p_mw", "load_q_mvar", "renewable_q_mvar", "battery_p_mw"])
def test_a_unit_clips_where_its_action_is_not_its_order(name, off, expected):
    """Of two loads, one renewable and one battery, the first of a kind does otherwise by more than round-off."""
    sizes = {"load": 2, "renewable": 1, "battery": 1, "exchange": 0}
    orders = SetPoints(
        **{f"{kind}_{what}": np.full(n, 0.1) for kind, n in sizes.items() for what in ("p_mw", "q_mvar")}
    )
    other = getattr(orders, name).copy()
    other[0] += off
    found = clipped(orders, replace(orders, **{name: other}))
    first = {"load": 0, "renewable": 2, "battery": 3}[name.partition("_")[0]]
    assert found.tolist() == [expected and k == first for k in range(4)]


@given(agent=batteries(), orders=st.lists(power, max_size=30))
def test_energy_of_a_battery_is_conserved(agent, orders):
    unit, before = agent._unit, agent.report().energy_mwh
    charged = discharged = 0.0
    for p in orders:
        action = agent.act(Order(p_mw=p))
        charged, discharged = charged - min(action.p_mw, 0), discharged + max(action.p_mw, 0)
        energy = agent.report().energy_mwh
        assert unit.min_soc * unit.max_e_mwh - 1e-9 <= energy <= unit.max_soc * unit.max_e_mwh + 1e-9
    eta = unit.efficiency
    assert agent.report().energy_mwh == pytest.approx(before + eta * charged - discharged / eta, abs=1e-9)


def test_a_round_trip_loses_what_the_efficiency_says():
    agent = battery(efficiency=0.9, max_e_mwh=1.0)
    agent.act(Order(p_mw=-0.2))
    assert agent.report().energy_mwh == pytest.approx(0.5 + 0.18)
    agent.act(Order(p_mw=0.2 * 0.81))
    assert agent.report().energy_mwh == pytest.approx(0.5)


# ---- the system operator ---------------------------------------------------------------------------------------


def submission(bid_mw, units=5):
    return Submission(bid_mw=np.asarray(bid_mw, dtype=float), strategy="fixed", battery_p_mw=np.zeros((24, units)))


def with_value(value, *, hour):
    bid = np.full(24, 0.5)
    bid[hour - 1] = value
    return bid


REFUSED = {
    "too short": (np.zeros(23), r"wrong length: 23 .* 24"),
    "too long": (np.zeros(25), r"wrong length: 25 .* 24"),
    "empty": (np.zeros(0), r"wrong length: 0 .* 24"),
    "no number": (with_value(np.nan, hour=5), "not finite in hour 5"),
    "infinite": (with_value(-np.inf, hour=24), "not finite in hour 24"),
    "too much import": (with_value(10.001, hour=7), r"hour 7: 10.001 MW is above .* 10"),
    "too much export": (with_value(-11.0, hour=1), r"hour 1: -11.000 MW is above .* 10"),
}


@pytest.fixture(scope="module")
def idle(study33):
    """Return a study that costs no optimisation."""
    return study33.model_copy(update={"policy": "none"})


def model_of(instance, study, bids=None):
    fixed = submission(np.zeros(24) if bids is None else bids)
    return MarketModel(replace(instance, study=study), partial(create_agents, fixed=fixed))


@pytest.mark.parametrize("case", REFUSED)
def test_a_bid_is_refused_with_its_reason_and_counts_as_zero(instance33, idle, case):
    bid, reason = REFUSED[case]
    model = model_of(instance33, idle, bid)
    refusal = model.participants.system_operator.review(submission(bid))
    assert refusal
    assert re.search(reason, refusal)
    model.run_days(1)
    assert model.bid_mw.tolist() == [0.0] * 24
    bids, settlements = model.ledger.frame("bids"), model.ledger.frame("settlements")
    assert not bids.accepted.any()
    assert (bids.reason == refusal).all()
    assert (bids.bid_mw == 0).all()
    assert (settlements.bid_mw == 0).all()
    away = settlements.over_mwh + settlements.under_mwh
    assert away.to_numpy() == pytest.approx(settlements.metered_mw.abs().to_numpy())


def test_a_late_bid_is_refused(instance33, idle):
    model = model_of(instance33, idle)
    bid = submission(np.full(24, 1.0))
    system_operator = model.participants.system_operator
    assert not system_operator.review(bid)
    model.step()
    assert system_operator.review(bid).startswith("late")
    for _ in range(23):
        model.step()
    assert not system_operator.review(bid)  # the next day's gate


def test_a_bid_at_the_capacity_of_the_tie_line_is_accepted(instance33, idle):
    bid = np.where(np.arange(24) % 2, 10.0, -10.0)
    model = model_of(instance33, idle, bid)
    assert model.participants.system_operator.review(submission(bid)) == ""
    model.step()
    assert model.bid_mw == pytest.approx(bid)


@pytest.fixture(scope="module")
def system_operator(instance33, idle):
    return model_of(instance33, idle).participants.system_operator


@given(bid=power, metered=power, hour=st.integers(1, 24))
def test_settlement_is_half_the_price_beyond_five_percent(system_operator, instance33, bid, metered, hour):
    settlement = system_operator.settle(bid, metered, hour=hour)
    outside = max(0.0, abs(metered - bid) - 0.05 * abs(bid))
    assert settlement.penalty == pytest.approx(0.5 * instance33.profiles.price_per_mwh[hour - 1] * outside, abs=1e-9)
    assert settlement.over_mwh + settlement.under_mwh == pytest.approx(outside, abs=1e-12)
    assert min(settlement.over_mwh, settlement.under_mwh) == 0


# ---- money -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["none", "myopic"])
def test_cash_goes_from_one_to_another_and_none_is_lost(instance33, study33, policy):
    model = model_of(instance33, study33.model_copy(update={"policy": policy}), np.full(24, 1.0))
    model.run_days(1)
    frames = model.ledger.frames()
    payments = frames["payments"]
    received = payments.groupby(["hour", "payee"]).amount.sum().unstack(fill_value=0.0)
    paid = payments.groupby(["hour", "payer"]).amount.sum().unstack(fill_value=0.0)
    balance = received.sub(paid, fill_value=0.0)
    assert balance.sum(axis=1).to_numpy() == pytest.approx(np.zeros(24), abs=1e-9)
    units = frames["units"]
    participants = {"microgrid_operator", "system_operator", *units.unit[units.kind != "battery"]}
    assert set(balance.columns) == participants

    # The same balances from what was metered: ρ and λ times power, per owner.
    rows = frames["dispatch"].merge(frames["market"], on="hour")
    short = rows.available_mw - rows.p_mw
    rows["cash"] = np.where(
        rows.kind == "load",
        3.0 * rows.price_per_mwh * short - rows.retail_price_per_mwh * rows.p_mw,
        rows.price_per_mwh * (rows.p_mw + 0.8 * short),
    )
    per_unit = rows[rows.kind != "battery"].pivot_table(index="hour", columns="unit", values="cash")
    assert balance[per_unit.columns].to_numpy() == pytest.approx(per_unit.to_numpy(), abs=1e-9)
    hours = frames["settlements"].merge(frames["market"], on="hour")
    to_main_grid = hours.price_per_mwh * hours.metered_mw + hours.penalty
    assert balance["system_operator"].to_numpy() == pytest.approx(to_main_grid.to_numpy(), abs=1e-9)


# ---- who knows whom --------------------------------------------------------------------------------------------


def imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module.split(".")[0]


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("grids", {"sim", "agents", "experiments", "pyomo", "clarabel"}),
        ("sim", {"agents", "experiments", "pyomo", "clarabel", "pandapower", "power_grid_model"}),
        ("agents", {"experiments", "pandapower", "power_grid_model", "matplotlib"}),
    ],
)
def test_a_room_does_not_know_its_strangers(room, strangers):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for file in files:
        assert not strangers & set(imported(file)), file
