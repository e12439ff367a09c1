"""Packaged lessons: each can be read, says what it needs to, and asks what the simulation decides as its texts say."""

import math
import re

import pytest

from experiments.simulate import run
from experiments.teach.handout import write_handout
from experiments.teach.lesson import read_lessons

LESSONS, ERRORS = read_lessons()
QUESTIONS = [
    pytest.param(q, id=f"{name}-{k}") for name, one in LESSONS.items() for k, q in enumerate(one.questions, 1)
]

ANSWERS = {
    "01_imbalance": (82.6, 17, 1, 66.9),
    "02_voltage": (1, 0.997, 1, 1),
    "03_anm": (0.925, 1.10, 1, 1),
    "04_bid": (7, 78.6, 0, 2),
    "05_band": (10, 13, 1, 0),
    "06_uncertainty": (12.8, 21.1, 1, 2),
    "07_misbid": (0, 1.79, 1, 0),
    "08_microgrids": (1, 147.9, 2, 0),
}
"""What is right, as the explanations have it: numbers, and positions of choices counted from 0."""


@pytest.fixture(scope="module")
def tables_of():
    """Return the tables of a study's run; the same study runs once."""
    runs = {}

    def _tables_of(study):
        key = study.model_dump_json()
        if key not in runs:
            runs[key] = run(study).tables
        return runs[key]

    return _tables_of


def texts_of(lesson):
    """Return all that is shown of a lesson."""
    asked = [text for q in lesson.questions for text in (q.text, q.hint, q.explanation, *(c.text for c in q.choices))]
    return [lesson.title, lesson.summary, lesson.text, *(task.text for task in lesson.tasks), *asked]


def test_all_packaged_lessons_can_be_read():
    assert ERRORS == []
    assert [*LESSONS] == [*ANSWERS]


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_a_lesson_has_a_text_two_to_four_things_to_do_and_two_to_four_questions(lesson):
    assert lesson.summary
    assert 100 < len(lesson.text.split()) < 400
    assert 2 <= len(lesson.tasks) <= 4
    assert 2 <= len(lesson.questions) <= 4


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_what_a_lesson_shows_has_no_html_and_no_line_too_long_for_the_page(lesson):
    for text in texts_of(lesson):
        assert not re.search(r"</?[a-zA-Z!]", text), text
    formulas = [line for line in lesson.text.splitlines() if line.startswith("    ")]
    assert all(len(line) <= 4 + 34 for line in formulas), formulas


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_the_settings_of_a_task_are_those_on_the_page(lesson):
    page = {"bidding", "policy", "rule", "coordination", "band", "penalty", "forecast_error", "battery", "renewables"}
    for task in lesson.tasks:
        if task.settings is not None:
            assert {*task.settings.of("first"), *task.settings.of("second")} <= page, task.text


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_a_hint_and_an_explanation_and_choices_that_differ(question):
    assert question.hint
    assert question.explanation
    assert len({choice.text for choice in question.choices}) == len(question.choices)


def test_a_hand_out_says_which_run_is_which(tmp_path):
    text = write_handout("05_band", tmp_path / "band.md").read_text(encoding="utf-8")
    assert "First run: tolerance band ± 0 % of the bid. Second run: tolerance band ± 30 % of the bid." in text


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(one, marks=[pytest.mark.long] * (one > "03")) for one in LESSONS])
def test_the_simulation_gives_one_right_answer_to_each_question_and_it_is_that_of_the_texts(name, tables_of):
    for question, known in zip(LESSONS[name].questions, ANSWERS[name], strict=True):
        first, second = map(tables_of, LESSONS[name].studies(question))
        right = question.right_answer(first, second)
        assert math.isfinite(right)
        assert question.is_right(right, first, second), question.text
        assert question.is_right(known, first, second), f"{question.text} {right}"
        assert not question.is_right(right + max(1, abs(right)), first, second), question.text
