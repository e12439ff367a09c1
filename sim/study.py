"""Study: everything a run depends on, as one validated, readable document."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from grids.components import Data, FileName, Positive, Word
from grids.documents import first_few, in_short
from grids.fleet import Fleet
from grids.net_source import is_content
from sim.calendar import Calendar
from sim.changes import change_values, explain
from sim.columns import ProfileSpec
from sim.errors import StudyError
from sim.grid_spec import SOURCES, GridSpec, with_source
from sim.market.imbalance import RULES, ImbalanceRule
from sim.market.tariff import Tariff
from sim.reduction import Method
from sim.risk import Risk
from sim.scenarios import ForecastErrors

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Pattern of the name of a study or sweep."""

NAME_IN_WORDS = "use letters, digits, '_', '.' and '-' only, the first one a letter or digit"
"""Meaning of the pattern, for messages."""


def _is_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(NAME_IN_WORDS)
    return name


Name = Annotated[str, Field(max_length=100), AfterValidator(_is_name)]

Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Market(Data):
    """Market of a study: the imbalance rule (by name or spelled out), and the operator's tariff."""

    rule: ImbalanceRule = RULES["case1"]
    tariff: Tariff = Tariff()

    @field_validator("rule", mode="before")
    @classmethod
    def _rule_by_name(cls, value: object) -> object:
        if isinstance(value, str):
            if value not in RULES:
                raise ValueError(
                    f"unknown rule {in_short(value)}: use one of {', '.join(RULES)}, or spell out its tiers"
                )
            return RULES[value]
        return value


class Uncertainty(Data):
    """Forecast errors, and the number of scenarios the bid is computed from.

    Attributes
    ----------
    errors : ForecastErrors
        Distribution of the errors.
    scenarios : int
        Monte-Carlo scenarios drawn for the bid.
    keep : int or "all"
        Scenarios kept by the reduction.
    reduction : {"forward", "backward"}
        Fast forward selection or backward reduction.
    """

    errors: ForecastErrors = ForecastErrors()
    scenarios: Count = 1000
    keep: int | str = 10
    reduction: Method = "forward"

    @field_validator("keep")
    @classmethod
    def _number_or_all(cls, value: int | str) -> int | str:
        if value != "all" and (not isinstance(value, int) or value < 1):
            raise ValueError("input should be a whole number greater than or equal to 1, or all")
        return value


SOLVER_TIME_LIMIT_S, ANSWER_TIME_LIMIT_S = 600.0, 3600.0
"""Time limits far beyond the time any healthy call takes, so that results don't depend on the clock. [s]"""


class Search(Data):
    """Accuracy of the bid: the gap to which it is proven optimal, and time limits.

    Attributes
    ----------
    gap : float
        Relative optimality gap to reach.
    time_limit_s : float or None
        Seconds after which the best bid so far is taken, with its bound. [s]
    solver_time_limit_s : float
        Most time of the solver for one problem; what is not solved by then counts as failed. [s]
    answer_time_limit_s : float
        Most time of a strategy, policy or unit for one answer; then the next simpler one, or data, stand in. [s]
    """

    gap: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 1e-3
    time_limit_s: Positive | None = None
    solver_time_limit_s: Positive = SOLVER_TIME_LIMIT_S
    answer_time_limit_s: Positive = ANSWER_TIME_LIMIT_S


class Study(Data):
    """A configured case: network, fleet, day, market, uncertainty, strategy, policy and coordination.

    Attributes
    ----------
    name, description : str
        Name, and the purpose of the case.
    bidding, policy : str
        Bidding strategy and real-time ANM policy.
    coordination : str
        Mode in which the operator and its microgrids agree on their exchange.
    trained : str or None
        File of value functions for the policy ``learned``, from ``tieline train``.
    days : int
        Market days in a row.
    bid_start : {"actual", "pinned"}
        State of the batteries that bids start from: theirs at midnight, which no operator knows at gate closure; or
        pinned to the least that a day must end with (`min_end_soc`), at rest, which makes every day's bids independent
        of the days before.
    calendar : Calendar
        Time zone, first day, and lengths of steps and periods.
    seed : int
        Seed of all random numbers.

    Examples
    --------
    >>> import tieline as tl
    >>> study = tl.load_study("microgrid33")
    >>> study.policy, study.uncertainty.keep, study.fleet.battery[0].max_e_mwh
    ('receding', 10, 0.36)
    """

    name: Name
    description: str = ""
    grid: GridSpec = GridSpec()
    fleet: Fleet
    profiles: ProfileSpec
    market: Market = Market()
    uncertainty: Uncertainty = Uncertainty()
    search: Search = Search()
    risk: Risk = Risk()
    bidding: Word = "anm_aware"
    policy: Word = "receding"
    coordination: Word = "central"
    trained: FileName | None = None
    days: Annotated[int, Field(ge=1, le=3660)] = 1
    bid_start: Literal["actual", "pinned"] = "actual"
    calendar: Calendar = Calendar()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1

    @field_validator("uncertainty")
    @classmethod
    def _keep_at_most_all(cls, value: Uncertainty) -> Uncertainty:
        if isinstance(value.keep, int) and value.keep > value.scenarios:
            raise ValueError(
                f"keep is {value.keep}, more than the {value.scenarios} scenarios drawn; lower keep or raise scenarios"
            )
        return value

    @field_validator("calendar")
    @classmethod
    def _calendar_divides_its_days(cls, value: Calendar, info: ValidationInfo) -> Calendar:
        value.check_days(info.data.get("days", 1))
        return value

    @model_validator(mode="after")
    def _history_has_actuals(self) -> Self:
        if self.uncertainty.errors.source == "history" and not self.profiles.has_actuals:
            raise ValueError(
                "uncertainty.errors.source history needs what happened: name its columns in profiles.actual, or set"
                " source to parametric"
            )
        return self

    @model_validator(mode="after")
    def _series_have_a_network(self) -> Self:
        if self.profiles.simbench and self.grid.simbench is None:
            raise ValueError("profiles.simbench is the year of a SimBench network: name its code as grid.simbench")
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Study.model_fields:
            raise StudyError(f"{name}: a study stays as it is; study.change({{'{name}': ...}}) returns a changed one")
        super().__setattr__(name, value)

    def change(self, values: Mapping[str, Any]) -> "Study":
        """The study with some of its values changed; this one stays as it is.

        Parameters
        ----------
        values : mapping of str to object
            New values by their keys, such as ``uncertainty.keep`` or ``fleet.battery.0.max_e_mwh``; ``*`` stands for
            every element of a list. They are changed in this order. A rule may be a name or an `ImbalanceRule`;
            policies and strategies of the user's own are options of `load_study`.

        Returns
        -------
        Study
            The changed study; files it names that are there have absolute paths.

        Raises
        ------
        StudyError
            If a key leads nowhere, or a value is of the wrong type or out of range.

        Examples
        --------
        >>> import tieline as tl
        >>> study = tl.load_study("microgrid33")
        >>> half = study.change({"fleet.wind.*.max_s_mva": 0.5, "days": 2})
        >>> half.days, half.fleet.wind[0].max_s_mva, study.days
        (2, 0.5, 1)
        >>> study.change({"days": "two"})
        Traceback (most recent call last):
        sim.errors.StudyError: days: input should be a valid integer, unable to parse string as an integer, got 'two'
        """
        if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
            raise StudyError(f"change: {in_short(values)} is no mapping of keys to values, such as {{'days': 2}}")
        document = self.model_dump(mode="json")
        for key, value in values.items():
            if key.removeprefix("grid.") in SOURCES:
                document["grid"] = with_source(document["grid"], key.removeprefix("grid."))
            change_values(document, key, partial(_plain, key, value), where=key or "''", complete=True)
        try:
            return Study.model_validate(document)
        except ValidationError as error:
            raise StudyError("\n".join(first_few(explain(error, Study)))) from None

    def refuse_microgrids(self, what: str) -> None:
        """Refuse a study with microgrids.

        Parameters
        ----------
        what : str
            Name of the function that can't handle them, for the message.

        Raises
        ------
        StudyError
            If the study has microgrids or fleets of cars.
        """
        if self.fleet.microgrid or self.fleet.ev_aggregator:
            raise StudyError(f"{what} knows no microgrids yet: use tieline run or evaluate for {self.name}")


FILE_KEYS = ("profiles.file", "grid.case", "grid.pandapower", "trained")
"""Values of a study that may name a file."""


OWN = ("bidding", "policy", "coordination")
"""Values of a study that name agents' methods, which may be the user's own."""


def absolute_path(key: str, value: Any) -> str | None:
    """Return the absolute path of a file if a key stands for one and it is there, or None."""
    named = key in FILE_KEYS and isinstance(value, str | Path) and not is_content(str(value))
    path = Path(value) if named else Path()
    return str(path.resolve()) if path.suffix and path.is_file() else None


def _plain(key: str, value: Any, _: Any) -> Any:
    """Return a new value as a document has it, of a model its values, of an array a list; the old does not matter."""
    if key in OWN and not isinstance(value, str):
        raise StudyError(f"{key}: change takes a name; give a class or an object as load_study(study, {key}=...)")
    if isinstance(value, type) and issubclass(value, BaseModel):
        try:
            value = value()
        except ValidationError as error:
            raise StudyError(f"{key}: {value.__name__} needs values: {'; '.join(explain(error, value))}") from None
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return absolute_path(key, value) or (str(value) if isinstance(value, Path) else value)


def anchor_paths(study: Study, folder: Path) -> Study:
    """Return the study with file names made absolute that are relative to its own folder."""
    changes: dict[str, Any] = {"grid": study.grid.in_folder(folder)}
    path = folder / study.profiles.file
    if path.suffix and path.is_file():
        changes["profiles"] = study.profiles.model_copy(update={"file": str(path.resolve())})
    if study.trained is not None and (folder / study.trained).is_file():
        changes["trained"] = str((folder / study.trained).resolve())
    return study.model_copy(update=changes)
