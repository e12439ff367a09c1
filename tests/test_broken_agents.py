"""Broken agents that must not end the day: policies, strategies, solvers that raise, say NaN, never answer."""

import time
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
from broken import Panic, instance_of, model_of, never, raising
from swept import QUICK, plan_of, task_of

from agents.anm.myopic import Policy as Myopic
from agents.bidding import strategy
from agents.dispatch.conic_program import TimeLimitError
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.kept import kept_dispatchers
from agents.dispatch.multi_period_program import MultiPeriodProgram
from agents.participants import create_agents
from experiments.sweeps import worker
from sim import time_limit
from sim.errors import StudyError
from sim.model import MarketModel
from sim.time_limit import NoAnswerError, answer_within, answers_within

pytestmark = pytest.mark.usefixtures("nobody_is_left_waiting")

# ---- asking ------------------------------------------------------------------------------------------------------


def test_everybody_is_asked_and_who_fails_or_never_answers_does_not_keep_the_others_from_it():
    said = answers_within(0.2, [lambda: 1, raising(ValueError("no")), never, lambda: 4, raising(Panic())])
    assert (said[0], said[3]) == (1, 4)
    assert [type(said[k]) for k in (1, 2, 4)] == [ValueError, NoAnswerError, Panic]
    assert len(time_limit.given_up) == 1


def test_the_time_is_for_each_answer_not_for_all():
    assert answers_within(0.4, [lambda: time.sleep(0.15)] * 5) == [None] * 5


def test_ctrl_c_is_no_answer():
    with pytest.raises(KeyboardInterrupt):
        answer_within(1.0, raising(KeyboardInterrupt()))


# ---- policies ---------------------------------------------------------------------------------------------------


def orders(**changes):
    """Return a policy's method `decide` that changes the orders of a good one."""
    decide = Myopic.decide

    def spoilt(self, view):
        decision = decide(self, view)
        return replace(decision, orders=replace(decision.orders, **changes))

    return spoilt


BROKEN_POLICIES = {
    "raises": (raising(ZeroDivisionError("division by zero")), "ZeroDivisionError: division by zero"),
    "panics": (raising(Panic("at the disco")), "Panic: at the disco"),
    "exits": (raising(SystemExit(3)), "SystemExit: 3"),
    "never answers": (never, "no answer within 0.3 s"),
    "no decision": (lambda self, view: None, "a NoneType is no decision; return a tieline.Decision"),
    "nan": (orders(battery_p_mw=np.full(5, np.nan)), "order nan for battery_p_mw"),
    "wrong length": (orders(load_p_mw=np.zeros(7)), "orders of shape (7,) for load_p_mw, there are 32 units"),
}


@pytest.mark.parametrize("how", BROKEN_POLICIES)
def test_a_broken_policy_is_replaced_and_the_reason_is_kept(instance33, monkeypatch, how):
    broken, told = BROKEN_POLICIES[how]
    monkeypatch.setattr(Myopic, "decide", broken)
    model = model_of(instance33, answer_time_limit_s=0.3 if broken is never else 60.0)
    for _ in range(2):
        model.step()
    decisions = model.ledger.frame("decisions")
    assert decisions["policy"].tolist() == ["none"] * 2
    again = "it has not answered before" if broken is never else told  # it is not waited for a second time
    assert decisions["reason"].tolist() == [f"myopic failed: {told}", f"myopic failed: {again}"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, StudyError("policy: needs value functions")])
def test_ctrl_c_and_a_study_that_can_not_be_run_end_the_run(instance33, monkeypatch, error):
    monkeypatch.setattr(Myopic, "decide", raising(error))
    with pytest.raises(type(error) if isinstance(error, StudyError) else error):
        model_of(instance33).step()


def test_if_everybody_fails_one_message_says_why(instance33, monkeypatch):
    monkeypatch.setattr("agents.anm.none.Policy.decide", raising(ValueError("no")))
    monkeypatch.setattr(Myopic, "decide", raising(ValueError("neither")))
    with pytest.raises(StudyError, match=r"^day 1, hour 1: myopic failed: ValueError: neither; none failed: Value"):
        model_of(instance33).step()


# ---- strategies ----------------------------------------------------------------------------------------------------


def bids(**changes):
    """Return a strategy that changes the proposal of a good one."""
    basic = strategy("basic").bid
    return lambda dispatcher, problem: replace(basic(dispatcher, problem), **changes)


BROKEN_STRATEGIES = {
    "raises": (raising(KeyError("hour")), "KeyError: 'hour'"),
    "panics": (raising(Panic("at the disco")), "Panic: at the disco"),
    "never answers": (never, "no answer within 2 s"),
    "no proposal": (lambda *_: [1.0] * 24, "a list is no proposal"),
    "nan": (bids(bid_mw=np.where(np.arange(24) == 6, np.nan, 1.0)), "bid_mw is nan in hour 7"),
    "wrong length": (bids(bid_mw=np.ones(23)), "bid_mw has shape (23,) instead of (24,)"),
    "nan schedule": (bids(battery_p_mw=np.full((24, 5), np.inf)), "battery_p_mw is inf in hour 1"),
    "no certificate": (bids(certificate=None), "certificate is a NoneType, not a dict"),
}


@pytest.mark.parametrize("how", BROKEN_STRATEGIES)
def test_a_broken_strategy_is_replaced_and_the_reason_is_kept(instance33, monkeypatch, how):
    broken, told = BROKEN_STRATEGIES[how]
    model = MarketModel(instance_of(instance33, answer_time_limit_s=2.0 if broken is never else 60.0), create_agents)
    monkeypatch.setattr("agents.bidding.anm_aware.bid", broken)
    if broken is never:  # what stands in is to be quick enough on a busy machine
        monkeypatch.setattr("agents.bidding.basic.bid", raising(ValueError("not asked here")))
    submission = model.participants.operator.submit_bids()
    assert submission.strategy == ("forecast" if broken is never else "basic")
    assert submission.reason.startswith(f"anm_aware failed: {told}")
    assert np.isfinite(submission.bid_mw).all()


def test_ctrl_c_while_bidding_ends_the_run(instance33, monkeypatch):
    monkeypatch.setattr("agents.bidding.anm_aware.bid", raising(KeyboardInterrupt))
    model = MarketModel(instance_of(instance33), create_agents)
    with pytest.raises(KeyboardInterrupt):
        model.step()


# ---- runs of a sweep -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [never, raising(ValueError("no"))])
def test_a_run_of_a_sweep_shares_no_models_with_somebody_still_at_work(monkeypatch, broken):
    """Those of a run that failed otherwise are kept."""
    quick = {**QUICK, "policy": "myopic", "search.answer_time_limit_s": 0.3}
    task = task_of(plan_of(set=quick).runs()[0])
    monkeypatch.setattr(kept_dispatchers, "_known", OrderedDict())
    monkeypatch.setattr(Myopic, "decide", broken)
    assert worker.perform(task).error == ""
    assert len(kept_dispatchers._known) == (0 if broken is never else 1)


# ---- solvers -------------------------------------------------------------------------------------------------------


def test_a_solver_that_takes_too_long_counts_as_failed_and_the_record_says_so(instance33):
    model = model_of(instance33, solver_time_limit_s=1e-6)
    model.step()
    (decision,) = model.ledger.frame("decisions").itertuples()
    assert (decision.policy, decision.status) == ("none", "unplanned")
    assert decision.reason == "myopic failed: the solver's time limit of 1e-06 s reached"


def test_bids_made_under_the_solver_s_time_limit_say_so(instance33):
    model = MarketModel(instance_of(instance33, solver_time_limit_s=1e-6), create_agents)
    submission = model.participants.operator.submit_bids()
    assert submission.strategy == "forecast"
    assert submission.reason.count("the solver's time limit of 1e-06 s reached") == 2


def test_a_search_that_the_clock_ended_is_said_in_the_record(instance33, monkeypatch):
    plan = Dispatcher.plan
    monkeypatch.setattr(Dispatcher, "plan", lambda *given: replace(plan(*given), stopped="time limit reached"))
    model = model_of(instance33)
    model.step()
    (decision,) = model.ledger.frame("decisions").itertuples()
    assert (decision.policy, decision.reason) == ("myopic", "myopic: time limit reached")


def test_a_time_limit_within_the_search_ends_it_and_is_said(instance33, monkeypatch):
    """The relaxation is solved in time, and nothing after it."""
    solve, solved = MultiPeriodProgram.solve, []

    def slow(self, *given, **options):
        if solved:
            raise TimeLimitError("the solver's time limit of 5 s reached")
        solved.append(solve(self, *given, **options))
        return replace(solved[0], bound=solved[0].bound - 100.0)  # far from proven: there is something to search for

    monkeypatch.setattr(MultiPeriodProgram, "solve", slow)
    model = MarketModel(instance_of(instance33), create_agents)
    submission = model.participants.operator.submit_bids()
    assert submission.strategy == "anm_aware"
    assert submission.note == "the solver's time limit of 5 s reached: the best bids so far are taken"
