"""Session of one browser tab: two runs on the same weather, the hour that is shown, and what is chosen."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from experiments.teach.day import HOURS, Day
from experiments.teach.lesson import Lesson, RunSettings
from experiments.teach.runs import Runs, StudyRun
from experiments.teach.settings import SLIDERS, WEATHER, changed, chosen_in
from sim.errors import StudyError
from sim.study import Study

Which = Literal["first", "second"]
WHICH: tuple[Which, Which] = ("first", "second")
"""The two runs."""

DEFAULT = RunSettings(first={"bidding": "basic"}, second={"bidding": "anm_aware"})
"""Settings of the two runs when the page is opened."""


class Session:
    """Two runs of a study side by side.

    Parameters
    ----------
    runs : Runs
        The runs, shared by all sessions.
    study : Study
        The study.
    settings : RunSettings
        What is changed in it for either run.
    stored : StudyRun, optional
        A stored run, which is the first until one of its settings is changed.

    Attributes
    ----------
    names : tuple of str
        Names of the runs: what is chosen differently in them.
    hour : int
        Hour of the run that is asked for; 0 is the gate closure, at which only the bids are known.
    """

    def __init__(
        self, runs: Runs, study: Study, settings: RunSettings = DEFAULT, *, stored: StudyRun | None = None
    ) -> None:
        self._runs, self.study, self.settings = runs, study, settings
        self.hour = 0
        self._shown: dict[Which, StudyRun] = {}
        self._stored = stored
        self._take(study, settings)

    @property
    def first(self) -> StudyRun:
        """The first run."""
        return self._shown["first"]

    @property
    def second(self) -> StudyRun:
        """The second run."""
        return self._shown["second"]

    @property
    def both(self) -> tuple[StudyRun, StudyRun]:
        """Both runs."""
        return self.first, self.second

    @property
    def length(self) -> int:
        """Number of hours that both runs have."""
        return min(run.length for run in self.both)

    @property
    def known_hours(self) -> int:
        """Number of hours that both runs were simulated so far."""
        return min(run.records.hours for run in self.both)

    @property
    def shown_hour(self) -> int:
        """Hour that is shown: the one asked for, or the last that is simulated."""
        return min(self.hour, self.known_hours)

    @property
    def is_ready(self) -> bool:
        """True where both runs are simulated up to the hour that is to be shown; bids are known with the first."""
        return self.known_hours >= max(self.hour, 1)

    @property
    def error(self) -> str:
        """Reason why a run can't be shown, or empty."""
        texts = [f"{which} run: {self._shown[which].error}" for which in WHICH if self._shown[which].error]
        return "; ".join(texts)

    @property
    def days(self) -> tuple[Day, Day]:
        """Both runs on the day that is shown, up to the hour that is shown, or as far as they are simulated."""
        shown = self.shown_hour
        day, hour = divmod(max(shown - 1, 0), HOURS)
        make = _day if self.known_hours else _day.__wrapped__  # before, there are no bids yet
        first, second = (make(run, day + 1, hour + 1 if shown else 0) for run in self.both)
        return first, second

    def _names(self) -> tuple[str, str]:
        first, second = (self.chosen(which) for which in WHICH)
        keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
        if not keys:
            return "first run", "second run"
        one, other = (", ".join(in_words(key, chosen.get(key)) for key in keys) for chosen in (first, second))
        return one, other

    def chosen(self, which: Which) -> dict[str, Any]:
        """Return the settings of one run, with those that are the study's own."""
        return {**chosen_in(self.study), **self.settings.of(which)}

    def step(self, hours: int = 1) -> None:
        """Go on, or back, by some hours."""
        self.jump(self.hour + hours)

    def jump(self, hour: int) -> None:
        """Go to an hour, at most to the last."""
        self.hour = min(max(hour, 0), self.length)

    def reset(self) -> None:
        """Go back to gate closure."""
        self.hour = 0

    def choose(self, which: Which | Literal["both"], name: str, value: Any) -> None:
        """Change a setting of one run or of both; if that fails, all stays as it is.

        Raises
        ------
        StudyError
            If the value is wrong.
        """
        parts: Any = {"both": {**self.settings.both}, "first": {**self.settings.first}}
        parts["second"] = {**self.settings.second}
        if which == "both" or name in WEATHER:
            for part in parts.values():
                part.pop(name, None)
            parts["both"][name] = value
        else:
            parts[which][name] = value
        self._take(self.study, RunSettings(**parts))

    def take_study(self, study: Study) -> None:
        """Show another study, with the settings as they are when the page is opened."""
        self._take(study, DEFAULT)
        self.reset()

    def take_lesson(self, lesson: Lesson, study: Study) -> None:
        """Show the runs of a lesson."""
        self._take(study, lesson.settings)
        self.jump(lesson.hour)

    def take_settings(self, settings: RunSettings) -> None:
        """Show other settings of the same study."""
        self._take(self.study, settings)

    def runs_of(self, studies: tuple[Study, Study], viewer: object) -> tuple[StudyRun, StudyRun]:
        """Return the runs of other studies, for somebody who looks at them beside this session."""
        first, second = (self._runs.of(study, viewer) for study in studies)
        return first, second

    def leave(self, *runs: StudyRun, viewer: object) -> None:
        """Have somebody look at runs no longer."""
        for run in runs:
            self._runs.leave(run, viewer)

    def close(self) -> None:
        """Leave the runs: the tab was closed."""
        for run in self.both:
            self._runs.leave(run, self)

    def _take(self, study: Study, settings: RunSettings) -> None:
        studies: dict[Which, Study] = {which: changed(study, settings.of(which)) for which in WHICH}
        if any(getattr(studies["first"], name) != getattr(studies["second"], name) for name in ("seed", "days")):
            raise StudyError("both runs must have the same weather: give seed and days for both")
        shown: dict[Which, StudyRun] = {}
        for which in WHICH:
            stored = which == "first" and self._stored is not None and studies[which] == self._stored.study
            shown[which] = self._stored if stored and self._stored else self._runs.of(studies[which], self)
        for run in set(self._shown.values()) - set(shown.values()):
            self._runs.leave(run, self)
        self._shown, self.study, self.settings = shown, study, settings
        self.names = self._names()
        self.jump(self.hour)


@lru_cache(maxsize=1500)
def _day(run: StudyRun, day: int, hour: int) -> Day:
    """Return a day of a run up to an hour, made once for all sessions: what was simulated does not change."""
    return Day(run, run.records, day, hour)


def in_words(setting: str, value: Any) -> str:
    """Return a setting as it stands in the name of a run."""
    if setting == "bidding":
        return {"basic": "basic bid", "anm_aware": "ANM-aware bid"}.get(str(value), f"bid {value}")
    if setting == "coordination":
        return f"{value} coordination" if value != "uncoordinated" else "uncoordinated microgrids"
    if setting == "policy":
        return f"{value} ANM" if value != "none" else "no ANM"
    if setting in SLIDERS:
        return f"{SLIDERS[setting].label} {SLIDERS[setting].in_words(float(value))}"
    return f"{setting.rpartition('.')[2].replace('_', ' ')} {value}"
