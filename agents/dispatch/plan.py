"""Plan that solves a dispatch problem: set points and expected state for every scenario and hour."""

from dataclasses import dataclass, field

import numpy as np

from agents.dispatch.problem import Directions, DispatchProblem
from grids.network import FloatArray, Grid
from grids.power_flow import SetPoints
from sim.market.imbalance import imbalance_cost
from sim.messages import Coordination


@dataclass(frozen=True, eq=False, kw_only=True)
class Prices:
    """Derivatives of a plan's cost by the data of its hours, each times the scenario's probability.

    Attributes
    ----------
    energy_per_mwh : array, shape (S, T, U)
        By the energy stored at the start of the hour. [$/MWh]
    bid_per_mw, magnitude_per_mw : array, shape (S, T)
        By the bid, and by the magnitude that widens its band. [$/MW]
    exchange_per_mwh : array, shape (S, T, M)
        By the power each connection takes from the network. [$/MWh]
    store_per_mwh : array, shape (T, N)
        By the energy of each store of the microgrids at the start of each hour of the first scenario. [$/MWh]
    """

    energy_per_mwh: FloatArray
    bid_per_mw: FloatArray
    magnitude_per_mw: FloatArray
    exchange_per_mwh: FloatArray = field(default_factory=lambda: np.zeros(0))
    store_per_mwh: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """Solved dispatch: set points and expected state for every scenario and hour.

    Attributes
    ----------
    set_points : SetPoints
        Shape (S, T, units). [MW], [Mvar]
    end_energy_mwh : array, shape (S, T, U)
        Stored energy at the end of each hour. [MWh]
    tie_p_mw, tie_q_mvar : array, shape (S, T)
        Planned tie-line flow (reactive: zero on the copper plate). [MW], [Mvar]
    vm_pu : array, shape (S, T, B)
        Planned voltages (the slack voltage on the copper plate). [p.u.]
    bid_mw : array, shape (T,)
        Bids, given or decided. [MW]
    line_p_mw, line_q_mvar : array, shape (S, T, L)
        Planned flows into the series element of each line or transformer, at its sending end behind transformer and
        shunt (:mod:`agents.dispatch.two_port`); no lines on the copper plate. [MW], [Mvar]
    cone_gap : array, shape (S, T)
        Largest relative cone gap of each hour, see :func:`cone_gap`.
    spilled : array, shape (S, T)
        Largest energy that does not fit into a battery, relative to its size: 0 where the plan is possible.
    penalty : array, shape (S, T)
        Imbalance penalty as the program counts it; too low where it relaxes |B| of an open direction. [$]
    violation : array, shape (S, T)
        Sum of violated limits (p.u. squared, MWh); zero unless no dispatch meets them all.
    losses_mw : array, shape (S, T)
        Losses of lines and transformers, see :func:`losses`. [MW]
    prices : Prices or None
        Duals of the links between hours.
    objective, bound : float
        Cost minus revenue, and the proven lower bound on it. [$]
    repaired : bool
        Whether the relaxation was not exact and the plan was steered back to one that is.
    stopped : str
        Reason why the search for the best directions stopped early, or nothing.
    nodes : int
        Problems solved to find the best directions and to prove them.
    exchange_price_per_mwh : array, shape (S, T, M)
        Price of the microgrids' exchange with the network; empty where there are none. [$/MWh]
    coordination : Coordination or None
        Record of how operator and microgrids agreed.
    tie_excess_mvar : array, shape (S, T)
        Reactive power beyond the tie line's power factor that an elastic plan takes; or a zero for all. [Mvar]
    store_mwh : array, shape (T, N)
        Energy of each store of the microgrids at the end of each hour of the first scenario; empty without any. [MWh]
    """

    set_points: SetPoints
    end_energy_mwh: FloatArray
    tie_p_mw: FloatArray
    tie_q_mvar: FloatArray
    vm_pu: FloatArray
    line_p_mw: FloatArray
    line_q_mvar: FloatArray
    bid_mw: FloatArray
    cone_gap: FloatArray
    spilled: FloatArray
    penalty: FloatArray
    violation: FloatArray
    losses_mw: FloatArray
    prices: Prices | None = None
    objective: float = np.nan
    bound: float = np.nan
    repaired: bool = False
    stopped: str = ""
    nodes: int = 0
    exchange_price_per_mwh: FloatArray = field(default_factory=lambda: np.zeros(0))
    coordination: Coordination | None = None
    tie_excess_mvar: FloatArray = field(default_factory=lambda: np.zeros(()))
    store_mwh: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def inexactness(self) -> FloatArray:
        """Relative distance of each hour from a physically possible state, shape (S, T).

        Spilled energy counts a hundredfold: it is energy, and not the square of a flow.
        """
        return np.maximum(self.cone_gap, 100 * self.spilled)


def read_plan(grid: Grid, problem: DispatchProblem, read: dict[str, FloatArray], *, bid_mw: FloatArray | None) -> Plan:
    """Return the plan in the values of an hour model's variables.

    Parameters
    ----------
    grid, problem : Grid, DispatchProblem
        The grid and the problem that was solved.
    read : dict of str to array, shape (S, T, units)
        Value of every variable.
    bid_mw : array, shape (T,), or None
        Bids; None stands for zero. [MW]
    """
    shape = problem.shape
    stored, beyond = store_path(grid, problem, read["battery_p_mw"])
    ac = "squared_voltage" in read
    load_p, renewable_p = (
        read.get("load_p_mw", problem.demand_mw),
        read.get("renewable_p_mw", problem.available_mw),
    )
    slack_only = np.full((*shape, len(grid.bus_ids)), grid.voltage.slack_vm_pu)
    set_points = SetPoints(
        load_p_mw=load_p,
        load_q_mvar=load_p * grid.load_tan_phi,
        renewable_p_mw=renewable_p,
        renewable_q_mvar=read["renewable_q_mvar"] if ac else np.zeros_like(renewable_p),
        battery_p_mw=read["battery_p_mw"],
        battery_q_mvar=read["battery_q_mvar"] if ac else np.zeros_like(read["battery_p_mw"]),
        exchange_p_mw=_exchange(grid, problem, read, "exchange_p_mw"),
        exchange_q_mvar=_exchange(grid, problem, read, "exchange_q_mvar"),
    )
    tie_p_mw = read["tie_p_mw"][..., 0]
    vm_pu = np.sqrt(np.maximum(read["squared_voltage"], 0)) if ac else slack_only
    return Plan(
        set_points=set_points,
        end_energy_mwh=stored,
        tie_p_mw=tie_p_mw,
        tie_q_mvar=read["tie_q_mvar"][..., 0] if ac else np.zeros(shape),
        vm_pu=vm_pu,
        line_p_mw=read["line_p_mw"] if ac else np.zeros((*shape, 0)),
        line_q_mvar=read["line_q_mvar"] if ac else np.zeros((*shape, 0)),
        bid_mw=np.zeros(shape[1]) if bid_mw is None else bid_mw,
        cone_gap=cone_gap(grid, read) if ac else np.zeros(shape),
        spilled=beyond,
        penalty=imbalance_cost((read["over_scheduling_mwh"], read["under_scheduling_mwh"]), problem.step_prices),
        violation=sum((read[name].sum(axis=2) for name in VIOLATIONS if name in read), np.zeros(shape)),
        losses_mw=losses(grid, set_points, tie_p_mw, vm_pu),
        tie_excess_mvar=TIE_EXCESS_MVAR * read["tie_excess"][..., 0] if "tie_excess" in read else np.zeros(()),
    )


def _exchange(grid: Grid, problem: DispatchProblem, read: dict[str, FloatArray], name: str) -> FloatArray:
    """Return the power the connections take from the network, decided or given, shape (S, T, M)."""
    given = read.get(name, getattr(problem, name))
    return np.zeros((*problem.shape, len(grid.connections))) if given is None else given


def fix_directions(plan: Plan, directions: Directions) -> Directions:
    """Return the directions with every direction that is not fixed as it is in a plan."""
    return Directions(
        bid=np.where(directions.bid == 0, np.where(plan.bid_mw >= 0, 1, -1), directions.bid),
        flow=np.where(directions.flow == 0, np.where(plan.tie_p_mw >= 0, 1, -1), directions.flow),
    )


VOLTAGE_MARGIN_PU = 5e-6
"""Distance that plans keep from the voltage limits, so that round-off is no violation at the meter. [p.u.]"""


PLANNED = 1 - 1e-6
"""Share of an apparent power, of a rated current and of a reactive power within a power factor that plans may use.

The small rest keeps a solver's round-off from being clipped, or from being a violation at the meter.
"""


def planned_voltages(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and the highest voltage that a plan may have at every bus (31), shape (B,) each. [p.u.]"""
    return grid.bus_min_vm_pu + VOLTAGE_MARGIN_PU, grid.bus_max_vm_pu - VOLTAGE_MARGIN_PU


def undecided_mw(grid: Grid, vm_pu: FloatArray) -> FloatArray:
    """Return the net active power drawn by what nobody decides, given injections and shunts, shape (...). [MW]

    Parameters
    ----------
    grid : Grid
        The network.
    vm_pu : array, shape (..., B)
        Bus voltages. [p.u.]
    """
    drawn: FloatArray = vm_pu**2 @ grid.bus_g_pu - grid.given_p_mw.sum()
    return drawn


def losses(grid: Grid, points: SetPoints, tie_p_mw: FloatArray, vm_pu: FloatArray) -> FloatArray:
    """Return the losses (13) of lines and transformers, shunts of their own included: what is left over, (S, T). [MW]

    Parameters
    ----------
    grid, points : Grid, SetPoints
        The network, and the power of every unit and connection, shape (S, T, units).
    tie_p_mw : array, shape (S, T)
        Flow from the main grid. [MW]
    vm_pu : array, shape (S, T, B)
        Bus voltages. [p.u.]
    """
    supply = points.renewable_p_mw.sum(axis=2) + points.battery_p_mw.sum(axis=2)
    served: FloatArray = tie_p_mw + supply - points.load_p_mw.sum(axis=2) - points.exchange_p_mw.sum(axis=2)
    return served - undecided_mw(grid, vm_pu)


def store_path(grid: Grid, problem: DispatchProblem, power_mw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the energy in the stores that battery power leads to, and the energy that does not fit into them.

    With losses the model bounds the stored energy from above only, and a solver may leave it lower where it has no
    value. The energy that physically follows from the power counts.

    Returns
    -------
    array, shape (S, T, U)
        Energy at the end of each hour, at most `max_soc`. [MWh]
    array, shape (S, T)
        Largest energy beyond that, relative to the battery's size: 0 where the plan is physically possible.
    """
    size = np.array([unit.max_e_mwh for unit in grid.batteries])
    full = np.array([unit.max_soc for unit in grid.batteries]) * size
    efficiency = np.array([unit.efficiency for unit in grid.batteries])
    energy, path, beyond = problem.start_energy_mwh, [], []
    for hour in range(problem.shape[1]):
        power = power_mw[:, hour]
        reached = energy - np.maximum(power / efficiency, power * efficiency) * problem.step_h
        energy = np.minimum(reached, full)
        path.append(energy)
        beyond.append(((reached - energy) / size).max(axis=1, initial=0.0))
    return np.stack(path, axis=1), np.stack(beyond, axis=1)


VIOLATION_PRICE = 1e5
"""Price of one unit (p.u., MW, MWh) of violated limit in the elastic model: far above any energy. [$]"""

TIGHTENING_PRICE = 0.3 * VIOLATION_PRICE
"""Price of losses in the elastic model: without it, invented losses would pass for a way to mend voltages. [$/MWh]"""

TIE_EXCESS_MVAR = 100.0
"""Reactive power beyond the tie line's power factor that counts as one unit of violation: what is violated there is
cheaper than to burn it in the reactance of a line or transformer, which the relaxation would do. [Mvar]"""

VIOLATIONS = (
    *("squared_undervoltage", "squared_overvoltage", "squared_overcurrent"),
    *("energy_shortfall_mwh", "tie_excess"),
)
"""Variables of the elastic hour model that measure violated limits."""

SMALL_FLOW_MVA = 0.1
"""Flow below which the relative cone gap is measured against this flow: of no account, and mostly round-off."""


def cone_gap(grid: Grid, read: dict[str, FloatArray]) -> FloatArray:
    """Return the largest relative gap ℓ·w - (P² + Q²) over the lines, shape (S, T): 0 where the relaxation is exact.

    The gap is relative to the squared flow, or to `SMALL_FLOW_MVA` squared where the flow is smaller.
    """
    sending = read["squared_voltage"][..., grid.line_from] / grid.line_ratio**2
    power = read["line_p_mw"] ** 2 + read["line_q_mvar"] ** 2
    gap = (read["squared_current"] * sending - power) / np.maximum(power, SMALL_FLOW_MVA**2)
    worst: FloatArray = np.abs(gap).max(axis=-1)
    return worst
