"""Protocols of the participants: the phases that the market model calls, and all it knows of them."""

from dataclasses import dataclass
from typing import Protocol

from sim.ev_fleet import ChargingSessions
from sim.messages import Action, ConnectionAction, Decision, Order, Report, Schedule, Settlement, Submission


class DerProtocol(Protocol):
    """A load, wind turbine, PV plant or battery with an agent of its own."""

    name: str
    kind: str

    def report(self) -> Report:
        """Return the report on this hour: available power and stored energy."""
        ...

    def act(self, order: Order) -> Action:
        """Act for an hour on an order, within the unit's physical limits, and return the action."""
        ...


class MicrogridProtocol(Protocol):
    """A microgrid at a connection, or the operator's own fleet of cars."""

    name: str
    kind: str

    @property
    def cars(self) -> ChargingSessions | None:
        """Stays of its cars over the whole run; None if it has no cars."""
        ...

    def act(self, schedule: Schedule) -> ConnectionAction:
        """Act for an hour on what was agreed, its own schedule of shape (H,), and return the action."""
        ...


class OperatorProtocol(Protocol):
    """The microgrid operator."""

    name: str

    def submit_bids(self) -> Submission:
        """Return the bids for the day that is about to begin."""
        ...

    def dispatch(self, reports: dict[str, Report]) -> Decision:
        """Return the orders of this hour."""
        ...


class SystemOperatorProtocol(Protocol):
    """The system operator of the main grid."""

    name: str

    def review(self, submission: Submission) -> str:
        """Return the reason why a bid is refused, empty if it is accepted."""
        ...

    def settle(self, bid_mw: float, metered_mw: float, *, hour: int | float) -> Settlement:
        """Return the settlement of a metered step, named by its hour ending."""
        ...


@dataclass(frozen=True, kw_only=True)
class Participants:
    """Agents of a run; DER and microgrids in the grid's order of loads, renewables, batteries, connections."""

    operator: OperatorProtocol
    system_operator: SystemOperatorProtocol
    loads: tuple[DerProtocol, ...]
    renewables: tuple[DerProtocol, ...]
    batteries: tuple[DerProtocol, ...]
    microgrids: tuple[MicrogridProtocol, ...] = ()

    @property
    def ders(self) -> tuple[DerProtocol, ...]:
        """DER agents: loads, renewables, batteries."""
        return self.loads + self.renewables + self.batteries
