"""Coordination of operator and microgrids: the contract of every mode, data that may cross, and failures."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from threading import Event, Lock

import numpy as np
import pytest
from negotiated import KINDS, Case, agreed, total_cost

from agents.agreement import Agreement
from agents.coordination import _curves, _priced, mode_class, mode_names, transactive
from agents.dispatch.certificate import VIOLATION_TOLERANCE
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import planned_voltages
from agents.microgrid_optimizer import Quote
from grids.components import DieselGenerator
from grids.fleet import Microgrid
from sim.messages import Knowledge

PRICED = ("transactive", "uncoordinated")
"""The modes that learn of microgrids by asking them."""

STUDIES = ("networked33", "two microgrids")

TOLERANCE = {
    "an hour": (5e-3, _curves.TOLERANCE_PER_MWH),  # a step of a demand curve
    "the rest of a day": (transactive.TOLERANCE_MW, transactive.TOLERANCE_PER_MWH),
    "a bid": (
        transactive.BID_FACTOR * transactive.TOLERANCE_MW,
        transactive.BID_FACTOR * transactive.TOLERANCE_PER_MWH,
    ),
}
"""Up to which disagreement, and change of prices, the parties have agreed. [MW], [$/MWh]"""

EVERYTHING = [pytest.param(study, kind, id=f"{study}, {kind}") for study in STUDIES for kind in KINDS]


def test_the_modes_are_known():
    assert mode_names() == ["central", "transactive", "uncoordinated"]
    assert all(mode_class(name).summary for name in mode_names())


# ---- what every mode must keep ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", mode_names())
@pytest.mark.parametrize(("study", "kind"), EVERYTHING)
def test_every_agreement_keeps_all_limits(study, kind, mode):
    case, plan = agreed(study, kind, mode)
    grid, shape, points = case.grid, case.problem.shape, plan.set_points
    connections = (*shape, len(grid.connections))
    assert (
        points.exchange_p_mw.shape == points.exchange_q_mvar.shape == plan.exchange_price_per_mwh.shape == connections
    )
    assert np.isfinite(plan.exchange_price_per_mwh).all()
    limits = np.array([connection.exchange_limits() for connection in grid.connections])
    assert (np.abs(points.exchange_p_mw) - limits[:, 0]).max() <= 1e-5
    assert points.exchange_q_mvar.max() <= 1e-5
    assert (-points.exchange_q_mvar - limits[:, 1]).max() <= 1e-5
    assert plan.violation.max() <= VIOLATION_TOLERANCE
    low, high = planned_voltages(grid)
    assert ((low - 1e-6 <= plan.vm_pu) & (plan.vm_pu <= high + 1e-6)).all()
    assert points.load_p_mw.min() >= -1e-5
    assert (points.load_p_mw - case.problem.demand_mw).max() <= 1e-5
    assert np.hypot(plan.tie_p_mw, plan.tie_q_mvar).max() <= grid.tie_line.max_s_mva + 1e-6


@pytest.mark.parametrize("mode", mode_names())
@pytest.mark.parametrize(("study", "kind"), EVERYTHING)
def test_every_agreement_says_how_it_came_about(study, kind, mode):
    _, plan = agreed(study, kind, mode)
    how = plan.coordination
    assert (how.mode, how.note) == (mode, "")
    if mode == "transactive":
        assert 2 <= how.iterations < 60
        assert how.primal_residual_mw <= TOLERANCE[kind][0]
        assert how.dual_residual_per_mwh <= TOLERANCE[kind][1]
    else:
        assert (how.iterations, how.primal_residual_mw, how.dual_residual_per_mwh) == (1, 0, 0)


@pytest.mark.parametrize("mode", mode_names())
@pytest.mark.parametrize(("study", "kind"), EVERYTHING)
def test_microgrids_can_do_what_they_agreed_to(study, kind, mode):
    case, plan = agreed(study, kind, mode)
    _, missed = case.microgrid_costs(plan)
    assert missed < 2e-5


# ---- what it costs all together --------------------------------------------------------------------------------


@pytest.mark.parametrize(("study", "kind"), EVERYTHING)
def test_the_cost_of_the_central_plan_is_its_objective(study, kind):
    case, plan = agreed(study, kind, "central")
    revenue = (case.problem.demand_mw.sum(axis=2) * case.problem.retail_price_per_mwh).sum(axis=1)
    costs, _ = case.microgrid_costs(plan)
    expected = plan.objective + case.problem.probability @ revenue
    assert case.operator_cost(plan) + costs.sum() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("study", "kind"), EVERYTHING)
def test_negotiating_costs_a_thousandth_at_most_and_not_coordinating_more(study, kind):
    central, negotiated, uncoordinated = (total_cost(study, kind, mode) for mode in mode_names())
    assert central > 0
    # To the solver's precision nothing is better than what sees everything.
    assert central * (1 - 1e-4) <= negotiated <= central * 1.001
    assert negotiated < uncoordinated


@pytest.mark.parametrize(
    ("kind", "module", "most"), [("an hour", _curves, 1), ("the rest of a day", transactive, 2)], ids=KINDS[:2]
)
def test_who_ran_out_of_rounds_says_so(kind, module, most, monkeypatch):
    monkeypatch.setattr(module, "MOST_ROUNDS", most)
    how = Case("two microgrids", kind, "transactive").agree().coordination
    left = f"{how.primal_residual_mw:.4f} MW apart, a price still changed by {how.dual_residual_per_mwh:.2f} $/MWh"
    assert how.iterations == most
    assert how.note == f"not agreed within {most} rounds: {left}"


def test_a_plan_is_found_where_only_export_keeps_the_power_factor():
    """Microgrids export all they can, and nobody but the tie line has reactive power for the loads."""
    case, plan = agreed("two microgrids, narrow power factor", "an hour", "uncoordinated")
    assert plan.violation.max() <= VIOLATION_TOLERANCE
    assert plan.tie_p_mw[0, 0] < -0.1
    assert plan.set_points.load_p_mw.sum() < 0.7 * case.problem.demand_mw.sum()


def test_at_the_agreed_price_no_microgrid_would_rather_do_something_else():
    case, plan = agreed("networked33", "the rest of a day", "transactive")
    costs, _ = case.microgrid_costs(plan)
    for m, agent in enumerate(case.agents):
        price = plan.exchange_price_per_mwh[..., m]
        chosen = case.agents[m].answer(Quote.plain(price))
        freely = replace(plan.set_points, exchange_p_mw=np.array(plan.set_points.exchange_p_mw))
        freely.exchange_p_mw[..., m] = chosen
        best, _ = case.microgrid_costs(replace(plan, set_points=freely))
        as_agreed = costs[m] + (price * plan.set_points.exchange_p_mw[..., m]).sum()
        as_liked = best[m] + (price * chosen).sum()
        assert as_agreed - as_liked == pytest.approx(0, abs=0.05), agent.name  # $ in a day


def test_the_same_agreement_whoever_asks_and_however_many_at_once():
    plans = []
    for workers in (1, 5):
        with ThreadPoolExecutor(workers) as executor:
            plans.append(Case("two microgrids", "the rest of a day", "transactive", executor).agree())
    for plan in plans[1:]:
        assert same(plan, plans[0])


# ---- what may cross the boundary -------------------------------------------------------------------------------


def same(plan, other):
    """Return whether two agreements are the same bit for bit."""
    arrays = [
        *zip(vars(plan.set_points).values(), vars(other.set_points).values(), strict=True),
        *((getattr(plan, name), getattr(other, name)) for name in ("tie_p_mw", "vm_pu", "exchange_price_per_mwh")),
    ]
    return plan.objective == other.objective and all(np.array_equal(a, b) for a, b in arrays)


class Stranger:
    """A microgrid of which the operator knows its name, its answers and the price they are to."""

    known = ("name", "answer", "demand", "answer_retail", "retail_per_mwh")

    def __init__(self, agent):
        self._agent, self.asked = agent, []

    def __getattribute__(self, name):
        if name in Stranger.known:
            object.__getattribute__(self, "asked").append(name)
            return getattr(object.__getattribute__(self, "_agent"), name)
        if name in ("asked", "__class__"):
            return object.__getattribute__(self, name)
        raise AssertionError(f"the operator looked at {name}")


def in_disguise(connection):
    """Return a connection that announces the same limits, and owns something else."""
    limit, reactive = connection.exchange_limits()
    diesel = DieselGenerator(max_p_mw=9, max_q_mvar=reactive, cost_per_mwh=1) if reactive else None
    owns = Microgrid(buses=connection.microgrid.buses, max_exchange_mw=limit, max_load_mw=3, diesel=diesel)
    return replace(connection, microgrid=owns)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", PRICED)
def test_nothing_but_prices_and_quantities_reaches_the_operator(mode, kind):
    case = Case("two microgrids", kind, mode)
    strangers = [Stranger(agent) for agent in case.agents]
    grid = replace(case.grid, connections=tuple(in_disguise(connection) for connection in case.grid.connections))
    assert grid.connections[0].microgrid != case.grid.connections[0].microgrid
    blind = Dispatcher(grid, case.instance.tariff, case.instance.rule)
    with ThreadPoolExecutor(2) as executor:
        plan = mode_class(mode)(blind, strangers, executor).agree(case.problem, network="branch_flow")
    assert same(plan, agreed("two microgrids", kind, mode)[1])
    question = {"an hour": "demand"}.get(kind, "answer")
    asked = {"name", question} if mode == "transactive" else {"name", "answer_retail", "retail_per_mwh"}
    assert all(set(stranger.asked) == asked for stranger in strangers)


def test_the_central_benchmark_would_notice_other_devices():
    case = Case("two microgrids", "an hour", "central")
    grid = replace(case.grid, connections=tuple(in_disguise(connection) for connection in case.grid.connections))
    blind = Dispatcher(grid, case.instance.tariff, case.instance.rule)
    with ThreadPoolExecutor(1) as executor:
        mode = mode_class("central")
        plan = mode(blind, case.agents, executor).agree(case.problem, network="branch_flow")
        assert not same(plan, agreed("two microgrids", "an hour", "central")[1])
        strangers = mode(blind, [Stranger(agent) for agent in case.agents], executor)
        with pytest.raises(AssertionError, match="looked at reveal"):
            strangers.agree(case.problem, network="branch_flow")


def test_the_two_messages_have_nothing_else_in_them():
    case = Case("two microgrids", "an hour", "central")
    answers = [case.agents[0].answer_retail(), case.agents[0].demand(np.array([10.0, 90.0]))]
    assert [(type(answer), answer.shape) for answer in answers] == [(np.ndarray, (1, 1)), (np.ndarray, (2, 1))]
    assert [field.name for field in fields(Quote)] == ["price_per_mwh", "near_mw", "proximal"]


# ---- microgrids that fail --------------------------------------------------------------------------------------


class Failing:
    """A microgrid that answers honestly until it is told to fail."""

    def __init__(self, agent, fail):
        self.agent, self.fail, self.failing = agent, fail, True

    def __getattr__(self, name):
        return getattr(self.agent, name)

    def answer(self, quote):
        return self._spoilt(self.agent.answer(quote))

    def demand(self, prices_per_mwh):
        return self._spoilt(self.agent.demand(prices_per_mwh))

    def answer_retail(self):
        return self._spoilt(self.agent.answer_retail())

    def _spoilt(self, answer):
        return self.fail(answer) if self.failing else answer


def raise_something(answer):
    raise KeyError("a foreign agent's own trouble")


FAILURES = {
    "raises": (raise_something, "did not answer (KeyError)"),
    "NaN": (lambda answer: answer * np.nan, "answered with what is not a number"),
    "infinite": (lambda answer: answer + np.inf, "what is not a number"),
    "shape": (lambda _: np.zeros((3, 2)), "answered with 6 values instead of "),
    "nothing": (lambda _: None, "answered with 1 values instead of "),
    "text": (lambda _: "a lot", "did not answer (ValueError)"),
    "too much": (lambda answer: answer + 5, "answered with more than it may exchange"),
}


def troubled(kind, mode, fail):
    """Return a case whose first microgrid fails, with its mode and an hour later's situation."""
    case = Case("two microgrids", kind, mode)
    case.agents[0] = Failing(case.agents[0], fail)
    case.community = case.dispatcher.coordinated(Agreement(case.dispatcher, mode, case.agents))
    return case


@pytest.mark.parametrize("mode", PRICED)
@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize(("fail", "note"), FAILURES.values(), ids=FAILURES)
def test_who_never_answered_is_taken_to_exchange_nothing(kind, mode, fail, note):
    case = troubled(kind, mode, fail)
    plan = case.agree()
    assert plan.coordination.note.startswith("microgrid_18 ")
    assert note in plan.coordination.note
    assert plan.coordination.note.endswith("its last schedule is kept")
    assert plan.coordination.note.count("microgrid") == 1
    assert plan.set_points.exchange_p_mw[..., 0] == pytest.approx(0, abs=1e-6)
    assert np.abs(plan.set_points.exchange_p_mw[..., 1]).max() > 0.01
    assert plan.violation.max() <= VIOLATION_TOLERANCE


@pytest.mark.parametrize("mode", PRICED)
@pytest.mark.parametrize("hours", ["fewer", "the same"])
def test_who_answered_before_is_held_to_its_last_schedule(mode, hours):
    case = troubled("the rest of a day", mode, raise_something)
    case.agents[0].failing = False
    before = case.agree().set_points.exchange_p_mw
    case.agents[0].failing = True
    if hours == "fewer":
        case.agents[0].model._steps_passed += 1
        case.look_ahead(Knowledge.FORECAST)
        case.problem = an_hour_later(case.problem)
        before = before[:, 1:]
    plan = case.agree()
    assert "microgrid_18 did not answer (KeyError)" in plan.coordination.note
    assert np.array_equal(plan.set_points.exchange_p_mw[..., 0], before[..., 0])


def test_in_the_last_hour_it_is_held_to_what_was_agreed_for_it_before():
    """The hours before were agreed on by ADMM, the last one is by demand curves: they have one memory."""
    case = troubled("the rest of a day", "transactive", raise_something)
    case.agents[0].failing = False
    case.agents[0].model._steps_passed = 22
    case.look_ahead(Knowledge.FORECAST)
    for _ in range(6):
        case.problem = an_hour_later(case.problem)
    before = case.agree().set_points.exchange_p_mw
    assert before.shape == (1, 2, 2)
    case.agents[0].failing = True
    case.agents[0].model._steps_passed = 23
    case.look_ahead(Knowledge.FORECAST)
    case.problem = an_hour_later(case.problem)
    plan = case.agree()
    assert abs(before[0, 1, 0]) > 1e-3
    assert plan.set_points.exchange_p_mw[0, 0, 0] == pytest.approx(before[0, 1, 0], abs=1e-6)
    assert plan.coordination.note == "microgrid_18 did not answer (KeyError): its last schedule is kept"


def an_hour_later(problem):
    hourly = ("price_per_mwh", "retail_price_per_mwh", "over_price_per_mwh", "under_price_per_mwh", "bid_mw")
    return replace(
        problem,
        demand_mw=problem.demand_mw[:, 1:],
        available_mw=problem.available_mw[:, 1:],
        required_energy_mwh=problem.required_energy_mwh[1:],
        **{name: getattr(problem, name)[1:] for name in hourly},
    )


@pytest.mark.parametrize("mode", PRICED)
def test_who_hangs_is_not_waited_for_again_and_again(mode, monkeypatch):
    """Nor does it take the threads away from the others."""
    monkeypatch.setattr(_priced, "PATIENCE_S", 0.5)
    release, lock, asked = Event(), Lock(), []

    def hang(answer):
        with lock:
            asked.append(1)
        release.wait(60)
        return answer

    case = troubled("an hour", mode, hang)
    start = time.monotonic()
    try:
        plans = [case.agree(), case.agree()]
    finally:
        release.set()
    assert time.monotonic() - start < 5
    assert len(asked) == 1
    assert "microgrid_18 did not answer (TimeoutError): its last schedule is kept" in plans[0].coordination.note
    assert "microgrid_18 did not answer (still busy)" in plans[1].coordination.note
    for plan in plans:
        assert "microgrid_33" not in plan.coordination.note
        assert plan.set_points.exchange_p_mw[0, 0].round(6).tolist()[0] == 0
        assert abs(plan.set_points.exchange_p_mw[0, 0, 1]) > 1e-3


def test_who_was_late_is_asked_again_when_it_is_done(monkeypatch):
    monkeypatch.setattr(_priced, "PATIENCE_S", 0.5)
    release = Event()
    case = troubled("an hour", "uncoordinated", lambda answer: release.wait(60) and answer)
    assert "TimeoutError" in case.agree().coordination.note
    release.set()
    time.sleep(0.2)
    plan = case.agree()
    assert plan.coordination.note == ""
    assert same(plan, agreed("two microgrids", "an hour", "uncoordinated")[1])
