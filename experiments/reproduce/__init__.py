"""The paper's tables and figures, made again: one module of ``items`` each, with ``SUMMARY`` and ``reproduce``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, cast

from experiments.reproduce import items
from sim.errors import StudyError

if TYPE_CHECKING:  # the names of the items must not cost the import of numeric libraries
    from experiments.reproduce.context import Context
    from experiments.reproduce.item_result import ItemResult

ALL = "all"
"""Name that stands for every item."""


class Item(Protocol):
    """A module of :mod:`experiments.reproduce.items`."""

    SUMMARY: str

    def reproduce(self, context: Context) -> ItemResult:
        """Compute what is missing, write the files, and return what came of it."""
        ...


def item_names() -> list[str]:
    """Return the names of all items."""
    return sorted(module.name for module in iter_modules(items.__path__))


def chosen_names(what: str) -> list[str]:
    """Return the items that a name stands for: one, or all of them.

    Raises
    ------
    StudyError
        If there is no such item.
    """
    if what == ALL:
        return item_names()
    if what not in item_names():
        raise StudyError(f"WHAT: unknown '{what}', use one of {', '.join(item_names())}, or {ALL}")
    return [what]


def item(name: str) -> Item:
    """Return an item by name."""
    return cast(Item, import_module(f"experiments.reproduce.items.{name}"))
