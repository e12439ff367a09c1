"""Lessons to print: text, tasks, and questions with room for the answers."""

from __future__ import annotations

from html import escape
from pathlib import Path

from experiments.streams import say
from experiments.teach.lesson import Lesson, as_html, known, read_lessons
from experiments.teach.session import in_words
from experiments.whole import new_file
from sim.errors import StudyError

PRINT = """
@page { size: A4; margin: 13mm 17mm }
body { font: 11.5pt/1.45 Georgia, 'DejaVu Serif', serif; color: #111; max-width: 46em; margin: 2em auto }
h1 { font-size: 20pt; margin: 0 0 .2em } h2 { font-size: 13pt; margin: 1.4em 0 .4em }
section + section { break-before: page } .about { color: #444; margin: 0 0 .6em } p { margin: .5em 0 }
table { border-collapse: collapse; margin: .6em 0 }
td, th { border: 1px solid #999; padding: .25em .7em; text-align: left; vertical-align: top }
pre { background: #f3f3f3; padding: .6em 1em; white-space: pre-wrap }
ol.tasks, ul.choices { list-style: none; padding: 0 } li p { display: inline }
ol.tasks li::before, ul.choices li::before { content: '\\25A1\\00a0\\00a0'; font-size: 13pt }
ol.tasks li, ul.choices li { padding-left: 1.8em; text-indent: -1.8em }
.answer { display: inline-block; border-bottom: 1px solid #555; width: 10em; height: 1.9em; margin-right: .5em }
.question { break-inside: avoid }
footer { color: #444; font-size: 9pt; margin-top: 1em }
code { overflow-wrap: anywhere }
@media screen and (max-width: 700px) { body { margin: 1em } }
@media print { body { font-size: 10.2pt; line-height: 1.32; margin: 0; max-width: none }
  h1 { font-size: 17pt } h2 { font-size: 12pt; margin: .8em 0 .2em }
  .answer { height: 1.5em } td, th { padding: .15em .6em } ol, ul, pre, table { margin: .4em 0 } }
"""
"""Style of a printed lesson."""


def write_handout(name: str, file: Path, own_lessons: Path | None = None) -> Path:
    """Write a lesson, or all of them, as HTML or Markdown to print.

    Parameters
    ----------
    name : str
        Name of the lesson, or ``all``.
    file : Path
        File that must not exist; its suffix, .html or .md, says in which form.
    own_lessons : Path, optional
        Folder with further lessons.

    Raises
    ------
    StudyError
        If there is no such lesson, or the file is there already or can't be written.
    """
    lessons, errors = read_lessons(own_lessons)
    for error in errors:
        say(f"this lesson is left out: {error}")
    chosen = [*lessons.values()] if name == "all" else [known(lessons, name)]
    makers = {".html": _html, ".md": _markdown}
    if file.suffix not in makers:
        raise StudyError(f"--out {file}: give a file that ends in .html or .md")
    with new_file(file) as unfinished:
        unfinished.write_text(makers[file.suffix](chosen), encoding="utf-8")
    return file


def _runs(lesson: Lesson) -> str:
    """Return what is chosen for the runs of a lesson."""
    whose = {"both": "Both runs", "first": "First run", "second": "Second run"}
    chosen = {who: [in_words(*one) for one in getattr(lesson.settings, which).items()] for which, who in whose.items()}
    return " ".join(f"{who}: {', '.join(what)}." for who, what in chosen.items() if what) or "Both runs: as the study."


def _command(lesson: Lesson) -> str:
    return f"tieline teach, key l, lesson “{lesson.title}” (study {Path(lesson.study).stem})"


def _html(lessons: list[Lesson]) -> str:
    title = lessons[0].title if len(lessons) == 1 else "Lessons of Tieline"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{PRINT}</style>'
    return head + "".join(f"<section>{_section(lesson)}</section>" for lesson in lessons) + "</html>\n"


def _section(lesson: Lesson) -> str:
    tasks = "".join(f"<li>{as_html(task.text)}</li>" for task in lesson.tasks)
    parts = [f'<h1>{escape(lesson.title)}</h1><p class="about">{escape(lesson.summary)}</p>', as_html(lesson.text)]
    parts.append(f"<p><strong>{escape(_runs(lesson))}</strong></p>")
    if tasks:
        parts.append(f'<h2>To do</h2><ol class="tasks">{tasks}</ol>')
    parts.append("<h2>Questions</h2>")
    for number, question in enumerate(lesson.questions, start=1):
        choices = "".join(f"<li>{escape(choice.text)}</li>" for choice in question.choices)
        room = (
            f'<ul class="choices">{choices}</ul>' if choices else f'<div class="answer"></div>{escape(question.unit)}'
        )
        text = as_html(f"**{number}.** {question.text}")
        parts.append(f'<div class="question">{text}{room}</div>')
    return "\n".join([*parts, f"<footer>{escape(_command(lesson))}</footer>"])


def _markdown(lessons: list[Lesson]) -> str:
    return "\n\n".join(map(_page, lessons)) + "\n"


def _page(lesson: Lesson) -> str:
    lines = [f"# {lesson.title}", "", f"*{lesson.summary}*", "", lesson.text, "", _runs(lesson), ""]
    if lesson.tasks:
        lines += ["## To do", "", *(f"- [ ] {task.text}" for task in lesson.tasks), ""]
    lines += ["## Questions", ""]
    for number, question in enumerate(lesson.questions, start=1):
        lines += [f"{number}. {question.text}", ""]
        lines += [f"   - [ ] {choice.text}" for choice in question.choices] or [f"   ______________ {question.unit}"]
        lines.append("")
    return "\n".join([*lines, f"*{_command(lesson)}*"])
