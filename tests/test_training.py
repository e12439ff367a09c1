"""The learned policy: slopes by hand, hours with values in closed form, training, and the file of value functions."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cli import accepted
from conftest import STUDIES
from hypothesis import given
from hypothesis import strategies as st
from valued import with_values

from agents.agreement import Agreement
from agents.bid_optimizer import opening_problem
from agents.dispatch.conic_program import SolverError
from agents.dispatch.connection_problem import StoreValues
from agents.dispatch.dispatcher import Dispatcher
from agents.participants import create_agents, opening_bids
from agents.value_functions.functions import read_functions, store_names
from agents.value_functions.training import PARTS, Trainer, falling_slopes
from experiments import train
from experiments.simulate import simulate
from experiments.summary import summarise
from experiments.train import cost_of
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Submission
from sim.model import MarketModel
from sim.study_file import read_study

pytestmark = pytest.mark.usefixtures("in_own_folder")


# ---- slopes ----------------------------------------------------------------------------------------------------


def test_slopes_by_hand():
    # Two samples in the wrong order are worth their mean; the others stay as they are.
    slopes = falling_slopes(np.array([0.1, 0.3, 0.5, 0.9]), np.array([50.0, 20.0, 40.0, 10.0]))
    at = (np.arange(PARTS) + 0.5) / PARTS
    assert slopes == pytest.approx(np.interp(at, [0.1, 0.3, 0.5, 0.9], [50, 30, 30, 10]))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-500, 500)), min_size=1, max_size=40))
def test_slopes_always_fall_and_stay_within_what_was_seen(samples):
    fill, worth = np.array(samples).T
    slopes = falling_slopes(fill, worth)
    assert (np.diff(slopes) <= 1e-9).all()
    assert worth.min() - 1e-9 <= slopes.min() <= slopes.max() <= worth.max() + 1e-9


# ---- an hour with values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("worth", "charges"), [(500.0, 1), (0.0, -1)])
def test_a_battery_does_what_its_energy_is_worth(instance33, worth, charges):
    """Energy worth more than any price is bought as fast as it goes in, worthless energy is sold."""
    grid = instance33.grid
    whole = opening_problem(instance33, instance33.forecast)
    now = slice(11, 12)
    names = ("price_per_mwh", "retail_price_per_mwh", "over_price_per_mwh", "under_price_per_mwh")
    size = np.array([unit.max_e_mwh for unit in grid.batteries])
    hour = replace(
        whole,
        demand_mw=whole.demand_mw[:, now],
        available_mw=whole.available_mw[:, now],
        required_energy_mwh=np.zeros((1, len(size))),
        bid_mw=np.array([3.0]),
        values=StoreValues(slopes=np.full((len(size), 4), worth), least_mwh=0.2 * size, width_mwh=0.75 * size / 4),
        **{name: getattr(whole, name)[now] for name in names},
    )
    free = replace(
        hour, over_price_per_mwh=0 * hour.over_price_per_mwh, under_price_per_mwh=0 * hour.under_price_per_mwh
    )
    plan = Dispatcher.of(instance33).plan(free)
    power = plan.set_points.battery_p_mw[0, 0]
    room = (0.95 - 0.5 if charges > 0 else 0.5 - 0.2) * size
    most = np.minimum(room, [unit.max_s_mva for unit in grid.batteries])
    assert (-charges * power > 0.8 * most).all()  # nearly all: converters give reactive power as well


# ---- training --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bids33(instance33):
    return opening_bids(instance33, Dispatcher.of(instance33))


@pytest.fixture(scope="module")
def trained33(instance33, bids33):
    return Trainer(instance33, bids33.bid_mw, samples=16, rounds=1).train(lambda _: None)


def test_training_is_concave_deterministic_and_leaves_the_last_hour_alone(instance33, bids33, trained33):
    again = Trainer(instance33, bids33.bid_mw, samples=16, rounds=1).train(lambda _: None)
    assert list(trained33.slopes) == store_names(instance33.grid)
    for name, slopes in trained33.slopes.items():
        assert slopes.shape == (24, PARTS)
        assert np.array_equal(slopes, again.slopes[name])
        assert (np.diff(slopes, axis=1) <= 1e-9).all()
        assert not slopes[23].any()
        assert slopes[:22].max() > 0


def test_what_is_learned_pays(instance33, bids33, trained33, tmp_path):
    path = tmp_path / "values.json"
    trained33.write(path)
    cost = {}
    for policy in ("hindsight", "learned", "myopic"):
        study = instance33.study.model_copy(update={"policy": policy, "trained": str(path), "seed": 5})
        cost[policy] = cost_of(summarise(simulate(Instance.of(study), fixed=bids33)))
    assert cost["hindsight"] <= cost["learned"] + 0.5
    assert cost["learned"] - cost["hindsight"] < 0.2 * (cost["myopic"] - cost["hindsight"])


def test_a_study_without_stores_has_nothing_to_learn(instance33):
    fleet = instance33.study.fleet.model_copy(update={"battery": ()})
    bare = Instance.of(instance33.study.model_copy(update={"fleet": fleet}))
    with pytest.raises(StudyError, match="no stores"):
        Trainer(bare, np.zeros(24), samples=4, rounds=1)


# ---- the file --------------------------------------------------------------------------------------------------


def test_the_file_holds_what_was_written(instance33, tmp_path):
    valued = with_values(instance33, tmp_path)
    functions = read_functions(tmp_path / "values0.json", valued.study, instance33.grid)
    assert functions.parts == 8
    assert functions.provenance["study"]["name"] == "microgrid33"
    other_seed = valued.study.model_copy(update={"seed": 9, "policy": "learned", "coordination": "transactive"})
    assert read_functions(tmp_path / "values0.json", other_seed, instance33.grid).parts == 8


def with_slopes(document, slopes):
    """Return a file's text with other slopes of one store."""
    return json.dumps({**document, "slopes_per_mwh": document["slopes_per_mwh"] | {"battery_2": slopes.tolist()}})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda document: "no json", "is not JSON"),
        (lambda document: json.dumps({"kind": "something else"}), "holds no value functions"),
        (lambda document: json.dumps(document | {"slopes_per_mwh": {"battery_2": [[1.0]]}}), "other stores"),
        (lambda document: json.dumps({**document, "provenance": {}}), "damaged"),
        (
            lambda document: json.dumps(
                {**document, "provenance": {"study": document["provenance"]["study"] | {"market": {}}}}
            ),
            "market differs",
        ),
        (lambda document: json.dumps({**document, "provenance": {"study": "x"}}), "damaged"),
        (lambda document: with_slopes(document, np.ones(24)), "slopes of shape (24,)"),
        (lambda document: with_slopes(document, np.ones((24, 0))), "slopes of shape (24, 0)"),
        (lambda document: with_slopes(document, np.ones((23, 8))), "slopes of shape (23, 8)"),
        (lambda document: with_slopes(document, np.ones((24, 3))), "another number of parts"),
        (lambda document: with_slopes(document, np.full((24, 8), np.nan)), "finite"),
        (lambda document: with_slopes(document, np.tile(np.arange(8.0), (24, 1))), "must fall"),
    ],
    ids=["text", "kind", "stores", "provenance", "study", "word", "row", "none", "short", "parts", "nan", "rising"],
)
def test_a_file_that_does_not_fit_is_refused(refused, instance33, tmp_path, spoil, message):
    with_values(instance33, tmp_path)
    path = tmp_path / "values0.json"
    path.write_text(spoil(json.loads(path.read_text())))
    said = refused("run", "microgrid33", "--policy", "learned", "--trained", path, "--out", tmp_path / "run")
    assert message in said
    assert "tieline train" in said
    assert not (tmp_path / "run").exists()


def test_who_falls_back_values_nothing(tmp_path, monkeypatch):
    """An hour that myopic decides is myopic for the microgrids too; the next one is learned again."""
    overrides = ("uncertainty.scenarios=10", "uncertainty.keep=2", "bidding=basic", "policy=learned")
    instance = with_values(Instance.of(read_study(STUDIES / "networked33.yaml", overrides)), tmp_path)
    model = MarketModel(instance, create_agents)
    valued, plan = {}, Agreement.plan

    def fails_at_3(agreement, problem, **options):
        valued.setdefault(model.hour, []).append(
            {one.reveal().values is not None for one in model.participants.microgrids}
        )
        if problem.values is not None and model.hour == 3:
            raise SolverError("no luck")
        return plan(agreement, problem, **options)

    monkeypatch.setattr(Agreement, "plan", fails_at_3)
    model.run_days(1)
    decided = model.ledger.frames()["decisions"].set_index("hour").policy
    assert decided[3] == "myopic"
    assert (decided.drop(3) == "learned").all()
    assert valued[2][-1] == {True}
    assert valued[3] == [{True}, {False}]
    assert valued[4] == [{True}]


def test_without_a_file_the_remedy_is_said(refused):
    assert "tieline train STUDY --out FILE" in refused("run", "microgrid33", "--policy", "learned")


def test_judging_gives_students_interval(instance33, monkeypatch):
    """Three days on which a policy costs 1, 2 and 4 $ more: 2.33 $, and 4.303·1.528/√3 = 3.79 $ with three days."""
    costs = {"hindsight": [10, 30, 20], "receding": [11, 32, 24], "learned": [10, 30, 20], "myopic": [20, 40, 30]}
    days = {policy: iter(each) for policy, each in costs.items()}
    no_plan = {"bid_mw": np.zeros(24), "battery_p_mw": np.zeros((24, 5)), "asked": "anm_aware"}
    used = {"anm_aware": "", "basic": "no luck", "forecast": "nor here"}
    bids = iter([Submission(strategy=name, reason=reason, **no_plan) for name, reason in used.items()])
    monkeypatch.setattr(train, "opening_bids", lambda *_: next(bids))
    monkeypatch.setattr(train, "summarise", lambda run: run.policy)
    monkeypatch.setattr(train, "cost_of", lambda policy: next(days[policy]))
    monkeypatch.setattr(
        train,
        "simulate",
        lambda instance, **_: SimpleNamespace(policy=instance.study.policy, seconds={"dispatch": 1.0}),
    )
    judged, used = train.judge(instance33, Path("values.json"), 3, lambda _: None)
    assert used == {
        "asked": "anm_aware",
        "used": "anm_aware, basic, forecast",
        "fallbacks": 2,
        "reasons": ["day 2, basic: no luck", "day 3, forecast: nor here"],
    }
    assert judged["receding"]["gap"] == pytest.approx(7 / 3)
    assert judged["receding"]["gap_95"] == pytest.approx(3.795, abs=1e-3)
    assert judged["receding"]["gap_percent"] == pytest.approx(100 * 7 / 60)
    assert [judged[policy]["gap_95"] for policy in ("hindsight", "learned", "myopic")] == [0, 0, 0]


def test_train_warns_of_bids_that_are_not_those_asked_for(tmp_path, monkeypatch, ended):
    def fail(*_):
        raise SolverError("no luck")

    monkeypatch.setattr("agents.bidding.anm_aware.bid", fail)
    monkeypatch.setattr(train, "simulate", lambda *_, **__: SimpleNamespace(seconds={"dispatch": 1.0}))
    monkeypatch.setattr(train, "summarise", lambda run: {"costs": {"total": 1.0}})
    words = ("train", "microgrid33", "--out", tmp_path / "values.json", "--samples", "4", "--rounds", "1")
    status, out, err = ended(*words, "--test-days", "2", "--workers", "1", "--json")
    assert status == 0
    assert json.loads(out)["bid_strategy"]["fallbacks"] == 1
    assert json.loads(out)["test_bid_strategy"]["fallbacks"] == 2
    assert err.splitlines() == [
        f"warning: the {bids} are not those of anm_aware, as asked for, on {days}"
        for bids, days in (
            ("bids trained with", "1 day(s): day 1, basic: anm_aware failed: no luck"),
            (
                "bids of the test days",
                "2 day(s): day 1, basic: anm_aware failed: no luck; day 2, basic: anm_aware failed: no luck",
            ),
        )
    ]


@pytest.mark.slow
def test_train_writes_a_file_that_runs(tmp_path, refused):
    file = tmp_path / "values.json"
    common = ("train", "microgrid33", "--out", file, "--samples", "8", "--rounds", "1")
    summary = json.loads(accepted(*common, "--test-days", "1", "--json"))
    assert summary["stores"] == 5
    judged = summary["judged"]
    assert list(judged) == ["hindsight", "receding", "learned", "myopic"]
    assert judged["hindsight"]["gap"] == 0
    assert {one["gap_95"] for one in judged.values()} == {None}  # one day has no interval
    assert judged["learned"]["gap"] < judged["myopic"]["gap"]
    assert json.loads(file.read_text())["provenance"]["tieline"]
    assert "exists already" in refused(*common)
    assert "there is no folder" in refused("train", "microgrid33", "--out", tmp_path / "nowhere" / "values.json")
    run = json.loads(
        accepted(
            "run",
            "microgrid33",
            "--policy",
            "learned",
            "--trained",
            file,
            "--figures",
            "none",
            "--json",
            "--out",
            tmp_path / "run",
        )
    )
    assert run["audit"]["clean"]
    assert run["hours"]["fallback"] == 0
