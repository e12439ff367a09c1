"""Messages between the participants: plain records, so that nothing else crosses between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from grids.network import FloatArray

if TYPE_CHECKING:
    from grids.power_flow import SetPoints


class Knowledge(Enum):
    """Knowledge of a policy at hour t.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.policy("myopic").knowledge is tl.Knowledge.HOUR
    True
    """

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
    connection_load_mw, connection_heat_mw, connection_output_mw : array, shape (H, M)
        Electric load, heat load and available renewable output at each connection. [MW]
    retail_price_per_mwh : array, shape (H,)
        Retail price. [$/MWh]
    """

    demand_mw: FloatArray
    available_mw: FloatArray
    connection_load_mw: FloatArray
    connection_heat_mw: FloatArray
    connection_output_mw: FloatArray
    retail_price_per_mwh: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Submission:
    """Day-ahead bid, with the strategy, battery schedule and certificate of the plan from which it comes.

    Attributes
    ----------
    bid_mw : array, shape (T,)
        Bids, positive for import. [MW]
    battery_p_mw : array, shape (T, U)
        Day-ahead battery schedule, the expected one, positive for discharge. [MW]
    strategy : str
        Bidding strategy that was used; the bid optimizer fills it in.
    certificate : dict
        Cone gap, power-flow mismatches, optimality gap and status of the bidding problem; None where not applicable.
    search : dict
        Expected profit of the incumbent and its proven bound in $, as far as the strategy's own model goes, and the
        nodes (problems) it took.
    note : str
        Remark on the plan from which the bids come, if there is any.
    asked : str
        Bidding strategy of the study; by default the one that was used.
    reason : str
        Reason why another one was used.
    costs, probability : array, shape (J,), optional
        Cost minus revenue that the strategy expects in every bundle of scenarios, and its probability. [$]
    """

    bid_mw: FloatArray
    battery_p_mw: FloatArray
    strategy: str = ""
    certificate: dict[str, float | str | None] = field(default_factory=dict)
    search: dict[str, float] = field(default_factory=dict)
    note: str = ""
    asked: str = ""
    reason: str = ""
    costs: FloatArray | None = None
    probability: FloatArray | None = None

    def __repr__(self) -> str:
        return f"<Submission of {self.strategy or 'a strategy'}: {', '.join(f'{bid:.3f}' for bid in self.bid_mw)} MW>"

    @property
    def remarks(self) -> str:
        """Reason for a fallback, and the note."""
        return "; ".join(part for part in (self.reason, self.note) if part)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Report of a DER agent at the start of an hour.

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
    """Set point for one device.

    Attributes
    ----------
    p_mw, q_mvar : float
        Electric injection; consumption and charging are negative. [MW], [Mvar]
    heat_mw : float
        Heat it is to give; what a heat load or a charging store takes is negative. [MW]
    available_mw : float
        Load demanded or output available in a microgrid; NaN for devices without any, and those that report it. [MW]
    """

    p_mw: float = 0.0
    q_mvar: float = 0.0
    heat_mw: float = 0.0
    available_mw: float = np.nan


@dataclass(frozen=True, kw_only=True)
class Action:
    """Action of one device in an hour: it follows its order, or clips it to its own limits.

    Attributes
    ----------
    device : str
        ``load``, ``wind``, ``pv`` or ``battery`` of the operator; of a microgrid ``load``, ``output``, ``heat_load``,
        ``battery``, ``thermal_storage``, ``diesel``, ``heat_unit`` or ``ev``.
    p_mw, q_mvar : float
        Electric injection; consumption and charging are negative. [MW], [Mvar]
    heat_mw : float
        Heat it gives; the heat load and charging of a thermal storage are negative. Vented heat is not given. [MW]
    available_mw : float
        Electric or heat load as demanded, output as available, uncontrolled charging of cars; NaN for others. [MW]
    energy_mwh : float
        Stored energy at the end of the hour; charged so far this day for cars; NaN for others. [MWh]
    cost : float
        Fuel, wear, or compensation of the cars' owners. [$]
    """

    device: str
    p_mw: float = 0.0
    q_mvar: float = 0.0
    heat_mw: float = 0.0
    available_mw: float = np.nan
    energy_mwh: float = np.nan
    cost: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Schedule:
    """Exchange of the microgrids with the network in hours t, t+1, ..., as agreed, and its price.

    Attributes
    ----------
    p_mw, q_mvar : array, shape (H, M)
        Exchange of every connection, positive for what it takes. [MW], [Mvar]
    price_per_mwh : array, shape (H, M)
        Price it pays. [$/MWh]
    """

    p_mw: FloatArray
    q_mvar: FloatArray
    price_per_mwh: FloatArray

    def of(self, connection: int) -> Schedule:
        """Return the schedule of one connection, shape (H,)."""
        return Schedule(
            p_mw=self.p_mw[:, connection],
            q_mvar=self.q_mvar[:, connection],
            price_per_mwh=self.price_per_mwh[:, connection],
        )


@dataclass(frozen=True, kw_only=True)
class Coordination:
    """Record of how operator and microgrids agreed on their exchange.

    Attributes
    ----------
    mode : str
        ``central``, ``transactive`` or ``uncoordinated``.
    iterations : int
        Rounds of prices and quantities.
    primal_residual_mw : float
        Largest difference between the exchanges that operator and microgrids want. [MW]
    dual_residual_per_mwh : float
        Largest change of a price in the last round. [$/MWh]
    note : str
        Failure, if there was one, such as a microgrid that gave no answer.
    """

    mode: str
    iterations: int = 0
    primal_residual_mw: float = 0.0
    dual_residual_per_mwh: float = 0.0
    note: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class ConnectionAction:
    """Action of a microgrid (or a fleet of cars) on its part of the schedule in one hour.

    Attributes
    ----------
    p_mw, q_mvar : float
        Power it takes from the network: minus the sum over its devices. [MW], [Mvar]
    devices : tuple of Action
        Its devices.
    charging_mw : array, shape (cars,)
        Power of every car. [MW]
    shortfall_mw : float
        Load, electric and heat, that could not be served; the ``load`` and ``heat_load`` are lower by that. [MW]
    note : str
        Failure, if there was one.
    """

    p_mw: float
    q_mvar: float
    devices: tuple[Action, ...]
    charging_mw: FloatArray
    shortfall_mw: float = 0.0
    note: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Decision:
    """Decision of the operator for one hour.

    Attributes
    ----------
    orders : SetPoints
        Orders to all units, shape (units,).
    policy : str
        The policy that decided, which is a fallback if the chosen one failed; the operator fills it in.
    status : {"optimal", "repaired", "inexact", "least_violation", "unplanned"}
        The plan is optimal; was steered back to AC feasibility where the relaxation was not exact; could not be;
        violates limits that no plan can meet, as little as possible; or was made without looking at them.
    reason : str
        Reason why a fallback decided, a search ended early, or data stand in for the report of a unit.
    violation : float
        Sum of violated limits in the plan (p.u. squared, MWh).
    planned_tie_p_mw : float
        Tie-line flow the plan expects, NaN where there is none. [MW]
    planned_vm_pu : array or None
        Voltages the plan expects, shape (B,). [p.u.]
    cone_gap : float
        Relative cone gap of the plan, NaN where there is none.
    schedule : Schedule or None
        Exchange agreed with the microgrids for this hour and those after it.
    coordination : Coordination or None
        Record of how it was agreed.

    Examples
    --------
    >>> import numpy as np
    >>> import tieline as tl
    >>> off = np.zeros(1)
    >>> orders = tl.SetPoints(
    ...     load_p_mw=off, load_q_mvar=off,
    ...     renewable_p_mw=off, renewable_q_mvar=off,
    ...     battery_p_mw=off, battery_q_mvar=off
    ... )
    >>> tl.Decision(orders=orders).status
    'unplanned'
    """

    orders: SetPoints
    policy: str = ""
    status: str = "unplanned"
    reason: str = ""
    violation: float = 0.0
    planned_tie_p_mw: float = np.nan
    planned_vm_pu: FloatArray | None = None
    cone_gap: float = np.nan
    schedule: Schedule | None = None
    coordination: Coordination | None = None


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """Settlement of one step: the innermost tolerance band, the energy outside it, and the penalty.

    Where the settlement period is longer than a step, energy and penalty are those of the whole period, and stand at
    its last step.

    Attributes
    ----------
    bid_mw, metered_mw, lower_mw, upper_mw : float
        Bid, metered flow, limits of the first tier's band. [MW]
    over_mwh, under_mwh : float
        Over- and under-scheduling energy beyond it. [MWh]
    penalty : float
        Penalty owed. [$]
    """

    bid_mw: float
    metered_mw: float
    lower_mw: float
    upper_mw: float
    over_mwh: float
    under_mwh: float
    penalty: float
