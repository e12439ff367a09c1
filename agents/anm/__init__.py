"""Real-time ANM policies: one module each, with a class ``Policy`` that states its knowledge and decides the hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import numpy as np

from agents.registry import Registry

if TYPE_CHECKING:  # the names of the policies must not cost the import of solvers
    from agents.dispatch.dispatcher import Dispatcher
    from grids.network import FloatArray
    from sim.instance import Instance
    from sim.messages import Decision, Knowledge, Outlook


@dataclass(frozen=True, eq=False, kw_only=True)
class HourView:
    """View of hour t and those after it, from which a policy decides.

    Attributes
    ----------
    hour : int or float
        Hour ending of the step, in hours since the day began: 1 to 24 with hourly steps. [h]
    outlook : Outlook
        The steps ahead, as far as the policy's knowledge goes.
    bid_mw : array, shape (T,)
        The day's bids as they count, a value for every step. [MW]
    scheduled_battery_p_mw : array, shape (T, U)
        Day-ahead battery schedule, positive for discharge. [MW]
    energy_mwh, previous_battery_p_mw : array, shape (U,)
        Stored energy now, and battery power in the step before. [MWh], [MW]
    period : int
        Step of the day, counted from 1; by default the hour.
    today : Instance, optional
        Instance of the day, with its prices; by default that of the study.
    metered_mw : array, shape (K,)
        Flows of the tie line in the steps of this settlement period that have passed. [MW]
    """

    hour: int | float
    outlook: Outlook
    bid_mw: FloatArray
    scheduled_battery_p_mw: FloatArray
    energy_mwh: FloatArray
    previous_battery_p_mw: FloatArray
    period: int = 0
    today: Instance | None = None
    metered_mw: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not self.period:
            object.__setattr__(self, "period", round(self.hour))


class AnmPolicy(Protocol):
    """Protocol of the class ``Policy`` of a module of this package.

    A policy that values stored energy has an attribute ``functions``, by which microgrids then value theirs.
    """

    summary: ClassVar[str]
    knowledge: ClassVar[Knowledge]
    fallback: ClassVar[str | None]

    def __init__(self, instance: Instance, dispatcher: Dispatcher) -> None: ...

    def decide(self, view: HourView) -> Decision:
        """Return the orders of the hour; raise SolverError if there is no answer."""
        ...


POLICIES = Registry("policy", __name__, __path__, attribute="Policy", needs=("decide", "knowledge"))
"""Registry of policies; one of the user's own has no fallback unless it names one."""


def policy_names() -> list[str]:
    """Return the names of all policies."""
    return POLICIES.names()


def policy_class(name: str) -> type[AnmPolicy]:
    """Return the policy class of a name, to derive one's own from or to ask within one's own.

    Raises
    ------
    StudyError
        If there is none of this name.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.policy("receding").fallback
    'myopic'
    """
    return cast(type[AnmPolicy], POLICIES.find(name))


def add_policy(policy: Any) -> str:
    """Return the name of a policy, which may be one of the user's own: a class, or an instance for all runs.

    Raises
    ------
    StudyError
        If it has no ``decide`` or ``knowledge``, or the name of a packaged one.
    """
    kind = policy if isinstance(policy, type) else type(policy)
    takes_arguments = kind is policy and kind.__init__ is not object.__init__
    if isinstance(policy, str) or takes_arguments or POLICIES.lacks(policy):
        return POLICIES.add(policy)
    given = kind if kind is policy else lambda: policy
    return POLICIES.add(type(kind.__name__, (kind,), {"__new__": lambda *_: given(), "__module__": kind.__module__}))
