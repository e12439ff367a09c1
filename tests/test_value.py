"""The value of the stochastic bid: bounds from theory, exact zeros, and the command that reports it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from cli import accepted
from conftest import STUDIES
from feeder5 import settled_cost
from readable import unreadable
from scipy import stats

from agents.bid_optimizer import compute_submission, opening_problem
from agents.dispatch.dispatcher import Dispatcher
from experiments.confidence import Estimate
from experiments.console.value import show_value
from experiments.evaluation import Evaluator, fixed_bids
from experiments.figures.value import value_figure
from experiments.scenario_outcome import expected_profit
from experiments.stochastic_value import SIZES, Comparison
from experiments.value_console import value_study
from experiments.value_report import Contender, SolutionValue, Trial, ValueReport
from sim.errors import StudyError
from sim.instance import Instance
from sim.scenarios import Draw, ForecastErrors
from sim.study_file import read_study

TOLERANCE = 0.01
"""Tolerance of the solver in a profit. [$]"""

SURE = ForecastErrors(demand_std=0, wind_std=0, pv_std=0)
VALUE = ("value", "microgrid33")
FEW = ("--scenarios", "20", "--keep", "2", "--compare-keep", "1", "--out-of-sample", "2")


def instance_of(study, *, bidding="anm_aware", **uncertainty) -> Instance:
    changed = study.uncertainty.model_copy(update=uncertainty)
    return Instance.of(study.model_copy(update={"bidding": bidding, "uncertainty": changed}))


@pytest.fixture(scope="module")
def small(study33) -> Instance:
    return instance_of(study33, scenarios=30, keep=3)


@pytest.fixture(scope="module")
def comparison(small) -> Comparison:
    return Comparison.of(small, sizes=[1, 4], test_count=5)


@pytest.fixture(scope="module")
def report(comparison) -> ValueReport:
    return comparison.run(workers=1)


# ---- theory --------------------------------------------------------------------------------------------------


def assert_in_order(solution):
    assert solution.ws >= solution.rp - TOLERANCE
    assert solution.rp >= solution.eev - TOLERANCE
    assert solution.evpi == solution.ws - solution.rp
    assert solution.vss == solution.rp - solution.eev
    assert solution.rp_gap >= 0


def test_foresight_earns_most_and_the_forecast_alone_least(report):
    assert_in_order(report.solution)
    assert report.solution.evpi > 0.5  # there is something to foresee
    assert report.solution.vss > 0.1
    assert report.solution.rp_gap < TOLERANCE


def test_the_order_holds_in_the_model_of_the_basic_bid_too(study33):
    instance = instance_of(study33, bidding="basic", scenarios=30, keep=4)
    report = Comparison.of(instance, sizes=[4], test_count=2).run(workers=1)
    gap = report.solution.rp_gap  # of the directions that a bid of either sign may have
    assert gap < 1e-3 * report.solution.rp
    assert report.solution.ws >= report.solution.rp - gap - TOLERANCE
    assert report.solution.rp >= report.solution.eev - gap - TOLERANCE
    # The copper plate promises what the network can't keep; tests are on the network.
    assert report.solution.rp > report.reference.training + 10
    assert [report.label(trial) for trial in report.trials] == ["forecast", "4"]


def test_one_scenario_leaves_nothing_to_foresee(study33):
    """Without errors the only scenario is the forecast, and its bid the stochastic one."""
    sure = Comparison.of(instance_of(study33, scenarios=1, keep=1, errors=SURE), test_count=2).run(workers=1)
    assert sure.solution.vss == pytest.approx(0, abs=TOLERANCE)
    assert sure.solution.evpi == pytest.approx(0, abs=TOLERANCE)
    assert sure.reference.optimism == pytest.approx(0, abs=TOLERANCE)
    kept = Comparison.of(instance_of(study33, scenarios=30, keep=1), sizes=[1], test_count=2).run(workers=1)
    assert kept.solution.evpi == pytest.approx(0, abs=TOLERANCE)
    assert kept.solution.vss >= -TOLERANCE


def test_foresight_is_a_dispatch_without_penalties(small, report):
    """Who knows the flow bids it: WS is what could be earned if imbalances were free."""
    kept, dispatcher = small.kept_scenarios(), Dispatcher.of(small)
    free = []
    for k in range(len(kept)):
        one = opening_problem(small, kept.subset(k))
        nothing = np.zeros_like(one.over_price_per_mwh)
        one = replace(one, bid_mw=np.zeros(24), over_price_per_mwh=nothing, under_price_per_mwh=nothing)
        free.append(-dispatcher.plan(one).objective)
    assert report.solution.ws == pytest.approx(kept.probability @ free, abs=TOLERANCE)


def test_the_bid_earns_over_its_own_scenarios_what_its_plan_promises(small, report):
    problem = opening_problem(small, small.kept_scenarios())
    submission = compute_submission(Dispatcher.of(small), small, problem)
    assert report.reference.bid_mw == pytest.approx(submission.bid_mw, abs=1e-9)
    assert report.reference.training == pytest.approx(report.solution.rp, abs=TOLERANCE)


# ---- comparison ----------------------------------------------------------------------------------------------


def test_bids_that_are_compared(report, comparison):
    assert [report.label(trial) for trial in report.trials] == ["3, basic", "forecast", "1", "3", "4"]
    assert [len(one.scenarios) for one in comparison.contenders] == [3, 1, 1, 3, 4]
    assert report.reference is report.trials[3]
    assert all(trial.profits.shape == (5,) and trial.bid_mw.shape == (24,) for trial in report.trials)
    assert all(trial.beyond_limits == trial.inexact == 0 for trial in report.trials)
    for trial in report.trials:
        assert trial.optimism == trial.training - trial.test.mean


def test_the_difference_of_a_bid_to_itself_is_exactly_zero(report):
    assert report.difference(report.reference) == Estimate(mean=0.0, standard_error=0.0, low=0.0, high=0.0)
    assert not report.difference(report.reference).beyond_chance


def test_pairing_takes_out_the_weather(report):
    for trial in report.trials:
        difference = report.difference(trial)
        assert difference.mean == pytest.approx(trial.test.mean - report.reference.test.mean)
        assert difference.standard_error < trial.test.standard_error
    basic = report.difference(report.trials[0])
    assert basic.beyond_chance
    assert basic.high < -50


def test_profits_are_of_fresh_scenarios_dispatched_one_by_one(small, report):
    one = small.draw(Draw.TEST, 5).subset(4)
    problem = replace(opening_problem(small, one), bid_mw=report.trials[1].bid_mw)
    plan = Dispatcher.of(small).plan(problem)
    assert report.trials[1].profits[4] == -plan.objective
    settled = settled_cost(small.grid, plan, problem, small.tariff, small.rule)
    assert report.trials[1].profits[4] == pytest.approx(-settled, abs=TOLERANCE)


@pytest.mark.slow
def test_two_threads_give_the_same_numbers_as_one(small, comparison, report):
    other = Comparison.of(small, sizes=[4, 1, 4], test_count=5).run(workers=2)
    assert other.solution == report.solution
    for mine, theirs in zip(report.trials, other.trials, strict=True):
        assert (mine.training, mine.gap) == (theirs.training, theirs.gap)
        assert np.array_equal(mine.bid_mw, theirs.bid_mw)
        assert np.array_equal(mine.profits, theirs.profits)


def test_progress_is_reported_step_by_step(study33):
    comparison = Comparison.of(instance_of(study33, scenarios=5, keep=2), sizes=[1], test_count=2)
    said = []
    comparison.run(workers=2, progress=said.append)
    assert len(said) == comparison.steps
    assert set(said) == {"bidding", "dispatching"}


def test_sizes_by_default_are_those_that_are_drawn(small, study33):
    def sizes(instance, **options):
        return [one.keep for one in Comparison.of(instance, test_count=2, **options).contenders[2:]]

    assert sizes(small) == [1, 3, 5, 10, 20]
    assert sizes(Instance.of(study33)) == list(SIZES)
    assert sizes(instance_of(study33, scenarios=8, keep="all")) == [1, 5, 8]
    assert sizes(small, sizes=[30, 30]) == [3, 30]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"test_count": 1}, ["--out-of-sample 1", "2 or more"]),
        ({"sizes": [5, 31]}, ["--compare-keep 31", "1 to 30", "--scenarios"]),
        ({"sizes": [0]}, ["--compare-keep 0", "1 to 30"]),
    ],
)
def test_what_cannot_be_compared_is_refused(small, options, parts):
    with pytest.raises(StudyError) as refused:
        Comparison.of(small, **options)
    for part in parts:
        assert part in str(refused.value)


def test_a_violated_limit_costs_no_money(study33):
    """Buses can't all be held above 1.005 p.u.; what the program counts for that must not pass for a loss."""
    voltage = study33.grid.voltage.model_copy(update={"min_vm_pu": 1.005})
    grid = study33.grid.model_copy(update={"voltage": voltage})
    instance = Instance.of(study33.model_copy(update={"grid": grid}))
    bid_mw = np.full(24, 1.0)
    problem = replace(opening_problem(instance, instance.forecast), bid_mw=bid_mw)
    plan = Dispatcher.of(instance).plan(problem)
    assert plan.violation.sum() > 0.01
    settled = settled_cost(instance.grid, plan, problem, instance.tariff, instance.rule)
    assert expected_profit(plan, np.ones(1)) == pytest.approx(-settled, abs=0.1)
    assert plan.objective - settled > 1000
    with Evaluator(instance, by="plan", workers=1) as evaluator:
        (outcome,) = evaluator.evaluate(fixed_bids(instance, bid_mw), instance.forecast).outcomes
    assert not outcome.within_limits
    assert outcome.planned_profit == expected_profit(plan, np.ones(1))


# ---- estimates -----------------------------------------------------------------------------------------------


def test_estimate_is_the_textbooks():
    values = np.random.default_rng(3).normal(2.0, 5.0, 12)
    estimate = Estimate.of(values)
    low, high = stats.t.interval(0.95, 11, loc=values.mean(), scale=stats.sem(values))
    assert estimate.standard_error == pytest.approx(stats.sem(values))
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert estimate.beyond_chance == (low > 0 or high < 0)


# ---- command -------------------------------------------------------------------------------------------------


def test_microgrids_are_refused():
    networked = read_study(STUDIES / "networked33.yaml")
    with pytest.raises(StudyError, match="tieline value knows no microgrids yet: use tieline run"):
        value_study(networked, sizes=[1], count=2, out=None, workers=1, dask=None, as_json=True)


def test_json_and_folder(tmp_path):
    folder = tmp_path / "value"
    printed = json.loads(accepted(*VALUE, *FEW, "--json", "--workers", "2", "--out", str(folder)))
    assert {path.name for path in folder.iterdir()} == {"study.yaml", "value.json", "value.png", "value.svg"}
    assert json.loads((folder / "value.json").read_text(encoding="utf-8")) == printed
    assert list(printed) == [
        *("study", "seed", "bidding", "rule", "risk", "scenarios", "keep", "solution"),
        *("test_scenarios", "confidence", "bids", "seconds"),
    ]
    assert (printed["study"], printed["scenarios"], printed["keep"]) == ("microgrid33", 20, 2)
    assert (printed["test_scenarios"], printed["confidence"]) == (2, 0.95)
    assert set(printed["solution"]) == {"ws", "rp", "eev", "evpi", "vss", "rp_gap"}
    rows = [(row["bidding"], row["keep"]) for row in printed["bids"]]
    assert rows == [("basic", 2), ("anm_aware", None), ("anm_aware", 1), ("anm_aware", 2)]
    for row in printed["bids"]:
        assert set(row) == {
            *("bidding", "keep", "kantorovich_mw", "gap", "training", "test", "tail", "optimism", "difference"),
            *("beyond_limits", "inexact", "bids_mw"),
        }
        assert set(row["test"]) == set(row["difference"]) == {"mean", "standard_error", "low", "high"}
        assert len(row["bids_mw"]) == 24
    assert set(printed["bids"][-1]["difference"].values()) == {0.0}


def test_tables(report, capsys):
    show_value(report)
    text = capsys.readouterr().out
    for part in ("WS", "RP", "EEV", "EVPI", "VSS", "3, basic", "forecast", "the study's", "5 fresh test scenarios"):
        assert part in text
    assert "3 of 30 scenarios kept" in text
    assert "no dispatch meets all limits" not in text
    flawed = replace(report.reference, beyond_limits=2, inexact=1, gap=1.5)
    show_value(replace(report, trials=[flawed], reference=flawed))
    text = " ".join(capsys.readouterr().out.split())
    for part in ("2 test scenario(s) no dispatch meets all limits", "1 test scenario(s) the conic", "3 by $1.50"):
        assert part in text


def test_bad_input_is_refused_before_anything_is_written(refused, tmp_path):
    folder = tmp_path / "value"
    assert "--out-of-sample 1: use 2 or more" in refused(*VALUE, "--out-of-sample", 1, "--out", folder)
    assert "--compare-keep 21: use 1 to 20" in refused(
        *VALUE, "--scenarios", 20, "--compare-keep", 21, "--out", folder
    )
    assert "unknown 'bold'" in refused(*VALUE, "--set", "bidding=bold", "--out", folder)
    assert not folder.exists()
    folder.mkdir()
    (folder / "mine.txt").touch()
    assert "exists already; nothing is overwritten" in refused(*VALUE, "--out", folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


# ---- figure --------------------------------------------------------------------------------------------------


def fabricated(study, levels, *, bidding="anm_aware"):
    """Return a report with given profits, by number of kept scenarios; the second is the study's."""
    rng = np.random.default_rng(0)
    scenarios = Instance.of(study).forecast

    def trial(name, keep, level):
        contender = Contender(strategy=name, scenarios=scenarios, keep=keep)
        profits = level + rng.normal(0, 0.002 * abs(level) + 0.1, 20)
        return Trial(
            contender=contender,
            bid_mw=np.zeros(24),
            gap=0.0,
            training=level + 5,
            profits=profits,
            beyond_limits=0,
            inexact=0,
        )

    sizes = [trial(bidding, keep, level) for keep, level in levels.items()]
    others = [trial("basic", 2, 0.9 * max(levels.values())), trial(bidding, None, min(levels.values()))]
    return ValueReport(
        study=study,
        solution=SolutionValue(ws=3.0, rp=2.0, eev=1.0, rp_gap=0.0),
        trials=[*others, *sizes],
        reference=sizes[1],
    )


@pytest.mark.parametrize(
    "levels",
    [
        {1: 2880.0, 10: 2893.0, 50: 2893.5},
        {size: -120.0 + size**0.5 for size in (1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000)},
        {1: 0.0, 2: 0.0},
    ],
    ids=["usual", "many and a loss", "nothing"],
)
def test_figure_can_be_read(study33, levels):
    report = fabricated(study33.model_copy(update={"name": "a-long-name-" * 8}), levels)
    figure = value_figure(report)
    assert unreadable(figure) == []
    profit, difference = figure.axes
    for ax in (profit, difference):
        assert re.search(r"\[\$\]", ax.get_ylabel())
        assert "[number]" in ax.get_xlabel()
    (earned,) = (line for line in profit.lines if line.get_gid() == "earned")
    assert list(earned.get_ydata()) == [trial.test.mean for trial in report.trials]
    (shown,) = (line for line in difference.lines if line.get_gid() == "difference")
    assert list(shown.get_ydata()) == [report.difference(trial).mean for trial in report.trials]
