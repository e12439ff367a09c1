"""Lessons beside the panels: list, text, tasks that are ticked off, questions that the simulation checks."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from experiments.catalog import load_study
from experiments.teach.lesson import Lesson, Question, RunSettings, Task, as_html
from experiments.teach.runs import StudyRun
from experiments.teach.session import WHICH
from experiments.teach.settings import CHOICES, SLIDERS
from sim.errors import StudyError

if TYPE_CHECKING:
    from experiments.teach.page import TeachPage


class LessonView:
    """Lessons of the page.

    Parameters
    ----------
    page : TeachPage
        The page.
    """

    def __init__(self, page: TeachPage) -> None:
        self._page = page
        self.lesson: Lesson | None = None
        self._tasks: list[tuple[Task, ui.element]] = []
        self._done: set[int] = set()
        self._right: set[int] = set()
        self.root = ui.element("aside").classes("aside").props('aria-label="lessons"')
        self.root.set_visibility(False)

    def toggle(self) -> None:
        """Show or hide the lessons."""
        self.root.set_visibility(not self.root.visible)
        if self.root.visible and self.lesson is None:
            self._list()

    def close(self) -> None:
        """Leave the lesson."""
        self.lesson = None
        self.root.set_visibility(False)

    def _list(self) -> None:
        self.lesson = None
        self.root.clear()
        with self.root:
            ui.html("<h2>Lessons</h2>", sanitize=False)
            for number, lesson in enumerate(self._page.lessons.values(), start=1):
                item = ui.button(color=None, on_click=partial(self.open, lesson)).props("flat no-caps align=left")
                with item.classes("lesson-item"), ui.element("div"):
                    with ui.element("b"):
                        ui.label(f"{number}  {lesson.title}")
                    ui.label(lesson.summary).style("font-weight: 400; font-size: 16px")
            if self._page.left_out:
                ui.html("<h3>Left out</h3>", sanitize=False)
                for fault in self._page.left_out:
                    ui.label(fault).classes("left-out")

    def open(self, lesson: Lesson) -> None:
        """Begin a lesson: its runs, its hour, its panel."""
        page = self._page
        self.lesson, self._done, self._right = lesson, set(), set()
        page.attempt(lambda: page.session.take_lesson(lesson, load_study(lesson.study)))
        page.show(lesson.panel)
        self.root.set_visibility(True)
        self.root.clear()
        with self.root:
            with ui.row().classes("items-center"):
                ui.button("all lessons", icon="arrow_back", color=None, on_click=self._list).props("flat dense")
                ui.button("settings of the lesson", color=None, on_click=self._again).props("flat dense")
            ui.label(lesson.title).style("font-size: 25px; font-weight: 700; line-height: 1.25; margin: 6px 0 10px")
            ui.html(as_html(lesson.text), sanitize=False).classes("text")
            if lesson.tasks:
                ui.html("<h3>To do</h3>", sanitize=False)
            self._tasks = [(task, self._task(k, task)) for k, task in enumerate(lesson.tasks)]
            ui.html("<h3>Questions</h3>", sanitize=False)
            for k, question in enumerate(lesson.questions):
                self._question(k, question)
            self._finish = (
                ui.label().classes("verdict right").style("margin-top: 14px; font-size: 20px").props("role=status")
            )
        self.update()

    def _again(self) -> None:
        page = self._page
        if self.lesson is not None:
            page.attempt(page.session.take_settings, self.lesson.settings)

    def _set_up(self, question: Question) -> None:
        """Show the runs of a question for whose settings the page has no control."""
        page = self._page
        if self.lesson is not None:
            page.attempt(page.session.take_settings, question.settings.over(self.lesson.settings))

    # ---- tasks -------------------------------------------------------------------------------------------

    def _task(self, k: int, task: Task) -> ui.element:
        with ui.element("div").classes("task") as row:
            box = ui.element("button").classes("box").props(f'aria-label="task {k + 1} done"')
            box.on("click", partial(self._tick_off, k))
            with box:
                ui.label("✓")
            ui.html(as_html(task.text), sanitize=False)
        return row

    def _tick_off(self, k: int) -> None:
        self._done ^= {k}
        self.update()

    def update(self) -> None:
        """Tick off what is done by now."""
        if self.lesson is None:
            return
        for k, (task, row) in enumerate(self._tasks):
            if (task.hour is not None or task.settings) and self._is_done(task):
                self._done.add(k)
            row.classes(add="done" if k in self._done else "", remove="" if k in self._done else "done")

    def _is_done(self, task: Task) -> bool:
        session = self._page.session
        reached = task.hour is None or (session.hour >= task.hour and session.is_ready)
        return reached and (task.settings is None or not self._differing(task.settings))

    def _differing(self, settings: RunSettings) -> list[str]:
        """Return those settings that are not as wanted."""
        return [
            f"{which} run: {name.replace('_', ' ')} {value}"
            for which in WHICH
            for name, value in settings.of(which).items()
            if self._page.session.chosen(which).get(name) != value
        ]

    # ---- questions ---------------------------------------------------------------------------------------

    def _question(self, k: int, question: Question) -> None:
        with ui.element("div").classes("question"):
            ui.html(as_html(question.text), sanitize=False).classes("text")
            given: Any
            if question.choices:
                given = ui.radio({n: choice.text for n, choice in enumerate(question.choices)}).props("dense")
            else:
                given = (
                    ui.input(label=question.unit or "number")
                    .props("dense inputmode=decimal")
                    .style("max-width: 220px")
                )
            with ui.row().classes("items-center"):
                check = ui.button("check", color=None).props("outline no-caps")
                settings = question.settings
                if {*settings.both, *settings.first, *settings.second} - {*SLIDERS, *CHOICES}:
                    show = ui.button("show these runs", color=None, on_click=partial(self._set_up, question))
                    show.props("flat no-caps")
                verdict = ui.label().classes("verdict").props("role=status")
            more = ui.html(sanitize=False).classes("text")
            given.on_value_change(lambda _: verdict.set_text(""))
            check.on("click", partial(self._check, k, question, given, verdict, more))
            if not question.choices:
                given.on("keydown.enter", partial(self._check, k, question, given, verdict, more))

    async def _check(self, k: int, question: Question, given: Any, verdict: ui.label, more: ui.html) -> None:
        """Compare an answer with that of the simulation, which may have to run first."""
        lesson = self.lesson
        value = given.value if question.choices else _number(given.value)
        if lesson is None or value is None:
            verdict.set_text("choose an answer" if question.choices else "write a number")
            return
        verdict.classes(replace="verdict")
        verdict.set_text("checking …")
        try:
            first, second = await self._simulated(lesson, question)
            right = question.is_right(value, first.records.tables, second.records.tables)
        except StudyError as error:
            verdict.set_text(str(error))
            return
        verdict.set_text("Right." if right else "Not yet.")
        verdict.classes(replace="verdict right" if right else "verdict wrong")
        more.set_content(as_html(question.explanation if right else self._hint(lesson, question)))
        self._right = self._right | {k} if right else self._right - {k}
        if len(self._right) == len(lesson.questions):
            self._finish.set_text("All questions are answered: the lesson is done.")

    def _hint(self, lesson: Lesson, question: Question) -> str:
        wanted = question.settings.over(lesson.settings)
        others = self._differing(wanted)
        asked = f" (The question is about other settings than yours: {'; '.join(others)}.)" if others else ""
        return question.hint + asked

    async def _simulated(self, lesson: Lesson, question: Question) -> tuple[StudyRun, StudyRun]:
        """Return the runs that a question is about, simulated to the end.

        Raises
        ------
        StudyError
            If one of them can't be.
        """
        first, second = self._page.session.runs_of(lesson.studies(question), self)
        try:
            for run in (first, second):
                await _end_of(run)
        finally:
            self._page.session.leave(first, second, viewer=self)
        return first, second


async def _end_of(run: StudyRun) -> None:
    import asyncio

    while not run.is_done:
        await asyncio.sleep(0.1)
    if run.error:
        raise StudyError(f"the simulation of the answer failed: {run.error}")


def _number(text: object) -> float | None:
    """Return a number as somebody wrote it: with a comma, a unit, a true minus."""
    plain = str(text or "").replace("−", "-").replace(" ", "")
    if re.search(r"\d,\d{3}(\D|$)", plain) and "." in plain:
        plain = plain.replace(",", "")
    found = re.search(r"-?\$?(\d+([.,]\d+)?|[.,]\d+)", plain)
    return None if found is None else float(found[0].replace("$", "").replace(",", "."))
