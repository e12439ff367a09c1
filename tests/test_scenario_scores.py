"""Command ``scenarios``: scores of a study's scenarios against what happened, and their page."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli import accepted

import tieline as tl
from experiments.scenario_scores import KINDS, NORMAL, OWN, SCORES

AUTUMN = {"calendar.first_day": "2015-10-20", "days": 14}


@pytest.fixture(scope="module")
def autumn():
    """Score two weeks with the change of the clock, after fifteen weeks of history."""
    return tl.score_scenarios(tl.load_study("microgrid33-year").change(AUTUMN), samples=60)


def test_scenarios_from_history_are_better_than_normal_ones(autumn):
    own, normal = autumn.scores[OWN], autumn.scores[NORMAL]
    for score in ("crps_mw", "energy_score_mw", "variogram_score"):
        assert own["wind"][score] < normal["wind"][score]
        assert own["net"][score] < normal["net"][score]
    lasting = autumn.autocorrelation("actual")
    for source, off in ((OWN, 0.25), (NORMAL, 0.75)):
        assert abs(autumn.autocorrelation(source)[1] - lasting[1]) < off
    assert autumn.autocorrelation(NORMAL)[1] < 0.15


def test_days_are_as_long_as_their_clock(autumn):
    assert [day["net"].shape[1] for day in autumn.actual] == [24] * 12 + [25, 24]
    for kind in KINDS:
        assert autumn.joined(autumn.drawn[OWN], kind).shape == (60, 14 * 24 + 1)
        assert np.isfinite(list(autumn.scores[OWN][kind].values())).all()


def test_page_has_its_panels(autumn):
    assert [ax.get_label() for ax in autumn.plot().axes] == ["reliability", "memory", "day", "scores"]
    plain = tl.score_scenarios("microgrid33", days=2, samples=20)
    assert list(plain.drawn) == [OWN]  # they are the normal ones
    assert len(plain.plot().axes) == 4


@pytest.mark.usefixtures("in_own_folder")
def test_command_prints_scores_and_draws_the_page():
    given = ["scenarios", "microgrid33-year", "--days", "2", "--samples", "20"]
    given += ["--set", "calendar.first_day=2015-08-01"]
    found = json.loads(accepted(*given, "--json", "--out", "scores"))
    assert set(found["scores"]) == {OWN, NORMAL}
    assert set(found["scores"][OWN]["pv"]) == set(SCORES)
    assert sorted(file.name for file in Path("scores").iterdir()) == ["scenarios.png", "scenarios.svg"]
    out = accepted(*given)
    assert "net demand" in out
    assert "variogram" in out


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"days": 366}, ["microgrid33_year.csv", "2016-07-01", "lower days"]),
        ({"profiles.fill_gaps_h": 0, "days": 14}, ["demand_actual_pu", "gap of 3 h from 2015-07-14 04:00"]),
    ],
)
def test_days_that_the_file_lacks_are_refused(changes, parts):
    with pytest.raises(tl.TielineError) as refused:
        tl.score_scenarios(tl.load_study("microgrid33-year").change(changes), samples=2)
    assert all(part in str(refused.value) for part in parts)


def test_history_needs_what_happened():
    with pytest.raises(tl.TielineError, match=r"uncertainty.errors.source history needs .* profiles.actual"):
        tl.load_study("microgrid33").change({"uncertainty.errors.source": "history"})
