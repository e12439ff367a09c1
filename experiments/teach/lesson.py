"""Lessons: Markdown files whose header says which runs are shown, what to do, and what is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from markdown_it import MarkdownIt
from pydantic import Field, ValidationError, field_validator, model_validator

from experiments.catalog import load_study
from experiments.teach.hour_table import Tables
from experiments.teach.quantity import Condition, Quantity
from experiments.teach.settings import changed, choices_of, refuse_for_a_task, refuse_setting
from grids.components import Data, Word
from grids.documents import DocumentError, first_few, parse_yaml, shown
from sim.changes import explain
from sim.errors import StudyError
from sim.study import Study

PACKAGED = Path(__file__).parent / "lessons"
MOST_BYTES = 200_000
"""Largest size of a lesson. [bytes]"""

Settings = dict[Word, Any]


class RunSettings(Data):
    """Settings of both runs, of the first and of the second, see :func:`experiments.teach.settings.changed`."""

    both: Settings = Field(default_factory=dict)
    first: Settings = Field(default_factory=dict)
    second: Settings = Field(default_factory=dict)

    def of(self, run: Literal["first", "second"]) -> Settings:
        """Return the settings of one run; its own win over those of both."""
        return {**self.both, **(self.first if run == "first" else self.second)}

    def over(self, base: RunSettings) -> RunSettings:
        """Return these settings where they say something, and else those of another."""
        parts: Any = {name: {**getattr(base, name), **getattr(self, name)} for name in ("both", "first", "second")}
        return RunSettings(**parts)


class Task(Data):
    """Something to do: a text, and the hour or the settings at which it counts as done."""

    text: str
    hour: Annotated[int, Field(ge=0, le=24)] | None = None
    settings: RunSettings | None = None


class Choice(Data):
    """An answer to choose, and the condition under which it is the right one."""

    text: str
    right_if: tuple[Condition, ...]

    @field_validator("right_if")
    @classmethod
    def _not_empty(cls, value: tuple[Condition, ...]) -> tuple[Condition, ...]:
        if not value:
            raise ValueError("give the condition under which this answer is right")
        return value

    @model_validator(mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("right_if"), dict):
            return {**value, "right_if": (value["right_if"],)}
        return value


class Question(Data):
    """A question the simulation checks: a number, or one of some choices.

    Attributes
    ----------
    text : str
        The question.
    answer : Quantity, optional
        The number that is right.
    unit : str
        Its unit.
    tolerance : float
        Largest relative error of an answer that is right; half of the last digit shown on the page always is.
    choices : tuple of Choice
        Answers to choose from; just one of them is right.
    settings : RunSettings
        What is changed for this question.
    hint, explanation : str
        Shown after a wrong, and after a right answer.
    """

    text: str
    answer: Quantity | None = None
    unit: Word = ""
    tolerance: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    choices: tuple[Choice, ...] = ()
    settings: RunSettings = RunSettings()
    hint: str = ""
    explanation: str = ""

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        if (self.answer is None) == (not self.choices):
            raise ValueError("give an answer, or two or more choices")
        if len(self.choices) == 1:
            raise ValueError("choices: give two or more")
        return self

    def right_answer(self, first: Tables, second: Tables) -> float | int:
        """Return the number that is right, or the position of the right choice.

        Raises
        ------
        StudyError
            If none of the choices is right, or more than one.
        """
        if self.answer is not None:
            return self.answer.value(first, second)
        right = [k for k, one in enumerate(self.choices) if all(part.holds(first, second) for part in one.right_if)]
        if len(right) != 1:
            raise StudyError(f"'{shown(self.text, 60)}': {len(right)} of {len(self.choices)} choices are right, not 1")
        return right[0]

    def is_right(self, given: float, first: Tables, second: Tables) -> bool:
        """Return whether an answer is right: a number, or the position of a choice."""
        right = self.right_answer(first, second)
        if self.choices:
            return given == right
        rounding = 0.0 if self.answer is not None and self.answer.take in WHOLE else 0.5 * 10.0 ** -_digits(right)
        return abs(given - right) <= max(self.tolerance * abs(right) if rounding else 0.0, rounding) + 1e-9


WHOLE = ("hour_of_min", "hour_of_max", "count")
"""Values of `take` that give a whole number."""


def _digits(value: float) -> int:
    """Return the decimals with which the page shows a number."""
    return 0 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3


class Lesson(Data):
    """A lesson: its header, and its text in Markdown.

    Attributes
    ----------
    name : str
        Name of its file, without the suffix.
    title, summary : str
        Title, and one sentence about it.
    study : str
        Packaged study, or a study file beside the lesson.
    settings : RunSettings
        Settings of the two runs.
    hour : int
        Hour that is shown first; 0 is gate closure.
    panel : str
        Panel that is shown large, or ``all``.
    tasks : tuple of Task
        What to do.
    questions : tuple of Question
        What is asked.
    text : str
        The Markdown below the header.
    """

    name: str = ""
    title: Annotated[str, Field(max_length=120)]
    summary: str = ""
    study: str = "microgrid33"
    settings: RunSettings = RunSettings()
    hour: Annotated[int, Field(ge=0, le=24)] = 0
    panel: Literal["all", "network", "tie_line", "power", "storage", "money", "exchange"] = "all"
    tasks: tuple[Task, ...] = ()
    questions: tuple[Question, ...]
    text: str = ""

    @field_validator("questions")
    @classmethod
    def _at_least_one(cls, value: tuple[Question, ...]) -> tuple[Question, ...]:
        if not value:
            raise ValueError("ask at least one")
        return value

    def studies(self, question: Question | None = None) -> tuple[Study, Study]:
        """Return the two studies of the lesson, or of one of its questions.

        Raises
        ------
        StudyError
            If the study or a setting is wrong.
        """
        settings = self.settings if question is None else question.settings.over(self.settings)
        base = load_study(self.study)
        return changed(base, settings.of("first")), changed(base, settings.of("second"))

    def faults(self) -> list[str]:
        """Return what is wrong with study, panel and settings: field, message, remedy.

        Raises
        ------
        StudyError
            If the study can't be used.
        """
        study, found = load_study(self.study), []
        if self.panel == "exchange" and "coordination" not in choices_of(study):
            found.append(f"panel: {study.name} has no microgrids to show; choose another panel")
        wanted = [(f"tasks.{k}.", task.settings) for k, task in enumerate(self.tasks) if task.settings is not None]
        asked = [(f"questions.{k}.", question.settings) for k, question in enumerate(self.questions)]
        for where, settings in [("", self.settings), *wanted, *asked]:
            for part in ("both", "first", "second"):
                for name, value in getattr(settings, part).items():
                    try:
                        refuse_setting(study, name, value, shared=part == "both")
                        if where.startswith("tasks"):
                            refuse_for_a_task(name, value)
                    except StudyError as error:
                        found.append(f"{where}settings.{part}.{error}")
        return found


def read_lesson(path: Path) -> Lesson:
    """Return the lesson in a Markdown file.

    Raises
    ------
    StudyError
        If the file can't be read, or something is wrong in its header; the message names file, field and remedy.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: can't be read as UTF-8 text ({type(error).__name__})") from None
    if len(text) > MOST_BYTES:
        raise StudyError(f"{path}: is larger than {MOST_BYTES // 1000} kB, no lesson")
    parts = re.match(r"\A---\r?\n(.*?)^---[ \t]*\r?\n?(.*)\Z", text, re.DOTALL | re.MULTILINE)
    if parts is None:
        raise StudyError(f"{path}: begins without a header between two lines of ---, see the README of the lessons")
    try:
        header = parse_yaml(parts[1])
    except DocumentError as error:
        raise StudyError(f"{path}: the header can't be read, it {error}") from None
    if not isinstance(header, dict):
        raise StudyError(f"{path}: the header has no keys, see the README of the lessons")
    header = {str(key): value for key, value in header.items()} | {"name": path.stem, "text": parts[2].strip()}
    beside = path.parent / str(header.get("study", ""))
    if beside.suffix in {".yaml", ".yml"} and beside.is_file():
        header["study"] = str(beside.resolve())
    try:
        lesson = Lesson.model_validate(header)
    except ValidationError as error:
        raise StudyError("\n".join(first_few([f"{path}: {line}" for line in explain(error, Lesson)]))) from None
    try:
        faults = lesson.faults()
        for question in () if faults else (None, *lesson.questions):
            lesson.studies(question)  # each setting is right; they may not go together
    except StudyError as error:
        faults = [str(error)]
    if faults:
        raise StudyError("\n".join(first_few([f"{path}: {fault}" for fault in faults])))
    return lesson


def read_lessons(own: Path | None = None) -> tuple[dict[str, Lesson], list[str]]:
    """Return the packaged lessons and those of a lecturer's folder by name, and what is wrong with the others.

    Raises
    ------
    StudyError
        If there is no such folder.
    """
    if own is not None and not own.is_dir():
        raise StudyError(f"--lessons {own}: is no folder; give the folder with your lessons (*.md)")
    lessons: dict[str, Lesson] = {}
    errors: list[str] = []
    for folder in [PACKAGED, *([own] if own is not None else [])]:
        for path in sorted(folder.glob("*.md")):
            if path.stem.upper() != "README":
                try:
                    lessons[path.stem] = read_lesson(path)
                except StudyError as error:
                    errors.append(str(error))
    return lessons, errors


def as_html(markdown: str) -> str:
    """Return Markdown as HTML; HTML in it is shown as text, links to scripts are not made, pictures are not loaded.

    Examples
    --------
    >>> as_html("**bid** <script>alert(1)</script>").strip()
    '<p><strong>bid</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>'
    """
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image").render(markdown)
    return html


def known(lessons: Mapping[str, Lesson], name: str) -> Lesson:
    """Return a lesson by its name.

    Raises
    ------
    StudyError
        If there is none.
    """
    if name not in lessons:
        raise StudyError(f"unknown lesson '{shown(name, 60)}': use one of {', '.join(lessons)}")
    return lessons[name]
