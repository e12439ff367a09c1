"""Strategies, policies and coordination modes by name: one module each of a package, and those of the user's own."""

import re
from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from grids.documents import in_short
from sim.errors import StudyError


class Registry:
    """Registry of strategies, policies or modes by name.

    The contract of a plug-in is one name in every module: a class ``Policy`` or ``Mode``, or a function ``bid``.

    Parameters
    ----------
    what : str
        Name of their kind in messages.
    package : str
        Package with a module for each; modules that begin with ``_`` are none.
    path : iterable of str
        Folders of the package.
    attribute : str
        Attribute of a module to be used; if empty, the module itself.
    needs : iterable of str
        Attributes that the user's own must have.
    """

    def __init__(
        self, what: str, package: str, path: Iterable[str], *, attribute: str = "", needs: Iterable[str] = ()
    ) -> None:
        self._what, self.package, self._path = what, package, list(path)
        self._attribute, self._needs = attribute, list(needs)
        self._own: dict[str, Any] = {}

    def packaged(self) -> list[str]:
        """Return the names of the modules; none is imported."""
        return sorted(module.name for module in iter_modules(self._path) if not module.name.startswith("_"))

    def names(self) -> list[str]:
        """Return all names."""
        return sorted({*self.packaged(), *self._own})

    def is_own(self, name: str) -> bool:
        """Return whether a name is that of the user's own, which no other process knows."""
        return name in self._own

    def lacks(self, given: Any) -> list[str]:
        """Return the attributes that the user's own must have and this one has not."""
        return [part for part in self._needs if not hasattr(given, part)]

    def find(self, name: str) -> Any:
        """Return the strategy, policy or mode of a name."""
        if isinstance(name, str) and name in self._own:
            return self._own[name]
        try:
            module = import_module(f"{self.package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{self.package}.{name}":
                raise
            raise StudyError(f"{self._what}: unknown {in_short(name)}, use one of {', '.join(self.names())}") from None
        return getattr(module, self._attribute) if self._attribute else module

    def add(self, given: Any) -> str:
        """Return the name of an object: a text is a name itself, a packaged object has one, others are registered.

        Those are named by their attribute ``name``, or else after their class. They replace an earlier one of that
        name, so that a cell of a notebook can be run again.

        Raises
        ------
        StudyError
            If it lacks something, or has the name of something packaged.
        """
        if isinstance(given, str):
            return given
        kind = given if isinstance(given, type) else type(given)
        home = getattr(given, "__name__", "") if not self._attribute else kind.__module__
        if home.rpartition(".")[0] == self.package:
            return str(home.rpartition(".")[2])
        own = getattr(given, "name", None)
        name = own if isinstance(own, str) else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()
        if missing := self.lacks(given):
            raise StudyError(f"{self._what} {in_short(name)}: it has no {' and no '.join(missing)}")
        if name in self.packaged():
            raise StudyError(f"{self._what} {in_short(name)}: a packaged one has this name; give yours another")
        self._own[name] = given
        return name

    def clear(self) -> None:
        """Forget the user's own."""
        self._own.clear()
