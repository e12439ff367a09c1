"""Scenarios of a study against what happened on its days: scores, a table and a page."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments import console
from experiments.catalog import load_study
from experiments.tables import rich_table, text_of
from experiments.whole import new_folder
from grids.network import FloatArray, Grid
from sim.instance import Instance
from sim.scenarios import Draw, ScenarioSet
from sim.scores import autocorrelation, crps, energy_score, reliability, sharpness, unreliability, variogram_score
from sim.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWN, NORMAL = "study", "normal"
"""Scenarios as the study has them, and normal ones independent from step to step, with the study's deviations."""

KINDS = {"net": "net demand", "demand": "demand", "wind": "wind", "pv": "PV"}

SCORES = {
    "unreliability": "unreliable",
    "sharpness_mw": "width",
    "crps_mw": "CRPS",
    "energy_score_mw": "energy",
    "variogram_score": "variogram",
}
"""Scores, all the better the smaller (of equal reliability), and headings for them."""

PROBABILITIES = np.arange(1, 20) / 20

Days = list[dict[str, FloatArray]]
"""Totals of the network in MW by kind, for each day, shape (S, T); of what happened, or was forecast, (1, T)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScenarioScores:
    """Scenarios of a study's days beside what happened.

    Attributes
    ----------
    study : Study
        The study.
    drawn : dict
        Scenarios of every day, by source: ``study`` and, if it has others, ``normal``.
    actual, forecast : list of dict
        Days that happened, and as they were forecast.
    """

    study: Study
    drawn: dict[str, Days]
    actual: Days
    forecast: Days

    @cached_property
    def scores(self) -> dict[str, dict[str, dict[str, float]]]:
        """Scores by source of the scenarios, kind and name."""
        return {source: {kind: self._scores(days, kind) for kind in KINDS} for source, days in self.drawn.items()}

    def _scores(self, days: Days, kind: str) -> dict[str, float]:
        scenarios, actual = self.joined(days, kind), self.joined(self.actual, kind)[0]
        pairs = [(one[kind], other[kind][0]) for one, other in zip(days, self.actual, strict=True)]
        moving = np.ptp(scenarios, axis=0) > 0  # PV at night is no forecast
        return {
            "unreliability": unreliability(scenarios[:, moving], actual[moving]) if moving.any() else 0.0,
            "sharpness_mw": sharpness(scenarios),
            "crps_mw": crps(scenarios, actual),
            "energy_score_mw": float(np.mean([energy_score(*pair) for pair in pairs])),
            "variogram_score": float(np.mean([variogram_score(*pair) for pair in pairs])),
        }

    @staticmethod
    def joined(days: Days, kind: str) -> FloatArray:
        """Return the days one after another, shape (S, N). [MW]"""
        return np.concatenate([day[kind] for day in days], axis=1)

    def reliability(self, source: str, kind: str = "net") -> FloatArray:
        """Return the shares of what happened below the scenarios' quantiles of `PROBABILITIES`."""
        return reliability(self.joined(self.drawn[source], kind), self.joined(self.actual, kind)[0], PROBABILITIES)

    def autocorrelation(self, source: str, kind: str = "net", *, hours: int = 12) -> FloatArray:
        """Return the correlation of errors over the hours; of source ``actual``, of those that happened."""
        days = self.actual if source == "actual" else self.drawn[source]
        steps = min(day[kind].shape[1] for day in days)
        errors = [(day[kind] - expected[kind])[:, :steps] for day, expected in zip(days, self.forecast, strict=True)]
        per_hour = self.study.calendar.steps_per_hour
        joined = np.concatenate(errors)
        return autocorrelation(joined - joined.mean(), min(hours * per_hour, steps - 1))[::per_hour]

    def plot(self) -> "Figure":
        """Return the page of scores as a figure."""
        from experiments.figures.scenarios import scenario_figure

        return scenario_figure(self)


def score_scenarios(
    study: str | Path | Study,
    *,
    samples: int = 200,
    progress: Callable[[str], None] = lambda now: None,
    **options: Any,
) -> ScenarioScores:
    """Return the scenarios of a study's days, and normal ones, scored against what happened.

    Parameters
    ----------
    study : str, Path or Study
        Name of a packaged study, YAML file, run folder, or a study that is there already.
    samples : int
        Scenarios drawn for each day.
    progress : callable, optional
        Called for each day drawn.
    **options
        Options of `load_study`: ``days``, ``seed``, ...

    Raises
    ------
    StudyError
        If something is wrong in the study or its data.

    Examples
    --------
    >>> import tieline as tl
    >>> found = tl.score_scenarios("microgrid33", days=2, samples=20)
    >>> sorted(found.drawn), sorted(found.scores["study"])
    (['study'], ['demand', 'net', 'pv', 'wind'])
    """
    chosen = load_study(study, **options)
    own = Instance.of(chosen)
    errors = chosen.uncertainty.errors
    sources = {OWN: own}
    if errors.source != "parametric" or errors.correlation_time_h:
        plain = {"uncertainty.errors.source": "parametric", "uncertainty.errors.correlation_time_h": 0}
        sources[NORMAL] = Instance.of(chosen.change(plain))
    drawn: dict[str, Days] = {source: [] for source in sources}
    actual, forecast = [], []
    for day in range(1, chosen.days + 1):
        progress(f"day {day}")
        for source, instance in sources.items():
            drawn[source].append(_totals(own.grid, instance.draw(Draw.TRAINING, samples, day - 1)))
        actual.append(_totals(own.grid, own.actual(day)))
        forecast.append(_totals(own.grid, own.on(day).forecast))
    return ScenarioScores(study=chosen, drawn=drawn, actual=actual, forecast=forecast)


def _totals(grid: Grid, days: ScenarioSet) -> dict[str, FloatArray]:
    """Return the network's totals by kind, shape (S, T). [MW]"""
    kinds = np.array(grid.renewable_kinds, dtype=object)
    totals = {"demand": days.demand_mw.sum(axis=2)}
    totals |= {kind: days.available_mw[..., kinds == kind].sum(axis=2) for kind in ("wind", "pv")}
    return {"net": totals["demand"] - totals["wind"] - totals["pv"], **totals}


def score_study(study: Study, *, samples: int, out: Path | None, as_json: bool) -> None:
    """Print the scores of a study's scenarios, and draw their page into a folder."""
    start = perf_counter()
    with console.progress("drawing scenarios", total=study.days, quiet=as_json) as report:
        found = score_scenarios(study, samples=samples, progress=report)
    files = []
    if out is not None:
        from experiments.figures import save_figure

        with new_folder(out) as unfinished:
            files = [out / file.name for file in save_figure(found.plot(), unfinished, "scenarios")]
    if as_json:
        console.print_json(
            {
                "study": study.name,
                "seed": study.seed,
                "days": study.days,
                "samples": samples,
                "scores": found.scores,
                "files": [str(file) for file in files],
                "seconds": perf_counter() - start,
            }
        )
        return
    _show(found, samples)
    for file in files:
        console.echo(str(file))


def _show(found: ScenarioScores, samples: int) -> None:
    named = {OWN: "study's", NORMAL: "normal"}
    rows = [
        [KINDS[kind], named[source], *(text_of(scores[kind][name], ".4f") for name in SCORES)]
        for kind in KINDS
        for source, scores in found.scores.items()
    ]
    title = f"Scenarios of {found.study.name} against what happened: {samples} a day, {found.study.days} days"
    console.out.print(rich_table(["of", "scenarios", *SCORES.values()], rows, "ll" + "r" * len(SCORES), title=title))
    console.out.print(
        "net demand is less wind and PV; width of 90 % of the scenarios, CRPS and energy score in MW; the smaller the"
        " better, width only among equally reliable ones"
    )
