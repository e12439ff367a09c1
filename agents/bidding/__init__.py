"""Bidding strategies: one module each, with a function ``bid`` and a one-line ``SUMMARY``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:  # the names of the strategies must not cost the import of solvers
    from agents.dispatch.certificate import Certificate
    from agents.dispatch.dispatcher import Dispatcher
    from agents.dispatch.plan import Plan
    from agents.dispatch.situation import Situation


@dataclass(frozen=True, eq=False, kw_only=True)
class BidPlan:
    """What a strategy proposes: bids (in the plan), the scenarios' dispatch behind them, and the certificate."""

    plan: Plan
    certificate: Certificate


class Strategy(Protocol):
    """A module of this package."""

    SUMMARY: str

    def bid(self, dispatcher: Dispatcher, situation: Situation) -> BidPlan:
        """Return bids for a situation of 24 hours."""
        ...


def strategy_names() -> list[str]:
    """Return the names of all strategies."""
    return sorted(module.name for module in iter_modules(__path__))


def strategy(name: str) -> Strategy:
    """Return a strategy by name."""
    return cast(Strategy, import_module(f"agents.bidding.{name}"))
