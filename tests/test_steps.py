"""Steps shorter than an hour, market and settlement periods, days of 23 and 25 hours: what changes and what not."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import STUDIES

from agents.bid_optimizer import opening_problem
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan_money import plan_money
from agents.dispatch.problem import Directions, Periods
from agents.dispatch.search.scenario_decomposition import ScenarioDecomposition
from experiments.simulate import simulate
from sim.audit import audit
from sim.calendar import Calendar
from sim.inputs import inputs_of
from sim.instance import Instance
from sim.market.imbalance import RULES
from sim.study_file import read_study

STUDY33 = STUDIES / "microgrid33.yaml"
QUARTERS = {"calendar.step_h": 0.25}
CERTAIN = {f"uncertainty.errors.{kind}_std": 0 for kind in ("demand", "wind", "pv")}
FEW = {"uncertainty.scenarios": 4, "uncertainty.keep": 2, "policy": "myopic"}
SHORT = {"calendar.market_period_h": 0.25, "calendar.settlement_period_h": 0.25}
PACIFIC = {"calendar.time_zone": "America/Los_Angeles", "calendar.first_day": "2015-11-01"}
SPRING = PACIFIC | {"calendar.first_day": "2015-03-08"}


def instance_with(changes, file=STUDY33):
    return Instance.of(read_study(file, [f"{key}={value}" for key, value in changes.items()]))


def audited(instance, tables):
    return audit(tables, instance.study.model_dump(mode="json"), inputs_of(instance))


@pytest.fixture(scope="module")
def quarters():
    """A day of quarter-hours with bids and settlement by the hour."""
    instance = instance_with(QUARTERS | FEW)
    return instance, simulate(instance).tables


# ---- what a step is worth ----------------------------------------------------------------------------------


def test_a_profile_is_held_within_its_hours():
    hourly, quarters = instance_with({}), instance_with(QUARTERS)
    assert quarters.steps == 96
    assert (quarters.forecast.demand_mw[0, 3::4] == hourly.forecast.demand_mw[0]).all()
    assert (quarters.forecast.demand_mw[0, ::4] == hourly.forecast.demand_mw[0]).all()
    assert quarters.hours_left[[0, 3, 95]].tolist() == [23.75, 23.0, 0.0]


def planned(changes, **market):
    """Return the plan of the forecast day without wear, which alone makes short steps cheaper."""
    instance = instance_with(
        changes | CERTAIN | {"market.tariff.wear_fast": 0, "market.tariff.wear_cycling": 0} | market
    )
    dispatcher = Dispatcher.of(instance)
    problem = opening_problem(instance, instance.forecast)
    return problem, dispatcher.bid(problem)


@pytest.mark.parametrize("periods", [{}, SHORT], ids=["settled by the hour", "settled by the quarter"])
def test_a_day_that_is_level_within_its_hours_costs_what_it_costs_by_the_hour(periods):
    _, hourly = planned({})
    problem, quarters = planned(QUARTERS | periods)
    assert problem.shape == (1, 96)
    assert quarters.objective == pytest.approx(hourly.objective, rel=2e-6)
    assert quarters.tie_p_mw.reshape(24, 4).mean(axis=1) == pytest.approx(hourly.tie_p_mw[0], abs=2e-3)


def test_wear_is_power_squared_times_the_step():
    for step_h in (1.0, 0.5, 0.25):
        instance = instance_with({"calendar.step_h": step_h, "market.tariff.wear_cycling": 0} | CERTAIN)
        problem = opening_problem(instance, instance.forecast)
        dispatcher = Dispatcher.of(instance)
        plan = dispatcher.bid(problem)
        wear = plan_money(instance.grid, instance.tariff, instance.rule, problem, plan)["wear"][0]
        assert wear == pytest.approx((plan.set_points.battery_p_mw**2).sum() * step_h)


def test_energy_is_power_times_the_step():
    problem, plan = planned(QUARTERS)
    drawn = np.cumsum(plan.set_points.battery_p_mw[0], axis=0) * 0.25
    assert plan.end_energy_mwh[0] == pytest.approx(problem.start_energy_mwh - drawn, abs=1e-6)


# ---- periods -----------------------------------------------------------------------------------------------


def test_settlement_periods_by_hand():
    periods = Periods(0.25, 4, 4, passed=3)
    assert periods.settlement(6).tolist() == [[-3, -2, -1, 0], [1, 2, 3, 4], [5, 6, 7, 8]]


def test_deviations_within_a_settlement_period_cancel_out():
    instance = instance_with(QUARTERS)
    problem = opening_problem(instance, instance.forecast)
    bid, flow = np.full(96, 2.0), np.full((1, 96), 2.0)
    flow[0, :4] = [1.0, 3.0, 1.5, 2.5]  # an hour as bid
    flow[0, 4:8] = 3.0
    penalty = problem.penalty(instance.rule, bid, flow)
    under = problem.under_price_per_mwh[7]
    assert np.flatnonzero(penalty[0]).tolist() == [7]
    assert penalty[0, 7] == pytest.approx(under[0] * (3.0 - 2.0 * 1.05))


@pytest.mark.parametrize("rule", ["case1", "caiso", "nguyen"])
@pytest.mark.parametrize("network", ["branch_flow", "copper_plate"])
def test_the_program_counts_the_penalty_that_is_settled(rule, network):
    instance = instance_with(QUARTERS | FEW | {"market.rule": rule})
    dispatcher, problem = Dispatcher.of(instance), opening_problem(instance, instance.kept_scenarios())
    plan = dispatcher.plan(replace(problem, bid_mw=np.full(96, 1.3)), network=network)
    assert plan.penalty == pytest.approx(problem.penalty(instance.rule, plan.bid_mw, plan.tie_p_mw), abs=1e-3)


def test_what_was_metered_of_a_settlement_period_counts():
    instance = instance_with(QUARTERS)
    dispatcher = Dispatcher.of(instance)
    whole = replace(opening_problem(instance, instance.forecast), bid_mw=np.full(96, 1.5))

    def flow_after(metered_mw):
        at = slice(61, 62)
        names = ("price_per_mwh", "retail_price_per_mwh", "over_price_per_mwh", "under_price_per_mwh", "bid_mw")
        cut = {name: getattr(whole, name)[at] for name in (*names, "required_energy_mwh")}
        cut |= {name: getattr(whole, name)[:, at] for name in ("demand_mw", "available_mw")}
        problem = replace(whole, **cut, metered_mw=np.array([metered_mw]))
        plan = dispatcher.relaxed(problem, Directions.undecided(1, 1), network="branch_flow")
        return plan.tie_p_mw[0, 0], plan.penalty[0, 0]

    little, much = flow_after(0.5), flow_after(3.0)
    assert little[0] >= much[0] - 1e-6  # what is missing is drawn later, what was drawn too much is saved
    assert much[1] > little[1]


def test_a_bid_holds_for_its_market_period(quarters):
    _, tables = quarters
    bids = tables["bids"]["bid_mw"].to_numpy().reshape(24, 4)
    assert (bids == bids[:, :1]).all()
    settled = tables["settlements"]
    assert settled["hour"].tolist() == [k / 4 for k in range(1, 97)]
    inside = settled["hour"] % 1 != 0
    assert not settled.loc[inside, ["over_mwh", "under_mwh", "penalty"]].to_numpy().any()
    assert settled["penalty"].sum() > 0


def test_many_scenarios_find_the_bids_of_few():
    """Bundles of scenarios and one program are two ways to one optimum."""
    instance = instance_with(QUARTERS | FEW | {"calendar.step_h": 0.5, "calendar.market_period_h": 4})
    problem = opening_problem(instance, instance.kept_scenarios())
    dispatcher = Dispatcher.of(instance, threads=1)
    bounds = dispatcher.bid_bounds(problem, "branch_flow")
    apart = ScenarioDecomposition(dispatcher, problem, bounds).run()
    assert (apart.bid_mw.reshape(6, 8) == apart.bid_mw.reshape(6, 8)[:, :1]).all()
    assert -apart.search["incumbent"] == pytest.approx(dispatcher.bid(problem).objective, rel=2e-3)


# ---- the audit ---------------------------------------------------------------------------------------------


def test_a_day_of_quarter_hours_is_audited(quarters):
    instance, tables = quarters
    report = audited(instance, tables)
    assert not report.findings, str(report)
    assert len(tables["dispatch"]) == 96 * tables["dispatch"]["unit"].nunique()


@pytest.mark.parametrize(
    ("table", "column", "by", "check"),
    [
        ("dispatch", "soc", 1e-3, "soc"),
        ("settlements", "metered_mw", 1e-3, "active_balance"),
        ("settlements", "penalty", 0.01, "penalty"),
        ("payments", "amount", 0.01, "payments"),
        ("books", "amount", 0.01, "books"),
        ("bids", "bid_mw", 0.01, "settled_bid"),
        ("bids", "bid_mw", 0.01, "market_period"),
        ("market", "price_per_mwh", 0.5, "prices"),
    ],
)
def test_an_altered_quarter_hour_is_found(quarters, table, column, by, check):
    instance, tables = quarters
    altered = tables[table].copy()
    row = int(np.flatnonzero(altered["hour"] == 10.75)[-1])
    altered.loc[row, column] += by
    found = audited(instance, {**tables, table: altered}).findings
    assert check in {one.check for one in found}
    assert 10.75 in {one.hour for one in found}


def test_an_hour_that_is_no_step_belongs_to_nothing(quarters):
    instance, tables = quarters
    bids = tables["bids"].copy()
    bids.loc[5, "hour"] = 1.6
    found = audited(instance, {**tables, "bids": bids}).findings
    assert any("belongs to nothing" in one.message for one in found)


# ---- days of 23 and 25 hours -------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "hours"), [(SPRING, 23), (PACIFIC, 25)], ids=["spring", "autumn"])
@pytest.mark.parametrize("step_h", [1, 0.5])
def test_a_day_at_the_change_of_the_clock_is_simulated_and_audited(start, hours, step_h):
    changes = FEW | start | {"calendar.step_h": step_h, "days": 2, "bidding": "basic"}
    instance = instance_with(changes)
    tables = simulate(instance).tables
    report = audited(instance, tables)
    assert not report.findings, str(report)
    per_day = tables["settlements"].groupby("day")["hour"].agg(["size", "max"])
    assert per_day["size"].tolist() == [hours / step_h, 24 / step_h]
    assert per_day["max"].tolist() == [hours, 24]
    prices = tables["market"].groupby("day")["price_per_mwh"].size()
    assert prices.tolist() == [hours / step_h, 24 / step_h]
    soc = tables["dispatch"].query("kind == 'battery' and day == 2 and hour == @step_h")
    assert len(soc) == 5


def test_the_hour_that_comes_twice_has_its_values_twice():
    autumn, usual = instance_with(PACIFIC), instance_with({})
    price = usual.profiles.price_per_mwh
    assert autumn.profiles.price_per_mwh.tolist() == [*price[:2], price[1], *price[2:]]
    spring = instance_with(SPRING)
    assert spring.profiles.price_per_mwh.tolist() == [*price[:2], *price[3:]]
    assert spring.on(2).profiles.price_per_mwh.tolist() == price.tolist()


def test_cars_leave_and_arrive_by_the_clock():
    calendar = Calendar(time_zone="America/Los_Angeles", first_day="2015-11-01")
    clock = np.array([1.5, 2.5, 17.0])
    assert calendar.elapsed(1, clock).tolist() == [1.5, 3.5, 18.0]
    assert calendar.elapsed(2, clock).tolist() == clock.tolist()
    spring = Calendar(time_zone="America/Los_Angeles", first_day="2015-03-08")
    assert spring.elapsed(1, clock).tolist() == [1.5, 2.0, 16.0]


@pytest.mark.slow
@pytest.mark.parametrize("changes", [QUARTERS, PACIFIC], ids=["quarters", "25 hours"])
def test_microgrids_and_cars_are_audited_with_any_steps(changes):
    few = {"uncertainty.scenarios": 2, "uncertainty.keep": 1, "policy": "myopic"}
    instance = instance_with(changes | few, STUDIES / "networked33.yaml")
    report = audited(instance, simulate(instance).tables)
    assert not report.findings, str(report)


def test_every_rule_is_settled_by_the_calendar():
    for rule in RULES:
        instance = instance_with(QUARTERS | {"market.rule": rule})
        over, under = instance.step_prices
        assert over.shape[0] == under.shape[0] == 96
        assert (over.reshape(24, 4, -1) == over.reshape(24, 4, -1)[:, :1]).all()
