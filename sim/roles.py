"""The phases the market model calls on its players. The stage knows its players only by these."""

from dataclasses import dataclass
from typing import Protocol

from sim.ev_fleet import Cars
from sim.messages import Action, Decision, Order, PortAction, Report, Ruling, Schedule, Settlement, Submission


class DerRole(Protocol):
    """A load, wind turbine, PV plant or battery with an agent of its own."""

    name: str
    kind: str

    def report(self) -> Report:
        """Return what is available this hour."""
        ...

    def respond(self, order: Order) -> Action:
        """Return what the unit does about an order, within its physical limits."""
        ...

    def commit(self, action: Action) -> None:
        """Let the hour pass: update the unit's own state."""
        ...


class MicrogridRole(Protocol):
    """What is behind a port: a microgrid of its own, or a fleet of cars."""

    name: str
    kind: str

    @property
    def cars(self) -> Cars | None:
        """The stays of its cars over the whole run; None if it has no cars."""
        ...

    def carry_out(self, schedule: Schedule) -> PortAction:
        """Let the hour pass, and return what was made of what was agreed: its own schedule, shape (H,)."""
        ...


class OperatorRole(Protocol):
    """The microgrid operator."""

    name: str

    def submit_bids(self) -> Submission:
        """Return the bids for the day that is about to begin."""
        ...

    def take_ruling(self, submission: Submission, ruling: Ruling) -> None:
        """Take note of what the system operator made of the bids."""
        ...

    def dispatch(self, reports: dict[str, Report]) -> Decision:
        """Return the orders of this hour."""
        ...


class SystemOperatorRole(Protocol):
    """The system operator of the main grid."""

    name: str

    def review(self, submission: Submission) -> Ruling:
        """Accept or refuse a bid."""
        ...

    def settle(self, bid_mw: float, metered_mw: float, *, hour: int) -> Settlement:
        """Return the settlement of a metered hour 1..24."""
        ...


@dataclass(frozen=True, kw_only=True)
class Players:
    """Who plays. DER agents and microgrids stand in the order of the grid's loads, renewables, batteries and ports."""

    operator: OperatorRole
    system_operator: SystemOperatorRole
    loads: tuple[DerRole, ...]
    renewables: tuple[DerRole, ...]
    batteries: tuple[DerRole, ...]
    microgrids: tuple[MicrogridRole, ...] = ()

    @property
    def ders(self) -> tuple[DerRole, ...]:
        """All DER agents."""
        return self.loads + self.renewables + self.batteries
