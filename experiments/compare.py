"""Comparison of runs on the same weather: money side by side, differences hour by hour, means over seeds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.catalog import OPTIONS, has_own, load_study
from experiments.confidence import Estimate
from experiments.executors.workers import Workers
from experiments.simulate import Run, run
from experiments.summary import hourly_money
from experiments.sweeps.outputs import hourly
from grids.documents import in_short
from sim.calendar import Calendar
from sim.errors import StudyError, require_whole
from sim.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HOURS = ["day", "hour"]
DIFFERENCES = ("bid_mw", "metered_mw", "load_curtailed_mw", "generation_curtailed_mw", "imbalance", "profit")
"""Columns of the differences hour by hour; the last two in $."""

DAYS_WORTH_A_PROCESS = 4
"""Number of days below which starting worker processes takes longer than they save."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class RunComparison:
    """Runs of several studies on the same weather, of each study one for every seed; the first is the baseline.

    Attributes
    ----------
    runs : mapping of str to sequence of Run
        Runs by the name of their study, in the order of their seeds.

    Examples
    --------
    >>> import tieline as tl
    >>> both = tl.compare("microgrid33", vary={"rule": ["shi", "nguyen"]}, policy="none", bidding="basic", keep=2)
    >>> list(both.money.columns)
    ['rule=shi', 'rule=nguyen']
    >>> both.plot().savefig("both.png")
    """

    runs: Mapping[str, Sequence[Run]]

    @property
    def names(self) -> list[str]:
        """Names of the studies, the baseline first."""
        return list(self.runs)

    @property
    def seeds(self) -> list[int]:
        """Seeds of the weather."""
        return [one.study.seed for one in self.runs[self.names[0]]]

    @property
    def calendar(self) -> Calendar:
        """Calendar of all runs."""
        return self.runs[self.names[0]][0].study.calendar

    @property
    def days(self) -> int:
        """Number of days that are compared: the first ones, which all runs have."""
        return min(runs[0].study.days for runs in self.runs.values())

    @cached_property
    def by_seed(self) -> pd.DataFrame:
        """Money of every run, a row for each (name, seed) and a column for each term. [$]"""
        rows = {(name, one.study.seed): self._money(one) for name, runs in self.runs.items() for one in runs}
        return pd.DataFrame(rows).T.rename_axis(["name", "seed"])

    def _money(self, one: Run) -> pd.Series:
        return one.money if one.study.days == self.days else hourly_money(one.tables).loc[: self.days].sum()

    @property
    def money(self) -> pd.DataFrame:
        """Money by term and study, the mean over all seeds; costs are positive. [$]"""
        return self.by_seed.groupby(level="name", sort=False).mean().T

    @property
    def differences(self) -> dict[str, dict[str, Estimate]]:
        """Paired differences to the baseline over the seeds, by study and term, with 95 % intervals. [$]"""
        table, base = self.by_seed, self.by_seed.loc[self.names[0]]
        return {
            name: {term: Estimate.of((table.loc[name] - base)[term].to_numpy()) for term in table}
            for name in self.names[1:]
        }

    @cached_property
    def hours(self) -> pd.DataFrame:
        """One row for every study, seed and hour: market, bid, energies, and all terms of the money [$]."""
        frames = [
            hourly(one)
            .drop(columns="imbalance")
            .merge(hourly_money(one.tables).reset_index(), on=HOURS)
            .assign(name=name, seed=one.study.seed)
            for name, runs in self.runs.items()
            for one in runs
        ]
        table = pd.concat(frames, ignore_index=True)
        table = table[table["day"] <= self.days].reset_index(drop=True)
        return table[["name", "seed", *(column for column in table if column not in {"name", "seed"})]]

    @property
    def hourly_differences(self) -> pd.DataFrame:
        """Difference of every study to the baseline in every hour, the mean over all seeds. [MW], [$]"""
        mean = self.hours.groupby(["name", *HOURS], sort=False)[list(DIFFERENCES)].mean()
        others = [mean.loc[name] - mean.loc[self.names[0]] for name in self.names[1:]]
        return pd.concat(others, keys=self.names[1:], names=["name"])

    @cached_property
    def beyond_limits(self) -> dict[str, int]:
        """Number of limits of the network not kept by each study, on all days and seeds."""
        return {
            name: sum(one.count for run in runs for what, one in run.audit().limits.items() if what != "device")
            for name, runs in self.runs.items()
        }

    @property
    def summary(self) -> dict[str, Any]:
        """The comparison as ``tieline compare --json`` prints it."""
        return {
            "baseline": self.names[0],
            "studies": self.names,
            "seeds": self.seeds,
            "days": self.days,
            "terms": {name: column.to_dict() for name, column in self.money.items()},
            "differences": {
                name: {
                    term: {"mean": one.mean, "half_interval": one.reach if one.reach == one.reach else None}
                    for term, one in terms.items()
                }
                for name, terms in self.differences.items()
            },
            "hours": self.hourly_differences.reset_index().to_dict("records"),
            "beyond_limits": self.beyond_limits,
            "audits_clean": all(one.audit().clean for runs in self.runs.values() for one in runs),
        }

    def plot(self) -> Figure:
        """A figure that shows why one earns more: bid, tolerance band, metered flow, curtailment and profit."""
        from experiments.figures.comparison import comparison_figure

        return comparison_figure(self)

    def save(self, folder: str | Path) -> Path:
        """Write figure, summary and hours into a folder, which must not exist, and return it.

        Raises
        ------
        StudyError
            If it holds something already, or can't be written.
        """
        from experiments.whole import new_folder

        with new_folder(Path(folder)) as unfinished:
            self.write(unfinished)
        return Path(folder)

    def write(self, folder: Path) -> None:
        """Write figure, summary and hours into a folder that is there."""
        from experiments.figures.style import save_figure

        text = json.dumps(self.summary, indent=2, default=float)
        (folder / "comparison.json").write_text(text + "\n", encoding="utf-8")
        self.hours.to_csv(folder / "hours.csv", index=False, lineterminator="\n")
        save_figure(self.plot(), folder, "comparison", dpi=160)

    def __repr__(self) -> str:
        return f"<Comparison of {' | '.join(self.names)}; seed(s) {', '.join(map(str, self.seeds))}>"


def compare(
    *things: str | Path | Study | Run,
    vary: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 1,
    workers: int | None = None,
    dask: str | None = None,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> RunComparison:
    """Two or more runs on the same weather, side by side.

    Parameters
    ----------
    *things : str, Path, Study or Run
        Runs, run folders (taken as they are), or studies (run here); the first is the baseline. Of runs of different
        length, the days are compared that all have.
    vary : mapping of str to sequence or array, optional
        Values of options, or of any key of a study, that are compared: all combinations, for every study given.
    seeds : int
        Number of seeds, counted upwards from that of the study; with several, differences have 95 % intervals.
    workers, dask : int, str, optional
        Processes, by default one per core where there are days enough, or the address of a Dask scheduler. The result
        does not depend on them. Studies with a policy of the user's own stay in this process.
    progress : callable, optional
        Called before every hour that is simulated here, and after every run that is simulated elsewhere.
    **options
        Options of `load_study` for all studies: ``policy``, ``rule``, ``days``, ...

    Returns
    -------
    RunComparison
        ``money`` and ``hours`` as DataFrames, ``differences``, ``plot()``, ``save(folder)``.

    Raises
    ------
    StudyError
        If there are fewer than two runs, or their weather is not the same.

    Examples
    --------
    >>> import tieline as tl
    >>> study = tl.load_study("microgrid33", policy="none", bidding="basic", scenarios=4, keep=2)
    >>> both = tl.compare(study, study.change({"market.rule": "nguyen"}), seeds=2)
    >>> both.differences["rule=nguyen"]["profit"].mean < 0
    True
    >>> tl.compare(study, study.change({"seed": 7}))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sim.errors.StudyError: 'microgrid33 (2)' has other weather than 'microgrid33': seed is 7 instead of 1; ...
    """
    require_whole("seeds", seeds)
    found = [_as_run_or_study(one, again=bool(vary or options)) for one in things]
    chosen = [_changed(one, options, point) for one in found for point in _points(vary or {})]
    if len(chosen) < 2:
        raise StudyError("compare: give two or more studies, run folders, or values (--vary bidding=basic,anm_aware)")
    studies = [one.study if isinstance(one, Run) else one for one in chosen]
    names = names_of(studies)
    for name, study in zip(names[1:], studies[1:], strict=True):
        _require_same_weather(name, study, names[0], studies[0])
    days = min(study.days for study in studies)
    runs = {name: [one] if isinstance(one, Run) else [] for name, one in zip(names, chosen, strict=True)}
    left = [
        (name, load_study(study, seed=study.seed + k, days=days))
        for k, (name, study) in itertools.product(range(seeds), zip(names, studies, strict=True))
        if k or not runs[name]
    ]
    done = _simulated([study for _, study in left], Workers(workers, dask), progress)
    for (name, _), one in zip(left, done, strict=True):
        runs[name].append(one)
    return RunComparison(runs=runs)


def _simulated(studies: Sequence[Study], workers: Workers, progress: Callable[[str], None] | None) -> Iterator[Run]:
    """Yield the run of each study."""
    if any(map(has_own, studies)):
        workers = Workers(1)
    elif workers == Workers():
        workers = Workers(workers.at_most(1 + sum(study.days for study in studies) // DAYS_WORTH_A_PROCESS))
    here = workers.dask is None and workers.at_most(len(studies)) == 1
    for number, one in enumerate(workers.map(partial(run, progress=progress) if here else run, studies), start=1):
        if progress is not None and not here:
            progress(f"{number} of {len(studies)} runs")
        yield one


def _as_run_or_study(given: str | Path | Study | Run, *, again: bool) -> Study | Run:
    """Return a run for a run or run folder, and else a study; that of a run if it is to be changed."""
    if isinstance(given, list | tuple):
        raise StudyError(
            "compare: give runs and studies one by one, compare(a, b), or a list of them as compare(*both)"
        )
    if isinstance(given, str | Path) and (Path(given) / "manifest.json").is_file():
        given = Run.load(given)
    if isinstance(given, Run):
        return given.study if again else given
    return load_study(given)


def _points(vary: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return all combinations of the values that are varied."""
    if not isinstance(vary, Mapping):
        raise StudyError(f"vary {in_short(vary)}: give values by key, such as {{'bidding': ['basic', 'anm_aware']}}")
    vary = {key: values.tolist() if hasattr(values, "tolist") else values for key, values in vary.items()}
    for key, values in vary.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise StudyError(f"vary {key}: give a list of values, such as ['basic', 'anm_aware']")
    return [dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values())]


def _changed(one: Study | Run, options: Mapping[str, Any], point: Mapping[str, Any]) -> Study | Run:
    if isinstance(one, Run):
        return one
    own = {key: value for key, value in point.items() if key in OPTIONS}
    study = load_study(one, **{**options, **own})
    rest = {key: value for key, value in point.items() if key not in OPTIONS}
    return load_study(study.change(rest)) if rest else study


def names_of(studies: Sequence[Study]) -> list[str]:
    """Return a short name for each study: its own, or else the values in which it differs from others of that name.

    Examples
    --------
    >>> study = load_study("microgrid33")
    >>> names_of([study, study.change({"policy": "none"})])
    ['policy=receding', 'policy=none']
    """
    names = [study.name for study in studies]
    if len(set(names)) < len(names):
        documents = [
            study.model_dump(mode="json", exclude={"name", "description", "seed", "days"}) for study in studies
        ]
        flat = [dict(_flat(document)) for document in documents]
        keys = [key for key in dict.fromkeys(itertools.chain(*flat)) if len({repr(one.get(key)) for one in flat}) > 1]
        if RULE in keys:
            keys = [key for key in keys if key == RULE or not key.startswith("market.rule.")]
        shared = len(set(names)) == 1 and keys
        first = [[] if shared else [name] for name in names]
        names = [", ".join(own + _values(one, keys)) for own, one in zip(first, flat, strict=True)]
    before = [names[:k].count(name) for k, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, before, strict=True)]


RULE, MOST = "market.rule.name", 3
"""Key of the name of a rule, which stands for its values; and number of values that a name spells out."""


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the single values of a document with their keys."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not parts:
        yield key, value
    for name, part in parts:
        yield from _flat(part, f"{key}.{name}" if key else str(name))


def _values(values: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    words = [("rule" if key == RULE else key.rpartition(".")[2], values.get(key, "none")) for key in keys]
    shown = ((word, Path(value).name if isinstance(value, str) else value) for word, value in words)
    texts = list(dict.fromkeys(f"{word}={value}" for word, value in shown))
    return texts[:MOST] + ([f"{len(texts) - MOST} more"] if len(texts) > MOST else [])


def _require_same_weather(name: str, study: Study, base_name: str, base: Study) -> None:
    """Refuse studies whose days can't be compared one by one.

    Raises
    ------
    StudyError
        If seed, profiles or forecast errors are not the same.
    """
    for key in ("seed", *WEATHER):
        one, other = map(attrgetter(key), (study, base))
        if one != other:
            several = " (or several seeds, with seeds=... or --seeds ...)" if key == "seed" else ""
            raise StudyError(
                f"'{name}' has other weather than '{base_name}': {key} is {one} instead of {other}; compare the same"
                f" days, with study.change({{'{key}': ...}}) or --set {key}=...{several}"
            )


WEATHER = (
    *(f"calendar.{name}" for name in ("step_h", "first_day", "time_zone")),
    *(f"profiles.{name}" for name in ("file", "demand_pu", "wind_pu", "pv_pu")),
    *(f"profiles.microgrid_{name}_pu" for name in ("load", "heat", "output")),
    "uncertainty.errors",
)
"""Keys of what the weather of a day is drawn from; prices may differ."""
