"""Number that a lesson asks for, as data: a quantity of the hour tables, hours, and what is taken of them."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from experiments.teach.hour_table import HOURLY, PARTS, Tables, hour_table, part_table
from grids.components import Data, Word
from sim.market.settlement import TERMS, TRADE

QUANTITIES = (*HOURLY, *TERMS, TRADE)
"""Columns of the hour table that a lesson may ask for."""

MONEY_SHOWN = 0.005
"""Amount below which a cost counts as none. [$], [MW], [MWh]"""


class Quantity(Data):
    """A number of the simulation.

    Attributes
    ----------
    quantity : str
        Column of the hour table, or of the table of the bus, unit, line or connection.
    run : {"first", "second", "difference"}
        Which of the two runs; the difference is second less first.
    hours : int, list of int or str, optional
        Hours ending 1..24 of the first day, such as ``18``, ``[17, 18]`` or ``"8-20"``; by default all.
    take : {"sum", "mean", "min", "max", "hour_of_min", "hour_of_max", "count"}
        What is made of the hours; ``count`` is the number of hours in which it is above zero.
    bus, unit, line, connection : int or str, optional
        The one thing that is looked at.
    """

    quantity: Word
    run: Literal["first", "second", "difference"] = "first"
    hours: tuple[Annotated[int, Field(ge=1, le=24)], ...] = tuple(range(1, 25))
    take: Literal["sum", "mean", "min", "max", "hour_of_min", "hour_of_max", "count"] = "sum"
    bus: int | None = None
    unit: Word | None = None
    line: int | None = None
    connection: Word | None = None

    @field_validator("hours", mode="before")
    @classmethod
    def _spelled_out(cls, value: object) -> object:
        if isinstance(value, int):
            return (value,)
        first, _, last = value.partition("-") if isinstance(value, str) else ("", "", "")
        if first.strip().isdecimal() and last.strip().isdecimal():
            return tuple(range(int(first), min(int(last), 25) + 1))
        return value

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        kinds = [kind for kind in PARTS if getattr(self, kind) is not None]
        if len(kinds) > 1:
            raise ValueError(f"name one of {' and '.join(kinds)}, not both")
        known: Sequence[str] = PARTS[kinds[0]][2] if kinds else QUANTITIES
        if self.quantity not in known:
            raise ValueError(f"there is no quantity '{self.quantity}'; use one of {', '.join(known)}")
        if not self.hours:
            raise ValueError("hours: name at least one, such as 18 or 8-20")
        return self

    def value(self, first: Tables, second: Tables) -> float:
        """Return the number.

        Parameters
        ----------
        first, second : mapping of str to DataFrame
            Ledgers of the two runs.

        Raises
        ------
        StudyError
            If there is no such bus, unit, line or connection.
        """
        if self.run == "difference":
            series = self._series(second) - self._series(first)
        else:
            series = self._series(first if self.run == "first" else second)
        match self.take:
            case "hour_of_min":
                return float(series.idxmin())
            case "hour_of_max":
                return float(series.idxmax())
            case "count":
                return float((series > MONEY_SHOWN).sum())
        return float(series.agg(self.take))

    def _series(self, tables: Tables) -> pd.Series:
        """Return the quantity in the chosen hours of the first day, indexed by hour."""
        kind = next((kind for kind in PARTS if getattr(self, kind) is not None), None)
        table = hour_table(tables) if kind is None else part_table(tables, kind, getattr(self, kind))
        if self.quantity not in table:
            return pd.Series(0.0, index=[*self.hours])
        return table.loc[1, self.quantity].reindex([*self.hours])


def _number_or_quantity(value: object) -> str:
    """Return which of both a limit is meant to be, so that only what is wrong with that one is said."""
    return "quantity" if isinstance(value, dict | Quantity) else "number"


Limit = Annotated[
    Annotated[float, Tag("number")] | Annotated[Quantity, Tag("quantity")], Discriminator(_number_or_quantity)
]
"""A number, or another quantity."""


class Condition(Quantity):
    """A quantity that lies above or below something: a number, or another quantity."""

    above: Limit | None = None
    below: Limit | None = None

    @model_validator(mode="after")
    def _says_of_what(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("say above what, or below what")
        return self

    def holds(self, first: Tables, second: Tables) -> bool:
        """Return whether it is so."""
        value = self.value(first, second)

        def number(limit: float | Quantity) -> float:
            return limit.value(first, second) if isinstance(limit, Quantity) else limit

        return (self.above is None or value > number(self.above)) and (
            self.below is None or value < number(self.below)
        )
