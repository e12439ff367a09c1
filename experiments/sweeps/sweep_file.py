"""Sweep file: study, factors and axes that vary it, replications, and outputs of every run."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, field_validator, model_validator

from experiments.overrides import Key, Variation, set_value
from grids.components import Data, FileName, Word
from grids.documents import in_short
from sim.errors import StudyError
from sim.study import Name

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

MOST = 100_000
"""Largest number of points of an axis, and of all axes together."""


def plain(value: Any) -> Any:
    """Return a value as it is if a study and a table can hold it: a finite number, a text, yes or no, or of these.

    Raises
    ------
    ValueError
        If they can't, such as a date.
    """
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if value is None or isinstance(value, bool | str) or _is_finite(value):
        return value
    raise ValueError("must be a finite number, a text (dates need quotes), true, false, a list or a mapping")


def _is_finite(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _number(value: Any) -> int | float:
    if not _is_finite(value):
        raise ValueError("must be a finite number")
    number: int | float = value
    return number


Value = Annotated[Any, AfterValidator(plain)]
Number = Annotated[int | float, PlainValidator(_number)]
Values = Annotated[list[Value], Field(min_length=1)]

STUDY = "study"
"""Name of the factor that is the base study itself."""


class Factor(Variation):
    """Factor of a sweep, with its label; it varies values of a study, or has levels that change several at once.

    Attributes
    ----------
    levels : dict
        Changes of each named level, by path; with these there are no paths.
    label : str
        Label on its axis, with the unit; its name if it is empty.
    shown_times : float
        Multiplier of a value to be shown, 100 for percent.
    """

    paths: tuple[Key, ...] = ()
    levels: dict[str, dict[Key, Value]] = Field(default_factory=dict)
    label: Annotated[str, Field(max_length=200)] = ""
    shown_times: Finite = 1.0

    @model_validator(mode="after")
    def _paths_or_levels(self) -> Self:
        if bool(self.paths) == bool(self.levels):
            raise ValueError("give either paths or levels")
        return self

    @property
    def varied(self) -> set[str]:
        """Paths of all values that it changes."""
        return {*self.paths}.union(*self.levels.values())

    def apply(self, document: dict[str, Any], value: Any, *, where: str) -> None:
        """Change a study's document in place, see :meth:`Variation.apply`; a level is given by its name."""
        if not self.levels:
            return super().apply(document, value, where=where)
        if not isinstance(value, str) or value not in self.levels:
            raise StudyError(f"{where}: {in_short(value)} is no level of it; use {' or '.join(self.levels)}")
        for key, become in self.levels[value].items():
            set_value(document, key, become, where=f"{where}.levels.{value}")
        return None


class Range(Data):
    """Range of evenly spaced numbers, both ends included; `count` of them, or one every `step`."""

    start: Finite
    stop: Finite
    count: Annotated[int, Field(ge=2, le=MOST)] | None = None
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _spaced(self) -> Self:
        if (self.count is None) == (self.step is None):
            raise ValueError("give either count or step")
        if self.stop <= self.start:
            raise ValueError("stop must lie above start")
        if self.step is not None and (self.stop - self.start) / self.step >= MOST:
            raise ValueError(f"step makes more than {MOST:,} values; make it larger")
        return self


class Sampling(Data):
    """Sample of points that fill a box evenly: a Latin hypercube, or a scrambled Sobol sequence.

    Attributes
    ----------
    count : int
        Number of points; a power of two for Sobol.
    seed : int
        Seed of the sample; it has nothing to do with the seeds of the runs.
    within : dict
        Lowest and highest value of every factor. If both are written as whole numbers, so are the values.
    """

    count: Annotated[int, Field(ge=1, le=MOST)]
    seed: Annotated[int, Field(ge=0)] = 1
    within: Annotated[dict[Key, tuple[Number, Number]], Field(min_length=1)]

    @field_validator("within")
    @classmethod
    def _low_below_high(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (low, high) in value.items():
            if high <= low:
                raise ValueError(f"{name}: the second value must lie above the first")
        return value


class OneAtATime(Data):
    """Factors that are varied one at a time, while all others stay at their base.

    Attributes
    ----------
    base : dict
        Value of each factor while another one is varied.
    values : dict
        A list for each factor.
    """

    base: Annotated[dict[Key, Value], Field(min_length=1)]
    values: Annotated[dict[Key, Values], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_has_a_base(self) -> Self:
        if self.base.keys() != self.values.keys():
            raise ValueError("base and values must name the same factors")
        return self


class Axis(Data):
    """Axis of a sweep, from which points are made; every point of one axis meets every point of the others.

    Exactly one of these is given.

    Attributes
    ----------
    values : dict
        A list for each factor; all combinations.
    range : dict
        Evenly spaced numbers for each factor; all combinations.
    zipped : dict
        A list for each factor, all of one length, read side by side.
    csv : str
        A file with one factor per column and one point per row.
    one_at_a_time : OneAtATime
        A base, and points that differ from it in one factor.
    latin_hypercube, sobol : Sampling
        Points that fill a box.
    """

    values: Annotated[dict[Key, Values], Field(min_length=1)] | None = None
    range: Annotated[dict[Key, Range], Field(min_length=1)] | None = None
    zipped: Annotated[dict[Key, Values], Field(min_length=1)] | None = None
    csv: FileName | None = None
    one_at_a_time: OneAtATime | None = None
    latin_hypercube: Sampling | None = None
    sobol: Sampling | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in Axis.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            instead = f", not {' and '.join(given)}" if given else ""
            raise ValueError(f"give exactly one of {', '.join(Axis.model_fields)}{instead}")
        return self

    @field_validator("zipped")
    @classmethod
    def _side_by_side(cls, value: dict[str, list[Any]] | None) -> dict[str, list[Any]] | None:
        lengths = {name: len(column) for name, column in (value or {}).items()}
        if len(set(lengths.values())) > 1:
            counted = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"all lists must have one length, not {counted}")
        return value

    @field_validator("sobol")
    @classmethod
    def _power_of_two(cls, value: Sampling | None) -> Sampling | None:
        if value is not None and value.count & (value.count - 1):
            near = 1 << (value.count.bit_length() - 1)
            raise ValueError(f"count must be a power of two for the points to be balanced, such as {near}")
        return value


class ReportSpec(Data):
    """Contents of the report of a sweep; those left out are chosen from the factors.

    Attributes
    ----------
    outputs : tuple of str
        Columns of the results to show.
    along : str or None
        Factor along the horizontal axis of lines.
    compare : str or None
        Factor whose values are compared in pairs on common random numbers; the first value is the baseline.
    heat_map : (str, str) or None
        Two factors that span maps, horizontal and vertical.
    pareto : (str, str) or None
        Two outputs that are traded off.
    """

    outputs: Annotated[tuple[Word, ...], Field(min_length=1)] = ("profit", "imbalance")
    along: Key | None = None
    compare: Key | None = None
    heat_map: tuple[Key, Key] | None = None
    pareto: tuple[Word, Word] | None = None


class EvaluationSpec(Data):
    """Expected money of a study's bids over scenarios, as ``tieline evaluate`` computes it.

    Attributes
    ----------
    over : {"kept", "test"}
        The bid's own scenarios, or fresh ones.
    count : int
        Number of fresh ones.
    by : {"simulation", "plan"}
        Method by which a scenario is evaluated, see :mod:`experiments.scenario_outcome`.
    """

    over: Literal["kept", "test"] = "kept"
    count: Annotated[int, Field(ge=1, le=MOST)] = 100
    by: Literal["simulation", "plan"] = "simulation"


class SweepFile(Data):
    """Sweep as written in its file.

    Attributes
    ----------
    name, description : str
        Name, and the purpose of the sweep.
    study : str
        Packaged study, or a file beside the sweep's.
    set : dict
        Values that every run has, by path.
    factors : dict
        Short names of varied values; other names are taken for paths in the study.
    axes : tuple of Axis
        Axes of the design; without any, there is one point, the study itself.
    replications : int
        Runs of each point. Replication r of every point has the study's seed + r - 1, so that all points meet
        the same weather: common random numbers.
    outputs : {"summary", "hourly", "all"}
        Outputs kept: one row for each run, also one for each hour, or also all tables of every run.
    evaluate : EvaluationSpec, optional
        Evaluate bids over scenarios in every run, instead of simulating the study's days.
    report : ReportSpec
        Contents of the report.
    """

    name: Name
    description: str = ""
    study: FileName = "microgrid33"
    set: Annotated[dict[Key, Value], Field(default_factory=dict)]
    factors: Annotated[dict[Key, Factor], Field(default_factory=dict)]
    axes: tuple[Axis, ...] = ()
    replications: Count = 1
    outputs: Literal["summary", "hourly", "all"] = "summary"
    evaluate: EvaluationSpec | None = None
    report: ReportSpec = ReportSpec()

    @field_validator("factors")
    @classmethod
    def _study_is_taken(cls, value: dict[str, Factor]) -> dict[str, Factor]:
        if STUDY in value:
            raise ValueError(f"'{STUDY}' is the base study; use it in axes without naming it here")
        return value

    @model_validator(mode="after")
    def _evaluations_have_no_hours(self) -> Self:
        if self.evaluate is not None and self.outputs != "summary":
            raise ValueError("outputs: with evaluate there is one row for each run; give summary")
        return self

    def factor(self, name: str) -> Factor:
        """Return a factor by its name; a path in the study is one under its own name."""
        return self.factors.get(name) or Factor(paths=(name,))

    def label(self, name: str) -> str:
        """Return the label of a factor's axis."""
        return (self.factors[name].label if name in self.factors else "") or name
