"""The paper's tables and figures, made again: items by name, each with a summary and the function that makes it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

from sim.errors import StudyError

if TYPE_CHECKING:  # the names of the items must not cost the import of numeric libraries
    from collections.abc import Callable

    from experiments.reproduce.context import Context
    from experiments.reproduce.item_result import ItemResult

ALL = "all"
"""Name that stands for every item."""

MODULES = {
    "beyond": ("beyond_errors", "beyond_fleet", "beyond_penalty", "beyond_power_factor"),
    "profiles": ("fig4", "fig5", "fig6"),
    **{name: (name,) for name in ("fig7", "fig8", "sensitivity", "table1", "table5")},
}
"""Modules of ``items``, and the names of what each of them makes."""


class Item(NamedTuple):
    """Table or figure: what it is, and the function that computes what is missing and writes the files."""

    summary: str
    reproduce: Callable[[Context], ItemResult]


def item_names() -> list[str]:
    """Return the names of all items."""
    return sorted(name for names in MODULES.values() for name in names)


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
    (module,) = (module for module, names in MODULES.items() if name in names)
    return cast(Item, import_module(f"experiments.reproduce.items.{module}").ITEMS[name])
