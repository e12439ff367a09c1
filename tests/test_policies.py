"""Real-time policies: the contract of every one of them, and fallbacks when limits or solvers fail."""

from dataclasses import replace
from functools import partial
from itertools import takewhile

import numpy as np
import pytest
from valued import with_values

from agents.anm import policy_class, policy_names
from agents.dispatch.conic_program import SolverError
from agents.dispatch.dispatcher import Dispatcher
from agents.participants import create_agents
from sim.instance import Instance
from sim.messages import Knowledge, Submission
from sim.model import MarketModel
from sim.scenarios import Draw, ScenarioSet

PLANNING = [name for name in policy_names() if name != "none"]


def fixed_bids(instance):
    """Return the forecast net load, not below zero, and a battery schedule that ends where it began."""
    net = instance.forecast.demand_mw[0].sum(axis=1) - instance.forecast.available_mw[0].sum(axis=1)
    schedule = np.zeros((24, len(instance.grid.batteries)))
    schedule[3], schedule[18] = -0.05, 0.05
    return Submission(bid_mw=np.maximum(net, 0.0), strategy="fixed", battery_p_mw=schedule)


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory):
    """Keep the value functions of the policy `learned` in a folder of this module."""
    market_model.folder = tmp_path_factory.mktemp("values")


def market_model(instance, policy, *, actual=None, dispatcher=None):
    """Return the model of a study run by a policy, with all agents created."""
    instance = replace(instance, study=instance.study.model_copy(update={"policy": policy}))
    if policy == "learned":
        instance = with_values(instance, market_model.folder)
    return MarketModel(instance, partial(create_agents, dispatcher=dispatcher, fixed=fixed_bids(instance)), actual)


def profit(frames):
    cash = frames["payments"].groupby("term").amount.sum()
    return cash["revenue"] - cash.drop("revenue").sum() - frames["books"].amount.sum()


@pytest.fixture(scope="module")
def days(instance33):
    """Return the tables of the same day under every policy."""
    dispatcher = Dispatcher(instance33.grid, instance33.tariff, instance33.rule)
    models = {name: market_model(instance33, name, dispatcher=dispatcher) for name in policy_names()}
    for model in models.values():
        model.run_days(1)
    return {name: model.ledger.frames() for name, model in models.items()}


def orders_of(frames, kind):
    """Return ordered p, q and what was available of one kind of units, each of shape (24, units)."""
    rows = frames["dispatch"][frames["dispatch"].kind.isin(kind)]
    return (rows[name].to_numpy().reshape(24, -1) for name in ("ordered_p_mw", "ordered_q_mvar", "available_mw"))


# ---- contracts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", policy_names())
def test_orders_are_within_the_limits_of_all_units(days, instance33, name):
    grid, near = instance33.grid, 1e-6
    p, q, demand = orders_of(days[name], ["load"])
    assert p.min() >= -near
    assert (p - demand).max() <= near
    assert q == pytest.approx(p * grid.load_q_mvar / grid.load_p_mw, abs=near)
    p, q, available = orders_of(days[name], ["wind", "pv"])
    assert p.min() >= -near
    assert (p - available).max() <= near
    assert (np.hypot(p, q) - [unit.max_s_mva for unit in grid.renewables]).max() <= near
    assert (0.9 * np.hypot(p, q) - p).max() <= near
    p, q, capacity = orders_of(days[name], ["battery"])
    assert (np.hypot(p, q) - capacity).max() <= near
    assert not days[name]["dispatch"].clipped.any()


@pytest.mark.parametrize("name", policy_names())
def test_batteries_end_the_day_as_full_as_they_began(days, instance33, name):
    rows = days[name]["dispatch"].query("kind == 'battery'")
    soc = rows.soc.to_numpy().reshape(24, -1)
    assert soc.min() >= 0.20 - 1e-6
    assert soc.max() <= 0.95 + 1e-6
    assert soc[-1].min() >= 0.50 - 1e-6
    if name == "none":
        assert rows.p_mw.to_numpy().reshape(24, -1) == pytest.approx(fixed_bids(instance33).battery_p_mw)


@pytest.mark.parametrize("name", PLANNING)
def test_the_meter_shows_what_was_planned(days, name):
    decisions = days[name]["decisions"]
    assert decisions.power_flow_mismatch_mw.max() < 1e-4
    assert decisions.power_flow_mismatch_pu.max() < 1e-6
    assert (decisions.policy == name).all()
    assert decisions.status.isin(["optimal", "repaired"]).all()
    assert (decisions.reason == "").all()
    assert days[name]["buses"].vm_pu.between(0.95, 1.05).all()


def test_knowing_more_is_worth_more(days):
    gain = {name: profit(frames) for name, frames in days.items()}
    assert gain["hindsight"] >= gain["receding"] - 1e-3
    assert gain["hindsight"] >= gain["myopic"] - 1e-3
    assert len({round(value, 3) for value in gain.values()}) == len(gain)


@pytest.mark.parametrize("name", policy_names())
def test_a_policy_describes_itself_and_falls_back_on_none(name):
    policy = policy_class(name)
    assert policy.summary
    assert policy.knowledge in Knowledge
    assert chain(name)[-1] == "none"


def chain(name):
    """Return a policy and its fallbacks, first to last."""
    names = [name]
    while (fallback := policy_class(names[-1]).fallback) is not None:
        assert fallback not in names
        names.append(fallback)
    return names


# ---- knowledge -------------------------------------------------------------------------------------------------


def days_that_part_after(instance, hour):
    """Return two days that are the same up to an hour and differ afterwards."""
    one, other = instance.draw(Draw.TEST, 2).subset(0), instance.draw(Draw.TEST, 2).subset(1)
    return one, ScenarioSet(
        demand_mw=np.concatenate([one.demand_mw[:, :hour], other.demand_mw[:, hour:]], axis=1),
        available_mw=np.concatenate([one.available_mw[:, :hour], other.available_mw[:, hour:]], axis=1),
        probability=np.ones(1),
    )


@pytest.mark.parametrize("hours", [1, 6])
@pytest.mark.parametrize("name", policy_names())
def test_the_future_does_not_change_the_decision_of_who_does_not_know_it(instance33, name, hours):
    orders = []
    for actual in days_that_part_after(instance33, hours):
        model = market_model(instance33, name, actual=[actual])
        for _ in range(hours):
            model.step()
        orders.append(model.ledger.frame("dispatch")[["ordered_p_mw", "ordered_q_mvar"]].to_numpy())
    same = np.array_equal(orders[0], orders[1])
    assert same == (policy_class(name).knowledge is not Knowledge.FUTURE)


def test_outlook_shows_no_more_than_the_knowledge_allows(instance33):
    one, other = days_that_part_after(instance33, 4)
    model = market_model(instance33, "none", actual=[one])
    for _ in range(3):
        model.step()
    actual, expected = one.demand_mw[0], instance33.forecast.demand_mw[0]
    assert np.array_equal(model.outlook(Knowledge.HOUR).demand_mw, actual[3:4])
    assert np.array_equal(model.outlook(Knowledge.FORECAST).demand_mw, np.concatenate([actual[3:4], expected[4:]]))
    assert np.array_equal(model.outlook(Knowledge.FUTURE).demand_mw, actual[3:])
    assert not np.array_equal(one.demand_mw, other.demand_mw)


# ---- limits that can't be met, solvers that fail -----------------------------------------------------------------


@pytest.mark.parametrize("name", PLANNING)
def test_where_limits_can_not_be_met_operation_goes_on_with_the_least_violation(study33, name):
    voltage = study33.grid.voltage.model_copy(update={"min_vm_pu": 1.01})
    instance = Instance.of(study33.model_copy(update={"grid": study33.grid.model_copy(update={"voltage": voltage})}))
    model = market_model(instance, name)
    for _ in range(8):
        model.step()
    decisions = model.ledger.frame("decisions")
    assert len(decisions) == 8
    assert (decisions.policy == name).all()
    # The main grid holds 1.00 p.u. at bus 1, so some bus next to it is below 1.01 p.u. whatever is done.
    assert (decisions.status == "least_violation").all()
    assert (decisions.violation > 0).all()
    assert decisions.power_flow_mismatch_mw.max() < 1e-3


def fail_beyond(monkeypatch, hours):
    """Make the solver fail at every problem of more hours."""
    plan = Dispatcher.plan

    def flaky(self, problem, **options):
        if problem.shape[1] > hours:
            raise SolverError("out of luck")
        return plan(self, problem, **options)

    monkeypatch.setattr(Dispatcher, "plan", flaky)


def knows_more_than_the_hour(name):
    return policy_class(name).knowledge is not Knowledge.HOUR


@pytest.mark.parametrize("name", policy_names())
def test_when_the_solver_fails_the_next_simpler_policy_decides_and_the_reason_is_kept(instance33, monkeypatch, name):
    fail_beyond(monkeypatch, 1)
    model = market_model(instance33, name)
    model.run_days(1)
    failed = list(takewhile(knows_more_than_the_hour, chain(name)))
    decisions = model.ledger.frame("decisions")
    assert (decisions.policy[:23] == chain(name)[len(failed)]).all()
    assert (decisions.reason[:23] == "; ".join(f"{policy} failed: out of luck" for policy in failed)).all()
    assert decisions.policy[23] == name  # the last hour is a problem of one hour again
    assert decisions.reason[23] == ""


@pytest.mark.parametrize("name", policy_names())
def test_when_all_fail_none_decides(instance33, monkeypatch, name):
    fail_beyond(monkeypatch, 0)
    model = market_model(instance33, name)
    model.run_days(1)
    decisions = model.ledger.frame("decisions")
    assert (decisions.policy == "none").all()
    assert (decisions.status == "unplanned").all()
    assert (decisions.reason == "; ".join(f"{policy} failed: out of luck" for policy in chain(name)[:-1])).all()


def test_hindsight_plans_anew_when_the_solver_recovers(instance33):
    model = market_model(instance33, "hindsight")
    with pytest.MonkeyPatch.context() as patch:
        fail_beyond(patch, 1)
        for _ in range(5):
            model.step()
    for _ in range(19):
        model.step()
    frames = model.ledger.frames()
    assert list(frames["decisions"].policy) == ["myopic"] * 5 + ["hindsight"] * 19
    assert not frames["dispatch"].clipped.any()
    assert frames["decisions"].power_flow_mismatch_mw.max() < 1e-4
    assert frames["dispatch"].query("hour == 24").soc.min() >= 0.5 - 1e-6
