"""Page of one session: its parts, and their update when the hour or the runs change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

from nicegui import ui

from experiments.teach.controls import Controls
from experiments.teach.details import show_keys, show_part
from experiments.teach.lesson import Lesson
from experiments.teach.lesson_view import LessonView
from experiments.teach.money_table import MoneyTable
from experiments.teach.panel_view import PanelView
from experiments.teach.panels import GROUPS, PANELS, panels_of
from experiments.teach.reason import reason
from experiments.teach.run_head import RunHead
from experiments.teach.session import WHICH, Session
from sim.errors import StudyError

TICK_S = 0.1
"""Time between two looks at what was simulated. [s]"""

LETTERS = "abcdefgh"
"""Letters of the panels, from top to bottom."""

AGAIN_S = 1.0
"""Time after which a browser that came back has received the old messages. [s]"""


class TeachPage:
    """Page of one session.

    Parameters
    ----------
    session : Session
        Runs and choices of this browser tab.
    lessons : dict of str to Lesson
        The lessons.
    left_out : sequence of str
        What is wrong with the lessons that were left out.
    lesson : str, optional
        Lesson that is opened at once.
    """

    def __init__(
        self, session: Session, lessons: dict[str, Lesson], left_out: Sequence[str] = (), lesson: str = ""
    ) -> None:
        self.session, self.lessons, self.left_out = session, lessons, left_out
        self.group = "all"
        self.is_playing, self.hours_per_s = False, 1.0
        self._stepped = 0.0
        self._seen: Any = None
        self._drawn: dict[int, str] = {}
        self._to_draw: dict[int, str] = {}
        self._build()
        if lesson in lessons:
            self.lesson_view.open(lessons[lesson])
        self._connections = 0
        ui.context.client.on_connect(self._connected)
        ui.on("page_key", lambda event: self.press(str(event.args)))
        ui.timer(TICK_S, self._tick)

    def _build(self) -> None:
        self.controls = Controls(self)
        with ui.element("div").classes("progress").props("aria-hidden=true"):
            self._progress = ui.element("div")
        with ui.element("div").classes("says"):
            self._why = ui.label().classes("why").props("role=status aria-live=polite")
            self._note = ui.label().classes("note")
        self._trouble = ui.label().classes("trouble").props("role=alert")
        with ui.element("div").classes("body"):
            self.lesson_view = LessonView(self)
            with ui.element("main").classes("main-column") as self._main:
                self.controls.build_sliders()
                with ui.element("div").classes("two"):
                    self._heads = [RunHead(self, which) for which in WHICH]
                self._groups = ui.element("nav").classes("groups").props('aria-label="panels"')
                self._panels_at = ui.element("div").classes("main-column")
        self._build_panels()

    def _build_panels(self) -> None:
        """Make the panels of the study anew."""
        names = panels_of(self.session.first)
        self._group_names = [
            group for group in GROUPS if group == "all" or any(PANELS[n].group == group for n in names)
        ]
        self._groups.clear()
        self._panels_at.clear()
        self._drawn.clear()
        self._to_draw.clear()
        ui.run_javascript("waiting.clear()")
        with self._groups:
            self._group_buttons = {
                group: ui.button(GROUPS[group], color=None, on_click=lambda _, group=group: self.show(group))
                .props(f'flat aria-label="{GROUPS[group]}, key {k}"')
                .tooltip(f"key {k}")
                for k, group in enumerate(self._group_names, start=1)
            }
        with self._panels_at:
            self._panels = []
            for letter, name in zip(LETTERS, names, strict=False):
                self._panels.append(PanelView(self, name, letter))
                if name == "money":
                    self._money = MoneyTable(self)
        self._built_for = self.session.study.name
        self.show(self.group if self.group in self._group_names else "all")

    # ---- what can be done --------------------------------------------------------------------------------

    def show(self, group: str) -> None:
        """Show the panels of a group large, or all."""
        self.group = group
        for name, button in self._group_buttons.items():
            button.classes(add="on" if name == group else "", remove="" if name == group else "on")
            button.props(f"aria-pressed={'true' if name == group else 'false'}")
        for panel in self._panels:
            panel.show(group)
        self._money.root.set_visibility(group in ("all", "money"))
        self._main.classes(add="" if group == "all" else "one-large", remove="one-large" if group == "all" else "")
        ui.run_javascript("window.scrollTo(0, 0)")
        self._seen = None

    def play(self, playing: bool | None = None) -> None:
        """Play or pause; at the end of the run it begins anew."""
        self.is_playing = not self.is_playing if playing is None else playing
        if self.is_playing and self.session.hour >= self.session.length:
            self.session.reset()
        self.controls.update()

    def step(self, hours: int) -> None:
        """Go on, or back, by some hours."""
        self.is_playing = False
        self.session.step(hours)
        self._tick()

    def jump(self, hour: int) -> None:
        """Go to an hour."""
        self.session.jump(hour)
        self._tick()

    def reset(self) -> None:
        """Go back to gate closure."""
        self.is_playing = False
        self.jump(0)

    def press(self, key: str) -> None:
        """Do what a key stands for."""
        actions = {
            " ": self.play,
            "ArrowRight": lambda: self.step(1),
            "ArrowLeft": lambda: self.step(-1),
            "Home": self.reset,
            "r": self.reset,
            "End": lambda: self.jump(self.session.length),
            "s": self.controls.toggle_sliders,
            "l": self.lesson_view.toggle,
            "+": lambda: self.controls.change_speed(2.0),
            "-": lambda: self.controls.change_speed(0.5),
            "?": show_keys,
        }
        if key in actions:
            actions[key]()
        elif key.isdecimal() and 1 <= int(key) <= len(self._group_names):
            self.show(self._group_names[int(key) - 1])

    def attempt(self, change: Any, *arguments: Any) -> None:
        """Change the session; what is wrong is said, and all stays as it was."""
        try:
            change(*arguments)
        except StudyError as error:
            ui.notify(str(error).splitlines()[0], type="negative", position="top", timeout=8000, close_button="close")
        if self._built_for != self.session.study.name:
            self._build_panels()
        self._seen = None
        self.controls.update()
        for head in self._heads:
            head.update_choices()
        self._tick()

    def open_part(self, kind: str, name: int | str) -> None:
        """Show the day of a bus, unit or microgrid."""
        show_part(self.session.days, kind, name, self.session.names)

    async def _connected(self) -> None:
        """Send everything once more to a browser that was cut off: NiceGUI repeats old messages after newer ones."""
        self._connections += 1
        if self._connections > 1:
            client = ui.context.client
            await asyncio.sleep(AGAIN_S)
            for element in [*client.elements.values()]:
                element.update()
            self._drawn.clear()
            self._seen = None

    # ---- update ------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        session = self.session
        if self.is_playing and session.is_ready and monotonic() - self._stepped >= 1 / self.hours_per_s:
            self._stepped = monotonic()
            session.step()
            if session.hour >= session.length:
                self.play(False)
        self.controls.take_moved()
        seen = (
            *session.both,
            session.shown_hour,
            session.known_hours > 0,
            session.error,
            self.group,
        )
        if seen != self._seen:
            self._seen = seen
            self._update()
        self.controls.update_hour()
        self._update_progress()

    def draw(self, chart: ui.echart, options: str) -> None:
        """Have a chart drawn, with its options as JSON; one that is drawn so already is left alone.

        As a text they cost the server next to nothing: they are not looked through for each browser.
        """
        if self._drawn.get(chart.id) != options:
            self._drawn[chart.id] = self._to_draw[chart.id] = options

    def _send_charts(self) -> None:
        if self._to_draw:
            charts = ",".join(f"{number}:{options}" for number, options in self._to_draw.items())
            self._to_draw.clear()
            ui.run_javascript(f"drawCharts({{{charts}}})")

    def _update(self) -> None:
        """Bring everything up to date with the hour that is shown."""
        self._update_parts()
        self._send_charts()

    def _update_parts(self) -> None:
        session = self.session
        known = session.known_hours > 0
        self._panels_at.classes(add="" if known else "stale", remove="stale" if known else "")
        for head in self._heads:
            head.update()
        self._trouble.set_visibility(bool(session.error))
        self._trouble.set_text(session.error)
        if not known:
            self._why.set_text("" if session.error else "Both runs are computing their bids for the day …")
            for panel in self._panels:
                panel.update(session.days)
            return
        days = session.days
        self._why.set_text(reason(*days, session.names))
        trouble = [
            f"{name}: {'; '.join(day.trouble)}" for name, day in zip(session.names, days, strict=True) if day.trouble
        ]
        if trouble:
            self._trouble.set_text(" · ".join(trouble))
            self._trouble.set_visibility(True)
        for panel in self._panels:
            panel.update(days)
        self._money.update(days)
        self.lesson_view.update()

    def _update_progress(self) -> None:
        session = self.session
        hours, length = session.known_hours, session.length
        done = hours >= length or bool(session.error)
        self._progress.style(f"width: {0 if done else 100 * (hours + 0.5) / length:.0f}%")
        waits = not session.is_ready and not session.error
        self._note.set_text(f"simulating: {hours} of {length} hours" if waits else "")
