"""Controls of the page: study, hours, speed, and the sliders."""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from nicegui import ui

from experiments.catalog import list_studies, load_study
from experiments.teach.day import HOURS
from experiments.teach.details import show_keys
from experiments.teach.settings import SLIDERS, WEATHER, Slider

if TYPE_CHECKING:
    from experiments.teach.page import TeachPage
    from experiments.teach.session import Session

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Speeds of playing. [hours per second]"""

REST_S = 0.4
"""Time without a movement after which a slider counts as set: each value on the way would be simulated. [s]"""


class MovableSlider(ui.slider):
    """Slider that the browser moves; NiceGUI's own waits for the server's answer, and loses quick keys."""

    LOOPBACK = False


class Controls:
    """Bar at the top of the page, and the sliders below it.

    Parameters
    ----------
    page : TeachPage
        The page.
    """

    def __init__(self, page: TeachPage) -> None:
        self._page = page
        session = page.session
        with ui.element("header").classes("bar"):
            ui.label("Tieline").classes("name")
            self._own = {session.study.name: session.study}  # studies from files, of lessons or of --study
            names = [*dict.fromkeys([*list_studies(), session.study.name])]
            self._study = ui.select(names, value=session.study.name, on_change=self._take_study)
            self._study.props('dense options-dense aria-label="study"').classes("study")
            _button("restart_alt", "reset", "r", page.reset)
            _button("chevron_left", "back", "left arrow", partial(page.step, -1))
            self._play = _button("play_arrow", "play", "space", page.play).classes("main")
            with self._play:
                self._play_word = ui.label("play").classes("word")
            _button("chevron_right", "step", "right arrow", partial(page.step, 1), word="step")
            self._hour = ui.html(sanitize=False).classes("hour")
            self._slide = MovableSlider(min=0, max=session.length, step=1, value=0).classes("slide")
            self._slide.props('aria-label="hour of the day" color=blue-9').on_value_change(self._slid)
            speeds = {speed: f"{speed:g} h/s" for speed in SPEEDS}
            self._speed = ui.select(speeds, value=page.hours_per_s, on_change=self._take_speed)
            self._speed.props('dense options-dense aria-label="speed"')
            _button("tune", "settings", "s", self.toggle_sliders, word="settings")
            _button("school", "lessons", "l", lambda: page.lesson_view.toggle(), word="lessons")
            _button("keyboard", "keys", "?", show_keys)
        self._shown: tuple[int, ...] = ()

    # ---- hours -------------------------------------------------------------------------------------------

    def update_hour(self) -> None:
        """Write the hour that is shown."""
        session = self._page.session
        shown = (session.hour, session.shown_hour, session.known_hours > 0, session.length)
        if self._shown != shown:
            self._shown = shown
            self._hour.set_content(hour_in_words(session))
            self._slide.props(f"max={session.length}")
            self._slide.set_value(session.hour)
            self.update()

    def _slid(self, event: Any) -> None:
        if event.value is not None and int(event.value) != self._page.session.hour:
            self._page.jump(int(event.value))

    def update(self) -> None:
        """Bring buttons, study and sliders up to date."""
        page = self._page
        playing = page.is_playing
        self._play.props(f'icon={"pause" if playing else "play_arrow"} aria-label="{"pause" if playing else "play"}"')
        self._play_word.set_text("pause" if playing else "play")
        study = page.session.study
        if study.name not in self._study.options:
            self._own[study.name] = study
            self._study.set_options([*self._study.options, study.name])
        if self._study.value != study.name:
            self._study.set_value(study.name)
        self._update_sliders()

    def change_speed(self, factor: float) -> None:
        """Play faster or slower."""
        speed = self._page.hours_per_s * factor
        if speed in SPEEDS:
            self._speed.set_value(speed)

    def _take_speed(self, event: Any) -> None:
        self._page.hours_per_s = float(event.value)
        free_keys()

    def _take_study(self, event: Any) -> None:
        page = self._page
        if event.value != page.session.study.name:
            page.lesson_view.close()
            page.attempt(lambda: page.session.take_study(load_study(self._own.get(event.value, event.value))))
            free_keys()

    # ---- sliders -----------------------------------------------------------------------------------------

    def build_sliders(self) -> None:
        """Make the sliders, hidden until they are asked for."""
        self._box = ui.element("section").classes("card").props('aria-label="settings"')
        self._box.set_visibility(False)
        self._sliders: dict[str, tuple[MovableSlider, ui.html]] = {}
        self._at: dict[str, float] = {}
        self._moved: dict[tuple[Any, str], float] = {}
        self._moved_at = 0.0
        with self._box:
            with ui.row().classes("items-center"):
                ui.label("Settings of").style("font-weight: 700; font-size: 20px")
                whose = {"both": "both runs", "first": "the first", "second": "the second"}
                self._whose = ui.toggle(whose, value="both", on_change=self._update_sliders).props(
                    "no-caps dense padding='4px 12px'"
                )
                ui.label("weather and forecast errors are always shared").classes("note")
            with ui.element("div").classes("sliders"):
                for name, slider in SLIDERS.items():
                    with ui.element("div"):
                        self._sliders[name] = self._slider(name, slider)

    def _slider(self, name: str, slider: Slider) -> tuple[MovableSlider, ui.html]:
        written = ui.html(sanitize=False).classes("slider-head")
        one = MovableSlider(min=slider.low, max=slider.high, step=slider.step, value=slider.low)
        one.props(f'aria-label="{slider.label}" color=blue-9')
        one.on_value_change(lambda event: written.set_content(_written(slider, event.value)))
        one.on("change", lambda event: self._move(name, event.args))
        return one, written

    def _move(self, name: str, value: float) -> None:
        self._moved[self._of(name), name] = value
        self._moved_at = monotonic()

    def take_moved(self) -> None:
        """Choose what the sliders were moved to, as soon as they rest."""
        if self._moved and monotonic() - self._moved_at >= REST_S:
            moved, self._moved = self._moved, {}
            for (whose, name), value in moved.items():
                self._at[name] = value
                self._page.attempt(self._page.session.choose, whose, name, value)

    def _of(self, name: str) -> Any:
        return "both" if name in WEATHER else self._whose.value

    def _update_sliders(self) -> None:
        chosen = self._page.session.chosen("second" if self._whose.value == "second" else "first")
        for name, (slider, written) in self._sliders.items():
            if self._at.get(name) != chosen[name]:  # and else the hand that moves it is ahead of the server
                self._at[name] = chosen[name]
                slider.set_value(chosen[name])
                written.set_content(_written(SLIDERS[name], chosen[name]))

    def toggle_sliders(self) -> None:
        """Show or hide the sliders."""
        self._box.set_visibility(not self._box.visible)
        ui.run_javascript("window.scrollTo(0, 0)")


def free_keys() -> None:
    """Take the focus from a list after something was chosen in it: the keys are those of the page again."""
    ui.run_javascript("document.activeElement?.blur()")


def _written(slider: Slider, value: float) -> str:
    return f"<span>{slider.label}</span> <b>{slider.in_words(value)}</b>"


def _button(icon: str, label: str, key: str, action: Any, *, word: str = "") -> ui.button:
    """Return a button with an icon, a name for screen readers, and its key in the tip."""
    button = ui.button(icon=icon, color=None, on_click=lambda _: action()).props(f'flat aria-label="{label}"')
    if word:
        with button:
            ui.label(word).classes("word")
    return button.tooltip(f"{label} ({key})")


def hour_in_words(session: Session) -> str:
    """Return the hour that is shown as HTML, and where it is on the way to."""

    def words(hour: int) -> str:
        day, of_day = divmod(max(hour - 1, 0), HOURS)
        of_days = f"day {day + 1}, " if session.length > HOURS and hour else ""
        return f"{of_days}hour {of_day + 1 if hour else 0}"

    shown, end = session.shown_hour, (session.shown_hour - 1) % HOURS + 1
    small = f"{end - 1}:00–{end}:00" if shown else "gate closure" if session.known_hours else "computing bids"
    if shown < session.hour:
        small = f"going to {words(session.hour)}"
    return f"{words(shown)}<small>{small}</small>"
