"""Sweeps: which values of a study are varied, and how far, as a YAML file that a user can copy and change."""

from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from experiments.catalog import find_study
from experiments.overrides import Variation, require_ends, set_value
from experiments.reproduce.context import REPRODUCE, Context
from experiments.reproduce.paper import STUDY
from grids.components import Data
from grids.documents import read_yaml
from sim.changes import explain
from sim.errors import StudyError, reading
from sim.study import Study


class Axis(Variation):
    """What is varied along one horizontal axis.

    Attributes
    ----------
    title : str
        What it is called.
    label : str
        What is written below it, with the unit.
    values : tuple of float
        Axis values, rising.
    shown_times : float
        By what an axis value is multiplied to be drawn, 100 for percent.
    paper : float or None
        The axis value that the paper has.
    also : dict
        Other values of the study that hold along this axis, by path.
    """

    title: str
    label: str
    values: Annotated[tuple[float, ...], Field(min_length=2)]
    shown_times: float = 1.0
    paper: float | None = None
    also: Annotated[dict[str, Any], Field(default_factory=dict)]

    @model_validator(mode="after")
    def _values_rise_and_keys_end(self) -> Self:
        if any(after <= before for before, after in pairwise(self.values)):
            raise ValueError("the values must rise")
        require_ends(tuple(self.also))
        return self

    def chosen(self, *, quick: bool) -> tuple[float, ...]:
        """Return the values to compute: all of them, or the first, the middle and the last."""
        last = len(self.values) - 1
        return tuple(self.values[place] for place in sorted({0, last // 2, last})) if quick else self.values


class SweepFile(Data):
    """What a sweep's file says: the study it starts from, packaged or a file, and the axes, one panel column each."""

    study: str = STUDY
    axes: Annotated[tuple[Axis, ...], Field(min_length=1, max_length=4)]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep at a context's size.

    Attributes
    ----------
    path : Path
        The file.
    said : SweepFile
        What it says.
    study : Study
        The study it starts from, with the context's number of scenarios and seed.
    """

    path: Path
    said: SweepFile
    study: Study

    @classmethod
    def of(cls, context: Context, name: str) -> Self:
        """Return a sweep: the user's own, if its file lies in the context's folder, or the packaged one.

        Raises
        ------
        StudyError
            If the file, or one of its paths or values, is wrong; the message names file and field.
        """
        own = context.folder / f"{name}.yaml"
        packaged = Path(str(files("experiments"))) / "reproduce" / "studies" / f"{name}.yaml"
        path = own if own.is_file() else packaged
        said = _read(path)
        size = context.size
        options = {
            "seed": context.seed,
            "uncertainty.scenarios": size.scenarios,
            "uncertainty.keep": size.keep,
            "policy": "hindsight",
        }
        try:
            study = find_study(said.study, options=options)
            study.refuse_microgrids(REPRODUCE)
        except StudyError as error:
            raise StudyError(f"{path}: study: {error}") from error
        sweep = cls(path=path, said=said, study=study)
        for place, axis in enumerate(said.axes):
            for value in axis.values:
                sweep.at(place, value)  # so that what is wrong is said before anything is computed
        return sweep

    def at(self, place: int, value: float, **changes: str) -> Study:
        """Return the study at a value of an axis.

        Parameters
        ----------
        place : int
            Which axis.
        value : float
            Axis value.
        **changes : str
            Other fields of the study, such as its bidding strategy.
        """
        axis = self.said.axes[place]
        document = self.study.model_dump(mode="json") | changes
        for key, constant in axis.also.items():
            set_value(document, key, constant, where=f"{self.path}: axes.{place}.also")
        axis.apply(document, value, where=f"{self.path}: axes.{place}")
        try:
            return Study.model_validate(document)
        except ValidationError as error:
            raise StudyError(
                f"{self.path}: axes.{place}.values: {value:g} can't be: {explain(error, Study)[0]}"
            ) from None


def _read(path: Path) -> SweepFile:
    with reading(path, "give a mapping with the key axes"):
        document = read_yaml(path, "a sweep")
    try:
        return SweepFile.model_validate(document)
    except ValidationError as error:
        raise StudyError(f"{path}: {explain(error, SweepFile)[0]}") from None
