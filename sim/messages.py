"""What the players say to each other: plain records, so that nothing else crosses between them."""

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from grids.network import FloatArray
from grids.power_flow import SetPoints


class Knowledge(Enum):
    """What a policy may know at hour t."""

    HOUR = "hour t as realised"
    FORECAST = "hour t as realised, the day-ahead forecast of the hours after it"
    FUTURE = "the whole day as it will be"


@dataclass(frozen=True, eq=False, kw_only=True)
class Outlook:
    """Hours t, t+1, ... as far as a policy's knowledge goes.

    Attributes
    ----------
    demand_mw, available_mw : array, shape (H, D), (H, G)
        Demand of each load and available output of each renewable; the first row is hour t. [MW]
    """

    demand_mw: FloatArray
    available_mw: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Submission:
    """The day-ahead bid, and what the operator remembers of how it came about.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        Bids, positive for import. [MW]
    strategy : str
        Bidding strategy.
    battery_p_mw : array, shape (24, U)
        Day-ahead battery schedule, the expected one, positive for discharge. [MW]
    certificate : dict
        Cone gap, power-flow mismatches, optimality gap and status of the bidding problem; None where not applicable.
    search : dict
        Expected profit of the incumbent and its proven bound in $, as far as the strategy's own model goes, and the
        nodes (problems) it took.
    note : str
        What went wrong, if anything did.
    """

    bid_mw: FloatArray
    strategy: str
    battery_p_mw: FloatArray
    certificate: dict[str, float | str | None] = field(default_factory=dict)
    search: dict[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Ruling:
    """The system operator's answer to a bid: accepted, or refused with the reason."""

    accepted: bool
    reason: str
    bid_mw: FloatArray


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a DER agent reports at the start of an hour.

    Attributes
    ----------
    available_mw : float
        Demand of a load, available output of a renewable, power limit of a battery. [MW]
    energy_mwh : float
        Stored energy (0 for all but batteries). [MWh]
    """

    available_mw: float
    energy_mwh: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """Set point for one unit: demand served (loads) or injection (others). [MW], [Mvar]"""

    p_mw: float
    q_mvar: float


@dataclass(frozen=True, kw_only=True)
class Action:
    """What a unit does about an order: follows it, or clips it to its own limits."""

    p_mw: float
    q_mvar: float
    clipped: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Decision:
    """What the operator decided for one hour.

    Attributes
    ----------
    orders : SetPoints
        Orders to all units, shape (units,).
    policy : str
        The policy that decided, which is a fallback if the chosen one failed.
    status : {"optimal", "repaired", "inexact", "least_violation", "unplanned"}
        The plan is optimal; was steered back to AC feasibility where the relaxation was not exact; could not be;
        violates limits that no plan can meet, as little as possible; or was made without looking at them.
    reason : str
        Why a fallback decided.
    violation : float
        Sum of violated limits in the plan (p.u. squared, MWh).
    planned_tie_p_mw : float
        Tie-line flow the plan expects, NaN where there is none. [MW]
    planned_vm_pu : array or None
        Voltages the plan expects, shape (B,). [p.u.]
    cone_gap : float
        Relative cone gap of the plan, NaN where there is none.
    """

    orders: SetPoints
    policy: str
    status: str
    reason: str = ""
    violation: float = 0.0
    planned_tie_p_mw: float = np.nan
    planned_vm_pu: FloatArray | None = None
    cone_gap: float = np.nan


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """The settlement of one hour: the innermost tolerance band, what lies outside, and its price.

    Attributes
    ----------
    bid_mw, metered_mw, lower_mw, upper_mw : float
        Bid, metered flow, limits of the first tier's band. [MW]
    over_mwh, under_mwh : float
        Over- and under-scheduling energy beyond it. [MWh]
    penalty : float
        What is owed. [$]
    """

    bid_mw: float
    metered_mw: float
    lower_mw: float
    upper_mw: float
    over_mwh: float
    under_mwh: float
    penalty: float
