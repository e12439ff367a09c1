"""Bidding strategies: one module each, with a function ``bid`` and a one-line ``SUMMARY``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from agents.registry import Registry

if TYPE_CHECKING:  # the names of the strategies must not cost the import of solvers
    from agents.dispatch.dispatcher import Dispatcher
    from agents.dispatch.problem import DispatchProblem
    from sim.messages import Submission


class Strategy(Protocol):
    """Protocol of a module of this package."""

    SUMMARY: str

    def bid(self, dispatcher: Dispatcher, problem: DispatchProblem) -> Submission:
        """Return bids for a dispatch problem of 24 hours."""
        ...


STRATEGIES = Registry("bidding strategy", __name__, __path__, needs=("bid",))
"""Registry of strategies."""


def strategy_names() -> list[str]:
    """Return the names of all strategies."""
    return STRATEGIES.names()


def strategy(name: str) -> Strategy:
    """Return a strategy by name, to ask within one's own.

    Raises
    ------
    StudyError
        If there is none of this name.

    Examples
    --------
    >>> import tieline as tl
    >>> from dataclasses import replace
    >>> class Cautious:
    ...     def bid(self, dispatcher, problem):
    ...         plan = tl.strategy("basic").bid(dispatcher, problem)
    ...         return replace(plan, bid_mw=0.9 * plan.bid_mw)
    >>> tl.bid("microgrid33", bidding=Cautious, scenarios=4, keep=2).strategy
    'cautious'
    """
    return cast(Strategy, STRATEGIES.find(name))


def add_strategy(given: Any) -> str:
    """Return the name of a strategy, which may be one of the user's own: a class, or an instance for all runs.

    Raises
    ------
    StudyError
        If it has no ``bid``, or the name of a packaged one.
    """
    return STRATEGIES.add(given() if isinstance(given, type) else given)
