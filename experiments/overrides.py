"""Variations: values of a study that change together, set to a value or multiplied by it."""

from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from grids.components import Data
from grids.documents import in_short
from sim.changes import EVERY, change_values
from sim.errors import StudyError

Key = Annotated[str, Field(min_length=1, max_length=200)]


class Variation(Data):
    """Values of a study that change together.

    Attributes
    ----------
    paths : tuple of str
        Their keys, such as ``fleet.wind.*.max_s_mva``.
    change : {"set", "times"}
        Whether they become a given value, or their value in the study times that. Where ``*`` stands for
        units, times 0 leaves them out: a capacity of zero is none.
    """

    paths: Annotated[tuple[Key, ...], Field(min_length=1)]
    change: Literal["set", "times"] = "set"

    @model_validator(mode="after")
    def _paths_end(self) -> Self:
        require_ends(self.paths)
        return self

    def apply(self, document: dict[str, Any], value: Any, *, where: str) -> None:
        """Change a study's document in place.

        Parameters
        ----------
        document : dict
            A study with every value spelled out.
        value : object
            New value of them, or factor.
        where : str
            Beginning of an error message.

        Raises
        ------
        StudyError
            If a path leads nowhere, or something is no number to be multiplied.
        """
        if self.change == "times" and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise StudyError(f"{where}: {in_short(value)} is no number to multiply with; give numbers, or change: set")
        for number, key in enumerate(self.paths):
            place = f"{where}.paths.{number}"
            if self.change == "set":
                set_value(document, key, value, where=place)
            elif value == 0 and EVERY in key.split("."):
                set_value(document, key.partition(f".{EVERY}")[0], [], where=place)
            else:
                change_values(document, key, partial(_multiplied, key, place, value), where=place, complete=True)


def set_value(document: dict[str, Any], key: str, value: Any, *, where: str) -> None:
    """Set in place every value of a study's document that a key names; the document has all keys there are.

    Raises
    ------
    StudyError
        If the key leads nowhere.
    """
    change_values(document, key, lambda _: value, where=where, complete=True)


def require_ends(paths: tuple[str, ...]) -> None:
    """Refuse paths that name whole units instead of one of their values.

    Raises
    ------
    ValueError
        If there is one.
    """
    if any(path.split(".")[-1] == EVERY for path in paths):
        raise ValueError(f"a path must not end in {EVERY}: write which value of every unit is meant")


def _multiplied(key: str, where: str, factor: Any, now: Any) -> Any:
    if isinstance(now, bool) or not isinstance(now, int | float):
        raise StudyError(f"{where}: '{key}' is {in_short(now)}, which is no number to multiply")
    return factor * now
