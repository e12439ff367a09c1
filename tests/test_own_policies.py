"""Policies, strategies and rules of the user's own, as names, classes or instances: taken, or told what is wrong."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from cli import QUICK

import tieline as tl

pytestmark = pytest.mark.usefixtures("in_own_folder")


class IdleBatteries:
    """Carries out `none` but for the batteries."""

    knowledge = tl.Knowledge.HOUR

    def __init__(self, instance, dispatcher):
        self.none = tl.policy("none")(instance, dispatcher)

    def decide(self, view):
        decision = self.none.decide(view)
        return replace(decision, orders=replace(decision.orders, battery_p_mw=np.zeros(len(view.energy_mwh))))


class OneMegawatt:
    """Bids the same in every hour."""

    def __init__(self, bid_mw=1.0):
        self.bid_mw = bid_mw

    def bid(self, dispatcher, problem):
        return replace(tl.strategy("basic").bid(dispatcher, problem), bid_mw=np.full(24, self.bid_mw))


class Harsh(tl.ImbalanceRule):
    name: str = "harsh"
    tiers: tuple[tl.Tier, ...] = (tl.Tier(over=2, under=2),)


def test_policies_strategies_and_rules_may_be_names_classes_or_instances():
    run = tl.run("microgrid33", **QUICK | {"policy": IdleBatteries, "bidding": OneMegawatt, "rule": Harsh})
    assert (run.study.policy, run.study.bidding, run.study.market.rule.name) == (
        "idle_batteries",
        "one_megawatt",
        "harsh",
    )
    assert run.audit().clean
    assert run.summary["hours"]["fallback"] == run.summary["bid_strategy"]["fallbacks"] == 0
    assert set(run.tables["bids"]["bid_mw"]) == {1.0}
    assert set(run.tables["decisions"]["policy"]) == {"idle_batteries"}
    dispatch = run.tables["dispatch"]
    assert (dispatch.loc[dispatch["kind"] == "battery", "p_mw"] == 0).all()
    two = tl.run("microgrid33", **QUICK | {"bidding": OneMegawatt(2), "policy": tl.policy("none"), "rule": Harsh()})
    assert set(two.tables["bids"]["bid_mw"]) == {2.0}
    assert two.study.policy == "none"


def test_one_instance_of_a_policy_decides_all_hours():
    class Counting:
        knowledge = tl.Knowledge.HOUR

        def __init__(self):
            self.hours = []

        def decide(self, view):
            self.hours.append(view.hour)
            zero = np.zeros(len(view.energy_mwh))
            demand, available = view.outlook.demand_mw[0], view.outlook.available_mw[0]
            return tl.Decision(
                orders=tl.SetPoints(
                    load_p_mw=demand,
                    load_q_mvar=0 * demand,
                    renewable_p_mw=available,
                    renewable_q_mvar=0 * available,
                    battery_p_mw=zero,
                    battery_q_mvar=zero,
                )
            )

    counting = Counting()
    tl.run("microgrid33", **QUICK | {"policy": counting})
    assert counting.hours == list(range(1, 25))


def test_what_is_no_policy_or_has_a_name_that_is_taken_is_told():
    class Myopic(IdleBatteries):
        pass

    class Failing(IdleBatteries):
        def decide(self, view):
            raise KeyError("my slip")

    class NoKnowledge:
        def decide(self, view): ...

    class OneArgument(IdleBatteries):
        def __init__(self, instance): ...

    class KnowsAll(IdleBatteries):
        knowledge = "all"

    for policy, part in (
        (lambda view: None, "'function': it has no decide and no knowledge"),
        (OneArgument, "policy: one_argument(instance, dispatcher) failed: TypeError"),
        (KnowsAll, "the knowledge of knows_all is 'all'; use tieline.Knowledge.HOUR or"),
        (Myopic, "'myopic': a packaged one has this name"),
        (NoKnowledge(), "'no_knowledge': it has no knowledge"),
        (Failing, "day 1, hour 1: failing failed: KeyError: 'my slip'"),
    ):
        with pytest.raises(tl.TielineError) as told:
            tl.run("microgrid33", **QUICK | {"policy": policy})
        assert part in str(told.value)


@pytest.mark.parametrize("how", [tl.run, tl.bid, partial(tl.evaluate, on="test", count=2)])
def test_a_strategy_of_ones_own_that_fails_is_told_and_nothing_stands_in_for_it(how):
    class Slip(OneMegawatt):
        def bid(self, dispatcher, problem):
            raise KeyError("my slip")

    with pytest.raises(tl.TielineError, match="bidding: slip failed: KeyError: 'my slip'") as told:
        how("microgrid33", **QUICK | {"bidding": Slip})
    assert isinstance(told.value.__cause__, KeyError)  # the traceback shows where it is
    Slip.fallback = "basic"
    assert how("microgrid33", **QUICK | {"bidding": Slip}) is not None


def test_an_evaluation_with_a_policy_of_ones_own_stays_in_this_process():
    values = QUICK | {"policy": IdleBatteries}
    found = tl.evaluate("microgrid33", on="test", count=2, workers=2, **values)
    assert len(found.outcomes) == 2


def test_a_comparison_with_a_policy_of_ones_own_stays_in_this_process():
    hours = []
    both = tl.compare("microgrid33", vary={"policy": ["none", IdleBatteries]}, workers=2, progress=hours.append,
                      **{name: value for name, value in QUICK.items() if name != "policy"})  # fmt: skip
    assert both.names == ["policy=none", "policy=idle_batteries"]
    assert hours[-1] == "day 1, hour 24"
