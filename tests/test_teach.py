"""Teaching page without a browser: lessons, settings, the runs hour by hour, formulas, and the sentence why."""

import pytest

from experiments.catalog import load_study
from experiments.teach.lesson import as_html, read_lesson, read_lessons
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
    ],
)
def test_a_lesson_with_an_error_is_refused_with_file_and_field(tmp_path, old, new, message):
    file = tmp_path / "mine.md"
    file.write_text(HEADER.replace(old, new), encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_lesson(file)
    assert "mine.md: " in str(error.value)
    assert message in str(error.value)


def test_a_lecturer_s_lesson_is_added_and_a_bad_one_left_out(tmp_path):
    (tmp_path / "mine.md").write_text(HEADER, encoding="utf-8")
    (tmp_path / "bad.md").write_text("no header", encoding="utf-8")
    lessons, errors = read_lessons(tmp_path)
    assert {*lessons} == {*LESSONS, "mine"}
    assert len(errors) == 1
