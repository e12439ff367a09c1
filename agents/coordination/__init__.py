"""Modes in which operator and microgrids agree on their exchange: one module each, with a class ``Mode``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from agents.registry import Registry

if TYPE_CHECKING:  # the names of the modes must not cost the import of solvers
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from agents.dispatch.dispatcher import Dispatcher
    from agents.dispatch.plan import Plan
    from agents.dispatch.problem import DispatchProblem
    from agents.networked_microgrid import NetworkedMicrogrid


class Coordinator(Protocol):
    """Protocol of the class ``Mode`` of a module of this package."""

    summary: ClassVar[str]

    def __init__(
        self, dispatcher: Dispatcher, microgrids: Sequence[NetworkedMicrogrid], executor: Executor
    ) -> None: ...

    def agree(self, problem: DispatchProblem, *, network: str) -> Plan:
        """Return a plan of operator and microgrids, which have looked at the same scenarios and hours.

        Raises
        ------
        SolverError
            If there is no answer.
        """
        ...


MODES = Registry("coordination", __name__, __path__, attribute="Mode", needs=("agree",))
"""Registry of modes."""


def mode_names() -> list[str]:
    """Return the names of all modes."""
    return MODES.names()


def mode_class(name: str) -> type[Coordinator]:
    """Return the class of a mode."""
    return cast("type[Coordinator]", MODES.find(name))
