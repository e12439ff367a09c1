"""Teaching page without a browser: lessons, settings, the runs hour by hour, formulas, and the sentence why."""

import json
import socket
import time
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from experiments.catalog import load_study
from experiments.simulate import run
from experiments.teach.charts.hourly import power_key, storage_key
from experiments.teach.charts.network import KEY as NETWORK_KEY
from experiments.teach.charts.network import VOLTAGES
from experiments.teach.controls import hour_in_words
from experiments.teach.day import Day
from experiments.teach.formulas import formula, money
from experiments.teach.hour_table import HOURLY, hour_table
from experiments.teach.lesson import as_html, read_lesson, read_lessons
from experiments.teach.panels import PANELS, charts_of, panels_of
from experiments.teach.reason import reason
from experiments.teach.runs import Records, Runs, StudyRun
from experiments.teach.server import welcome
from experiments.teach.session import Session
from experiments.teach.settings import changed, chosen_in
from sim.errors import StudyError

LESSONS, _ = read_lessons()

HEADER = """---
title: Mine
questions:
  - text: What is the profit?
    answer: {quantity: profit}
---
Text.
"""


# ---- settings ------------------------------------------------------------------------------------------------


def test_a_study_s_own_settings_change_nothing():
    study = load_study("microgrid33")
    assert changed(study, chosen_in(study)) == study


@pytest.mark.parametrize("name", ["battery", "renewables"])
def test_units_of_size_zero_are_left_out(name):
    study = changed(load_study("microgrid33"), {name: 0})
    assert (study.fleet.battery == ()) == (name == "battery")
    assert (study.fleet.wind == ()) == (name == "renewables")


def test_the_band_moves_all_tiers_and_the_penalty_multiplies_their_rates():
    rule = changed(load_study("microgrid33", rule="caiso"), {"band": 0.1, "penalty": 2}).market.rule
    assert [(tier.band, tier.over, tier.under) for tier in rule.tiers] == [(0.1, 0.5, 0.5), (0.15, 1.0, 2.0)]


# ---- lessons -------------------------------------------------------------------------------------------------


def test_html_in_a_lesson_is_shown_as_text_and_nothing_is_loaded():
    html = as_html("<script>x</script> ![p](http://a.b/c.png) [q](javascript:x) <img src=x onerror=y>")
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("---\ntitle", "title", "begins without a header"),
        ("title: Mine", "titel: Mine", "titel: unknown key; did you mean 'title'?"),
        ("profit}", "profits}", "there is no quantity 'profits'"),
        ("profit}", "profit, bus: 18}", "use one of vm_pu, va_degree"),
        ("profit}", "profit, hours: 25}", "hours.0: input should be less than or equal to 24"),
        ("title: Mine", "title: Mine\nstudy: nowhere", "unknown study 'nowhere'"),
        ("title: Mine", "title: Mine\nsettings: {both: {rule: cheap}}", "unknown rule 'cheap'"),
        ("title: Mine", "title: [" + "[" * 100, "the header can't be read"),
        ("answer: {quantity: profit}", "choices: []", "give an answer, or two or more choices"),
        ("title: Mine", "title: Mine\npanel: exchange", "panel: microgrid33 has no microgrids to show"),
        *(
            ("title: Mine", f"title: Mine\nsettings: {{{settings}}}", f"settings.{message}")
            for settings, message in {
                "first: {band}": "first.band: is empty; give a value, such as band: 0.05",
                "first: {seed: 7}": "first.seed: both runs have the same weather; give it under both",
                "both: {band: 7}": "both.band: give a number from 0 to 0.3, got 7",
                "both: {seed: 1.5}": "both.seed: give a whole number from 1 to 50, got 1.5",
                "both: {bidding: 7}": "both.bidding: give a name, got 7",
                "both: {policy: learned}": "both.policy: learned needs a study with trained values",
                "both: {coordination: central}": "both.coordination: microgrid33 has no microgrids to coordinate",
                "both: {penalties: 2}": "both.penalties: there is no 'penalties'",
            }.items()
        ),
        (
            "profit}",
            "profit}\n    settings: {second: {forecast_error: 2}}",
            "questions.0.settings.second.forecast_error",
        ),
        ("title: Mine", "title: Mine\ntasks: [{text: a, settings: {both: {keep: 2}}}]", "keep: has no control on"),
        ("title: Mine", "title: Mine\ntasks: [{text: a, settings: {both: {band: 0.125}}}]", "steps of 0.01"),
    ],
)
def test_a_lesson_with_an_error_is_refused_with_file_and_field(tmp_path, old, new, message):
    file = tmp_path / "mine.md"
    file.write_text(HEADER.replace(old, new), encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_lesson(file)
    assert "mine.md: " in str(error.value)
    assert message in str(error.value)


def test_a_wrong_limit_of_a_condition_is_said_once(tmp_path):
    choices = "choices: [{text: a, right_if: {quantity: profit, above: {quantity: none}}}, {text: b, right_if: []}]"
    file = tmp_path / "mine.md"
    file.write_text(HEADER.replace("answer: {quantity: profit}", choices), encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_lesson(file)
    first, second = str(error.value).splitlines()
    assert "questions.0.choices.0.right_if.0.above.quantity: there is no quantity 'none'" in first
    assert "questions.0.choices.1.right_if: give the condition" in second


def test_a_lecturer_s_lesson_is_added_and_a_bad_one_left_out(tmp_path):
    (tmp_path / "mine.md").write_text(HEADER, encoding="utf-8")
    (tmp_path / "bad.md").write_text("no header", encoding="utf-8")
    lessons, errors = read_lessons(tmp_path)
    assert {*lessons} == {*LESSONS, "mine"}
    assert len(errors) == 1


# ---- hours, formulas, charts ---------------------------------------------------------------------------------

SMALL = {"scenarios": 30, "keep": 2}
"""Options with which bids take a moment."""


@pytest.fixture(scope="module")
def days():
    """Return both runs of the exporting microgrid at the end of the day: some flows and bids are negative."""
    made = [run("microgrid33-export", bidding=bidding, **SMALL) for bidding in ("basic", "anm_aware")]
    runs = [StudyRun.stored(one) for one in made]
    return tuple(Day(one, one.records, 1, 24) for one in runs)


@pytest.fixture(scope="module")
def networked_days():
    made = [run("networked33", policy="myopic", bidding=bidding, **SMALL) for bidding in ("basic", "anm_aware")]
    runs = [StudyRun.stored(one) for one in made]
    return tuple(Day(one, one.records, 1, 18) for one in runs)


def test_the_hour_table_adds_up_to_the_money_of_the_run(days):
    table = hour_table(days[0].records.tables)
    assert [*table.columns][: len(HOURLY)] == [*HOURLY]
    assert table["profit"].sum() == pytest.approx(days[0].money["profit"])
    assert (table["deviation_mw"] == table["metered_mw"] - table["bid_mw"]).all()


@pytest.mark.parametrize("which", ["days", "networked_days"])
def test_the_last_line_of_every_formula_ends_in_the_amount_that_was_settled(which, request):
    day = request.getfixturevalue(which)[0]
    for hour in range(1, day.hour + 1):
        at = Day(day.run, day.records, 1, hour)
        for term in day.terms:
            amount = float(at.hours[term].loc[hour])
            last = formula(at, term).lines[-1]
            expected = money(amount) if term != "wear" else f"{abs(amount):.4f}"
            assert last.endswith(expected.removeprefix("−") if term == "wear" else expected), (term, hour, last)


def numbers(text):
    """Return the value of a product in a formula, such as ``3 · 65.77 $/MWh · (3.667 − 3.463) MW · 1 h``."""
    plain = text.partition(" = ")[0].replace(",", "").replace("−", "-").replace("$/MWh", "").replace("MW", "")
    value = 1.0
    for factor in plain.replace(" h", "").split("·"):
        first, _, second = factor.strip(" ()").partition(" - ")
        value *= float(first) - float(second or 0.0)
    return value


@pytest.mark.parametrize("term", ["revenue", "exchange", "loss", "generation", "load_curtailment"])
def test_the_numbers_in_a_formula_give_its_amount(days, term):
    for hour in (3, 12, 18):
        at = Day(days[0].run, days[0].records, 1, hour)
        amount = float(at.hours[term].loc[hour])
        assert numbers(formula(at, term).lines[-1]) == pytest.approx(amount, abs=0.25)  # numbers are rounded


def test_the_reason_names_who_earned_more_and_the_term_that_differs_most(days):
    first, second = days
    gains = {term: first.money[term] - second.money[term] for term in first.terms[1:-1]}
    gains["revenue"] = second.money["revenue"] - first.money["revenue"]
    total = second.money["profit"] - first.money["profit"]
    sentence = reason(first, second, ("basic bid", "ANM-aware bid"))
    assert f"the {'ANM-aware' if total > 0 else 'basic'} bid has earned {money(abs(total))} more" in sentence
    assert max(gains, key=lambda term: np.sign(total) * gains[term]).replace("_", " ") in sentence
    assert reason(first, first) == "By hour 24 both have earned the same."


@pytest.mark.parametrize("which", ["days", "networked_days"])
@pytest.mark.parametrize("hour", [0, 1, 18])
def test_all_charts_are_plain_data_with_the_same_axes_for_both_runs(which, hour, request):
    both = tuple(Day(day.run, day.records, 1, hour) for day in request.getfixturevalue(which))
    names = panels_of(both[0].run)
    assert ("exchange" in names) == (which == "networked_days")
    for name in names:
        first, second = charts_of(both, name)
        json.dumps([first, second], allow_nan=False)
        for axis in ("xAxis", "yAxis"):
            assert [first[axis].get(end) for end in ("min", "max")] == [
                second[axis].get(end) for end in ("min", "max")
            ]
        assert len(first["series"]) == len(second["series"]) > 0, name
        assert PANELS[name].key(both[0]) is not None


SEEN_BY = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Linear RGB as colour-blind viewers see it (Machado, Oliveira, Fernandes 2009, doi:10.1109/TVCG.2009.113)."""


def lab(color, matrix):
    """Return a colour in CIE L*a*b* as a colour-blind viewer sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.clip(matrix @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4), 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    xyz = np.array(to_xyz) @ linear / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", SEEN_BY)
def test_colour_blind_viewers_tell_areas_and_voltages_apart(kind, networked_days, days):
    areas = {entry.color for day in (networked_days[0], days[0]) for entry in power_key(day) if entry.kind == "area"}
    for colors in (areas, [VOLTAGES[0], VOLTAGES[100], VOLTAGES[-1]], [entry.color for entry in NETWORK_KEY]):
        seen = [lab(color, np.array(SEEN_BY[kind])) for color in colors]
        assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 10


def test_no_two_batteries_have_the_same_dashes(days):
    kinds = [entry.kind for entry in storage_key(days[0])]
    assert len(set(kinds)) == len(kinds) == 5


# ---- session and runs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs():
    started = Runs(1)
    yield started
    started.close()


def finished(*some):
    while not all(one.is_done for one in some):
        time.sleep(0.02)


@pytest.fixture
def small():
    return load_study("microgrid33", policy="myopic", **SMALL)


def test_sessions_of_the_same_study_share_its_runs_and_get_what_tl_run_gives(runs, small):
    one, other = Session(runs, small), Session(runs, small)
    assert one.both == other.both
    finished(*one.both)
    one.jump(24)
    assert other.hour == 0
    money_of_run = run(small, bidding="basic").money
    assert one.days[0].money == pytest.approx(money_of_run.to_dict(), abs=1e-9)


def test_a_session_steps_between_gate_closure_and_the_last_hour(runs, small):
    session = Session(runs, small)
    session.step(-1)
    assert session.hour == 0
    session.jump(99)
    assert session.hour == 24
    session.reset()
    assert session.hour == 0
    finished(*session.both)
    assert len(session.days[0].bid_mw) == 24
    assert session.days[0].trouble == []


def test_another_policy_takes_the_bids_over_and_changes_no_number(runs, small):
    session = Session(runs, small.change({"seed": 5}))
    finished(*session.both)
    first = len(runs._bids)
    session.choose("both", "policy", "none")
    finished(*session.both)
    assert len(runs._bids) == first
    fresh = run(session.first.study, **SMALL)
    for name, table in session.first.records.tables.items():
        pd.testing.assert_frame_equal(table, fresh.tables[name], check_exact=True)


def test_the_hour_on_the_bar_is_the_one_that_is_shown(runs, small):
    session = Session(runs, small)
    finished(*session.both)
    session.jump(24)
    assert hour_in_words(session) == "hour 24<small>23:00–24:00</small>"
    records = session.first.records
    session.first.records = Records(records.tables, 1)
    assert hour_in_words(session) == "hour 1<small>going to hour 24</small>"
    session.first.records = Records()
    session.jump(0)
    assert hour_in_words(session) == "hour 0<small>computing bids</small>"
    session.first.records = records
    assert hour_in_words(session) == "hour 0<small>gate closure</small>"


def test_another_rule_for_one_run_leaves_the_other_as_it_is(runs, small):
    session = Session(runs, small)
    second = session.second
    session.choose("first", "rule", "nguyen")
    assert session.first.study.market.rule.name == "nguyen"
    assert session.second is second
    assert session.names == ("basic bid, rule nguyen", "ANM-aware bid, rule case1")


def test_the_weather_is_always_that_of_both_and_a_wrong_value_changes_nothing(runs, small):
    session = Session(runs, small)
    session.choose("second", "seed", 7)
    assert {one.study.seed for one in session.both} == {7}
    before = session.both
    with pytest.raises(StudyError, match="unknown rule"):
        session.choose("first", "rule", "none")
    assert session.both == before


def test_a_run_that_fails_says_why_and_the_others_go_on(runs, small):
    broken = Session(runs, small.change({"trained": "nowhere.json", "policy": "learned"}))
    fine = Session(runs, small)
    finished(*broken.both, *fine.both)
    assert "nowhere.json" in broken.error
    assert fine.error == ""


def test_a_day_without_a_feasible_plan_is_shown_as_the_least_violation(runs, small):
    weak = small.change({"grid.voltage.min_vm_pu": 1.01})
    session = Session(runs, weak)
    finished(*session.both)
    session.jump(18)
    assert any("least violation" in text for text in session.days[0].trouble)


@pytest.mark.slow
def test_a_process_that_dies_is_replaced(runs, small):
    study = small.change({"seed": 11})
    session = Session(runs, study)
    while session.first.records.hours == 0:
        time.sleep(0.01)
    for engine in runs._engines:
        for process in engine._pool._processes.values():
            process.kill()
    finished(*session.both)
    again = Session(runs, study.change({"seed": 12}))
    finished(*again.both)
    assert again.error == ""


def test_a_stored_run_is_replayed(runs, small, tmp_path):
    from experiments.simulate import Run

    run(small, bidding="basic").save(tmp_path / "a", figures="none")
    stored = StudyRun.stored(Run.load(tmp_path / "a"))
    session = Session(runs, stored.study, stored=stored)
    assert session.first is stored
    session.jump(24)
    assert Day(stored, stored.records, 1, 24).money["profit"] == pytest.approx(
        Run.load(tmp_path / "a").money["profit"]
    )


# ---- command -------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_refused(refused):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port}: can't listen on 127.0.0.1" in refused("teach", "--port", port)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("127.0.0.1", ["Tieline teaches at http://127.0.0.1:80/ (Ctrl-C ends it)"]),
        ("10.0.0.2", ["Tieline teaches at http://10.0.0.2:80/ (Ctrl-C ends it)", "Anyone on the network can use it."]),
        (
            "0.0.0.0",
            [
                "Tieline teaches at http://127.0.0.1:80/ (Ctrl-C ends it)",
                "From other machines: http://10.0.0.2:80/",
                "Anyone on the network can use it.",
            ],
        ),
        (
            "::",
            [
                "Tieline teaches at http://[::1]:80/ (Ctrl-C ends it)",
                "From other machines: http://[2001:db8::2]:80/",
                "Anyone on the network can use it.",
            ],
        ),
    ],
)
def test_the_addresses_said_are_those_a_browser_can_open(host, said):
    assert welcome(host, 80, ["127.0.0.1", "10.0.0.2", "::1", "fe80::1", "2001:db8::2"]) == said


def test_without_the_extra_the_remedy_is_named(refused, monkeypatch):
    monkeypatch.setattr("experiments.teach.command.find_spec", lambda _: None)
    assert "pip install 'tieline[teach]'" in refused("teach")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--host", "no such host"), "is no address of this machine"),
        (("--lessons", "nowhere"), "--lessons nowhere: is no folder"),
        (("--study", "nowhere"), "unknown study 'nowhere'"),
        (("nowhere",), "is not the folder of a run"),
        (("--handout", "nothing"), "unknown lesson 'nothing'"),
        (("--handout", "all", "--out", "a.pdf"), "ends in .html or .md"),
        (("--out", "a.html"), "goes with --handout"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(refused, in_own_folder, arguments, message):
    assert message in refused("teach", *arguments)


@pytest.mark.parametrize("suffix", ["html", "md"])
def test_a_lesson_is_printed_and_never_over_a_file(ended, tmp_path, suffix):
    file = tmp_path / f"sheet.{suffix}"
    status, out, _ = ended("teach", "--handout", "all", "--out", file)
    assert status == 0
    assert str(file) in out
    text = file.read_text(encoding="utf-8")
    assert all(question.text in text for question in LESSONS["01_imbalance"].questions)
    assert ended("teach", "--handout", "all", "--out", file)[0] == 2
