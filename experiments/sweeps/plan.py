"""Plan of a sweep: every run there is to be, each a resolved study with a key that finds its results again."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agents.participants import check_study
from experiments.catalog import check_names, find_study, packaged_studies
from experiments.overrides import set_value
from experiments.provenance import key_of
from experiments.sweeps.design import Point, points
from experiments.sweeps.outputs import COLUMNS, OUTPUTS, TIMINGS
from experiments.sweeps.sweep_file import STUDY, ReportSpec, SweepFile
from grids.documents import first_few, read_yaml
from sim.changes import explain
from sim.errors import StudyError, reading
from sim.instance import Instance
from sim.study import Study, anchor_paths

MOST_RUNS = 1_000_000
"""Largest number of runs of a sweep."""

SEEDS = 2**63
"""Number above all seeds."""

Document = dict[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class PlannedRun:
    """Run of a sweep: a point, a replication, and the resolved study.

    Attributes
    ----------
    key : str
        Hash of the resolved study, and of the files it names.
    point : dict
        Value of every factor, as it stands in the results.
    replication : int
        Counted from 1.
    document : dict
        The resolved study.
    evaluation : dict or None
        Evaluation of its bids; None to simulate its days.
    """

    key: str
    point: Point
    replication: int
    document: Document
    evaluation: Document | None = None

    @property
    def seed(self) -> int:
        """Seed of the run; the same for a replication of every point."""
        return int(self.document["seed"])

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self.point.items())
        return f"{values}, replication {self.replication}" if values else f"replication {self.replication}"


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepPlan:
    """Plan of all runs of a sweep.

    Attributes
    ----------
    sweep : SweepFile
        The sweep's file.
    folder : Path
        Folder of the sweep's file.
    factors : tuple of str
        Names of the factors, in the order of the axes.
    arms : sequence of (point, document)
        Every point with its study.
    """

    sweep: SweepFile
    folder: Path
    factors: tuple[str, ...]
    arms: Sequence[tuple[Point, Document]]

    @property
    def count(self) -> int:
        """Number of runs."""
        return len(self.arms) * self.sweep.replications

    def runs(self) -> Sequence[PlannedRun]:
        """Return the runs, point by point, so that one after the other they share the models of a network."""
        return self._runs

    @cached_property
    def _runs(self) -> Sequence[PlannedRun]:
        digests: dict[str, str] = {}
        evaluation = None if self.sweep.evaluate is None else self.sweep.evaluate.model_dump()
        return [
            PlannedRun(
                key=key_of(resolved := document | {"seed": document["seed"] + number}, digests, evaluation),
                point=point,
                replication=number + 1,
                document=resolved,
                evaluation=evaluation,
            )
            for point, document in self.arms
            for number in range(self.sweep.replications)
        ]


def read_sweep(path: Path) -> SweepFile:
    """Return the sweep in a file.

    Raises
    ------
    StudyError
        If it can't be read, or a key or value is wrong; the message names file and field.
    """
    with reading(path, "give a packaged sweep (tieline studies lists them) or a YAML file of name, study, axes"):
        document = read_yaml(path, "a sweep")
    if "fleet" in document and "study" not in document:
        raise StudyError(
            f"{path}: is a study, not a sweep; tieline run {path} simulates it, a sweep names it as its study"
        )
    return sweep_from(document, str(path))


def sweep_from(document: Mapping[str, Any], where: str) -> SweepFile:
    """Return a sweep from the document in its file; errors begin with `where`.

    Raises
    ------
    StudyError
        If a key or value is wrong; the message names it.
    """
    try:
        return SweepFile.model_validate(dict(document))
    except ValidationError as error:
        raise StudyError("\n".join(first_few([f"{where}: {line}" for line in explain(error, SweepFile)]))) from None


def make_plan(sweep: SweepFile, folder: Path, *, seed: int | None = None) -> SweepPlan:
    """Return the plan of a sweep; every study in it is valid.

    Parameters
    ----------
    sweep : SweepFile
        The sweep's file.
    folder : Path
        Folder of the file: other files are looked for there.
    seed : int, optional
        Seed of the first replication; by default the study's own.

    Raises
    ------
    StudyError
        If a factor, a value or a study is wrong, if two points are the same study, or if there are too many runs.
    """
    designed = points(sweep, folder)
    factors = tuple(designed[0])
    _require_known(sweep, factors)
    require_reportable(sweep.report, factors)
    bases: dict[str, Document] = {}
    if len(designed) * sweep.replications > MOST_RUNS:
        raise StudyError(f"replications: more than {MOST_RUNS:,} runs with {len(designed):,} points; give fewer")
    arms = [(point, _study(sweep, folder, point, bases, seed)) for point in designed]
    _require_distinct(arms)
    _require_common_seeds([document["seed"] for _, document in arms], sweep.replications)
    _require_valid([document for _, document in arms])
    shown = _columns([point for point, _ in arms], factors)
    plan = [(point, document) for point, (_, document) in zip(shown, arms, strict=True)]
    return SweepPlan(sweep=sweep, folder=folder, factors=factors, arms=plan)


def _require_known(sweep: SweepFile, factors: Sequence[str]) -> None:
    for name in sweep.factors:
        if name not in factors:
            raise StudyError(f"factors.{name}: stands on no axis; add it to axes, or drop it")
    varied = [path for name in factors if name != STUDY for path in sweep.factor(name).varied]
    if "seed" in [*varied, *sweep.set]:
        raise StudyError("seed: replications vary it; set replications, and the seed of the first in the study")
    for name in factors:
        if name in COLUMNS:
            raise StudyError(f"axes: '{name}' is a column of every sweep; give the factor another name")


def require_reportable(spec: ReportSpec, factors: Sequence[str]) -> None:
    """Refuse a report of factors or outputs that are not there, or not to be shown so.

    Raises
    ------
    StudyError
        If there are any; the message names field and remedy.
    """
    for field, names in (("along", [spec.along]), ("compare", [spec.compare]), ("heat_map", spec.heat_map or ())):
        for name in names:
            if name is not None and name not in factors:
                known = ", ".join(factors) or "none, for the sweep has no axes"
                raise StudyError(f"report.{field}: '{name}' is no factor of this sweep; its factors are: {known}")
    if spec.compare is not None and spec.compare == spec.along:
        raise StudyError(f"report.along: '{spec.along}' is compared already; give another factor, or leave it out")
    every, directed = (
        [output.name for output in (*OUTPUTS, *TIMINGS) if output.better or not only] for only in (False, True)
    )
    for field, outputs in (("outputs", spec.outputs), ("pareto", spec.pareto or ())):
        for name in outputs:
            if name not in every:
                raise StudyError(
                    f"report.{field}: '{name}' is no output of a run; the outputs are: {', '.join(every)}"
                )
            if field == "pareto" and name not in directed:
                known = ", ".join(directed)
                raise StudyError(f"report.pareto: neither more nor less '{name}' is better; choose from: {known}")
    for field, two in (("heat_map", spec.heat_map), ("pareto", spec.pareto)):
        if two is not None and two[0] == two[1]:
            raise StudyError(f"report.{field}: '{two[0]}' is there twice; give two different names")


def _study(sweep: SweepFile, folder: Path, point: Point, bases: dict[str, Document], seed: int | None) -> Document:
    """Return the resolved study of a point."""
    reference = str(point.get(STUDY, sweep.study))
    if reference not in bases:
        bases[reference] = _base(reference, sweep, folder, seed)
    document = deepcopy(bases[reference])
    for name, value in point.items():
        if name != STUDY:
            sweep.factor(name).apply(document, deepcopy(value), where=f"factors.{name}")
    told = ", ".join(f"{name} {value}" for name, value in point.items()) or "the study"
    study = _validated(document, f"{told}: ")
    check_names(study, f"{told}: ")
    if sweep.evaluate is not None and sweep.evaluate.by == "plan":
        study.refuse_microgrids("evaluate: by: plan")
    return anchor_paths(study, folder).model_dump(mode="json")


def _base(reference: str, sweep: SweepFile, folder: Path, seed: int | None) -> Document:
    beside = folder / reference
    own = reference not in packaged_studies() and beside.exists()
    try:
        study = find_study(str(beside) if own else reference, options={"seed": seed})
        document = study.model_dump(mode="json")
    except StudyError as error:
        raise StudyError(f"{STUDY}: {error}") from error
    for key, value in sweep.set.items():
        set_value(document, key, deepcopy(value), where=f"set: {key}")
    return _validated(document, "set: ").model_dump(mode="json")


def _validated(document: Document, where: str) -> Study:
    try:
        return Study.model_validate(document)
    except ValidationError as error:
        raise StudyError(where + "; ".join(first_few(explain(error, Study)))) from None


def _require_distinct(arms: Sequence[tuple[Point, Document]]) -> None:
    """Refuse points with the same results; parts of a study outside its key, such as a description, don't count."""
    seen: dict[str, Point] = {}
    digests: dict[str, str] = {}
    for point, document in arms:
        key = key_of(document, digests)
        if key in seen:
            raise StudyError(f"axes: {point} and {seen[key]} are the same study; drop one of these points")
        seen[key] = point


def _require_common_seeds(seeds: Sequence[int], replications: int) -> None:
    """Refuse base studies with seeds of their own: a replication is the same weather at every point."""
    if len(set(seeds)) > 1:
        listed = ", ".join(map(str, sorted(set(seeds))))
        raise StudyError(f"{STUDY}: the base studies have the seeds {listed}; give all of them the same one")
    if seeds[0] + replications > SEEDS:
        raise StudyError(f"replications: seed {seeds[0]} of the study leaves no room for them; lower it")


TRIED = 20
"""Largest number of different networks and sets of agents that are tried before a sweep begins."""


def _require_valid(documents: Sequence[Document]) -> None:
    """Build networks and agents, so that their errors are reported before anything runs.

    All of them would take long where each point is another network; one that is not tried here may fail in its turn.
    """
    parts = ("grid", "fleet", "profiles", "uncertainty", "policy", "coordination", "trained", "bidding")
    distinct = {json.dumps([document[part] for part in parts], sort_keys=True): document for document in documents}
    different = list(distinct.values())
    for document in different[:: -(-len(different) // TRIED)]:
        check_study(Instance.of(Study.model_validate(document)))


def _columns(designed: Sequence[Point], factors: Sequence[str]) -> list[Point]:
    """Return the points with values of one type for each factor, as they stand in a table."""
    columns = {name: _of_one_type([point[name] for point in designed]) for name in factors}
    return [{name: columns[name][row] for name in factors} for row in range(len(designed))]


def _of_one_type(values: Sequence[Any]) -> list[Any]:
    if all(isinstance(value, bool) for value in values):
        return list(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        whole = all(isinstance(value, int) for value in values)
        return list(values) if whole else [float(value) for value in values]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]
