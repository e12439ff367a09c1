"""Pyomo model of one hour of one scenario, legible; every decision reads this model, and nothing restates it.

The model is written in MW and p.u. on 1 MVA, so both are the same number. What changes from hour to hour is *data*:
Pyomo variables created by `_data`, which :func:`fix_data` fixes to numbers for any Pyomo solver, and which
:mod:`agents.dispatch.compiled` turns into right-hand sides, prices, or links to another hour's decisions.

Numbers in brackets are equations of Energies 2016, 9(1), 48, https://doi.org/10.3390/en9010048.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyo

from agents.dispatch.network import FORMULATIONS, Hour, Relation
from agents.dispatch.plan import TIGHTENING_PRICE, VIOLATION_PRICE
from grids.components import energy_limits
from grids.network import Grid
from sim.market.imbalance import ImbalanceRule, band_limits, imbalance_cost
from sim.market.settlement import terms
from sim.market.tariff import Tariff


def hour_model(
    grid: Grid,
    tariff: Tariff,
    rule: ImbalanceRule,
    *,
    network: str = "branch_flow",
    elastic: bool = False,
    demand_peak: float | None = None,
    step_h: float = 1.0,
    settled: bool = True,
) -> Hour:
    """Return the Pyomo model of one hour of one scenario; its objective is cost minus revenue, in $.

    Parameters
    ----------
    grid : Grid
        Network and fleet.
    tariff : Tariff
        Compensation factors, wear and loss valuation.
    rule : ImbalanceRule
        Imbalance rule, the object that also settles.
    network : {"branch_flow", "copper_plate"}
        Section 4.2 of the paper (ANM on the AC network) or section 3 (one bus, everything served and used).
    elastic : bool
        Let limits be violated at `VIOLATION_PRICE`, to find the least violation where no dispatch meets them all.
    demand_peak : float, optional
        Largest demand relative to nominal: with it, currents are bounded by what can flow, which takes a fifth more
        time and keeps the relaxation from burning energy where that pays.
    step_h : float
        Length of the step; "hour" stands for it. [h]
    settled : bool
        Whether the imbalance of this step counts by itself; else :func:`settlement_model` counts that of several.
    """
    m, formulation = pyo.ConcreteModel(name=f"{grid.name}, one hour"), FORMULATIONS[network]
    m.data_names = []
    m.violations, m.step_h = [], step_h
    _add_sets(m, grid, rule)
    _add_data(m)
    formulation.add_power(m)
    _add_batteries(m, grid, elastic=elastic)
    _add_throughput(m, grid)
    _add_tie_line(m, grid)
    formulation.add_network(m, grid, elastic, None if elastic else demand_peak)
    if settled:
        _add_imbalance(m, rule)
    _add_money(m, grid, tariff, settled=settled)
    return m


def settlement_model(rule: ImbalanceRule, steps: int, step_h: float) -> Hour:
    """Return the Pyomo model of the imbalance of a settlement period of several steps; its objective is the penalty.

    Parameters
    ----------
    rule : ImbalanceRule
        Imbalance rule.
    steps : int
        Steps n of the period, whose flows are data.
    step_h : float
        Length of a step. [h]
    """
    m = pyo.ConcreteModel(name="settlement period")
    m.data_names, m.step_h = [], step_h
    m.TIERS, m.STEPS = pyo.RangeSet(0, len(rule.tiers) - 1), pyo.RangeSet(0, steps - 1)
    for name, index in (("bid_mw", ()), ("bid_magnitude_mw", ()), ("flow_mw", (m.STEPS,))):
        _data(m, name, *index)
    for name in ("over_price_per_mwh", "under_price_per_mwh"):
        _data(m, name, m.TIERS)
    m.tie_p_mw = pyo.Expression(expr=sum(m.flow_mw[k] for k in m.STEPS) / steps)
    m.step_h = steps * step_h
    _add_imbalance(m, rule)
    m.cost = pyo.Objective(expr=sum(_penalty(m)))
    return m


def _penalty(m: Hour) -> Any:
    """Return the penalty of every imbalance of a model, as an array of one expression or none."""
    energies = _units(m.over_scheduling_mwh), _units(m.under_scheduling_mwh)
    return np.atleast_1d(imbalance_cost(energies, (_units(m.over_price_per_mwh), _units(m.under_price_per_mwh))))


def fix_data(m: Hour, values: Mapping[str, npt.ArrayLike]) -> None:
    """Fix the data of an hour, so that any Pyomo solver can take the model.

    Parameters
    ----------
    m : ConcreteModel
        From :func:`hour_model`.
    values : mapping of str to array
        A number or an array for every name in ``m.data_names``.
    """
    for name in m.data_names:
        component = getattr(m, name)
        if not len(component):  # such as the exchange of a network without microgrids
            continue
        flat = np.broadcast_to(np.asarray(values[name], dtype=np.float64).ravel(), (len(component),))
        for variable, value in zip(component.values(), flat, strict=True):
            variable.fix(float(value))


def _data(m: Hour, name: str, *index: pyo.Set) -> None:
    """Declare data: a Pyomo variable that a solver never gets to choose."""
    setattr(m, name, pyo.Var(*index, initialize=0.0))
    m.data_names.append(name)


def _add_sets(m: Hour, grid: Grid, rule: ImbalanceRule) -> None:
    m.LOADS = pyo.RangeSet(0, len(grid.load_names) - 1)
    m.RENEWABLES = pyo.RangeSet(0, len(grid.renewables) - 1)
    m.BATTERIES = pyo.RangeSet(0, len(grid.batteries) - 1)
    m.CONNECTIONS = pyo.RangeSet(0, len(grid.connections) - 1)
    m.TIERS = pyo.RangeSet(0, len(rule.tiers) - 1)


def _add_data(m: Hour) -> None:
    _data(m, "demand_mw", m.LOADS)  # P_D
    _data(m, "available_mw", m.RENEWABLES)  # P_AV
    _data(m, "price_per_mwh")  # λ
    _data(m, "price_magnitude_per_mwh")  # |λ|: what harm is priced at, so that nobody is paid for it
    _data(m, "positive_price_per_mwh")  # max(λ, 0)
    _data(m, "retail_price_per_mwh")  # ρ
    _data(m, "over_price_per_mwh", m.TIERS)  # step prices of the rule
    _data(m, "under_price_per_mwh", m.TIERS)
    _data(m, "bid_mw")  # P_BID
    _data(m, "bid_magnitude_mw")  # |P_BID|, the measure of the tolerance band
    _data(m, "start_energy_mwh", m.BATTERIES)
    _data(m, "previous_battery_p_mw", m.BATTERIES)
    _data(m, "required_energy_mwh", m.BATTERIES)  # at the end of the hour
    _data(m, "import_slack_mvar")  # 0: Eq. (30) holds for import; large: it need not
    _data(m, "export_slack_mvar")  # the same for export
    _data(m, "exchange_p_mw", m.CONNECTIONS)  # what microgrids take from the network: given, or their own decision
    _data(m, "exchange_q_mvar", m.CONNECTIONS)


def _add_batteries(m: Hour, grid: Grid, *, elastic: bool) -> None:
    unit = grid.batteries
    m.battery_p_mw = pyo.Var(m.BATTERIES, bounds=lambda m, i: (-unit[i].max_s_mva, unit[i].max_s_mva))  # (3)
    m.end_energy_mwh = pyo.Var(m.BATTERIES, bounds=lambda m, i: energy_limits(unit[i]))  # (4), (24)
    if elastic:
        m.energy_shortfall_mwh = pyo.Var(m.BATTERIES, bounds=(0, None))
        m.violations.append(m.energy_shortfall_mwh)

    @m.Constraint(m.BATTERIES, doc="(5), (25) Discharge takes P·Δt/η out of the store.")
    def store_while_discharging(m: Hour, i: int) -> Relation:
        left = m.start_energy_mwh[i] - m.battery_p_mw[i] * m.step_h / unit[i].efficiency
        return m.end_energy_mwh[i] == left if unit[i].efficiency == 1 else m.end_energy_mwh[i] <= left

    @m.Constraint(m.BATTERIES, doc="(5), (25) Charging puts η·P·Δt into the store.")
    def store_while_charging(m: Hour, i: int) -> Relation:
        if unit[i].efficiency == 1:
            return pyo.Constraint.Skip
        return m.end_energy_mwh[i] <= m.start_energy_mwh[i] - m.battery_p_mw[i] * m.step_h * unit[i].efficiency

    @m.Constraint(m.BATTERIES, doc="Enough is left to close the day as full as it began.")
    def enough_energy_is_left(m: Hour, i: int) -> Relation:
        shortfall = m.energy_shortfall_mwh[i] if elastic else 0
        return m.end_energy_mwh[i] + shortfall >= m.required_energy_mwh[i]


def _add_throughput(m: Hour, grid: Grid) -> None:
    """Add the throughput of batteries that wear with it."""
    m.WEARING = pyo.Set(initialize=[i for i, unit in enumerate(grid.batteries) if unit.wear_per_mwh > 0])
    m.battery_throughput_mw = pyo.Var(m.WEARING)

    @m.Constraint(m.WEARING, (-1, 1), doc="Throughput is the magnitude of the power.")
    def throughput(m: Hour, i: int, sign: int) -> Relation:
        return sign * m.battery_p_mw[i] <= m.battery_throughput_mw[i]


def _add_tie_line(m: Hour, grid: Grid) -> None:
    capacity = grid.tie_line.max_s_mva
    m.tie_p_mw = pyo.Var(bounds=(-capacity, capacity))  # (2)


def _add_imbalance(m: Hour, rule: ImbalanceRule) -> None:
    m.over_scheduling_mwh = pyo.Var(m.TIERS, bounds=(0, None))
    m.under_scheduling_mwh = pyo.Var(m.TIERS, bounds=(0, None))

    @m.Constraint(m.TIERS, doc="(15) Under-scheduling: drawn above the upper limit of the tier's band.")
    def under_scheduling(m: Hour, k: int) -> Relation:
        _, upper = band_limits(m.bid_mw, m.bid_magnitude_mw, rule.tiers[k].band)
        return m.under_scheduling_mwh[k] >= m.step_h * (m.tie_p_mw - upper)

    @m.Constraint(m.TIERS, doc="(15) Over-scheduling: drawn below the lower limit of the tier's band.")
    def over_scheduling(m: Hour, k: int) -> Relation:
        lower, _ = band_limits(m.bid_mw, m.bid_magnitude_mw, rule.tiers[k].band)
        return m.over_scheduling_mwh[k] >= m.step_h * (lower - m.tie_p_mw)


def _units(component: Any) -> Any:
    """Return the members of a component as an array that numpy calculates with."""
    return np.fromiter(component.values(), dtype=object)


MONEY_ARGUMENTS = (
    *("price_per_mwh", "price_magnitude_per_mwh", "positive_price_per_mwh", "retail_price_per_mwh"),
    *(
        "demand_mw",
        "load_p_mw",
        "available_mw",
        "renewable_p_mw",
        "battery_p_mw",
        "previous_battery_p_mw",
        "losses_mw",
    ),
)
"""Components of the hour model that :func:`sim.market.settlement.terms` takes under the same names."""


def _add_money(m: Hour, grid: Grid, tariff: Tariff, *, settled: bool) -> None:
    """Add every term of the profit as a named expression, and cost minus revenue as the objective (7)."""
    money = terms(
        tariff,
        **{name: _units(getattr(m, name)) for name in MONEY_ARGUMENTS},
        battery_throughput_mw=np.fromiter(
            (m.battery_throughput_mw[i] if i in m.WEARING else 0.0 for i in m.BATTERIES), dtype=object
        ),
        wear_per_mwh=np.array([unit.wear_per_mwh for unit in grid.batteries]),
        metered_mw=_units(m.tie_p_mw),
        penalty=imbalance_cost(
            (_units(m.over_scheduling_mwh), _units(m.under_scheduling_mwh)),
            (_units(m.over_price_per_mwh), _units(m.under_price_per_mwh)),
        )
        if settled
        else np.zeros(1),
        step_h=m.step_h,
    )
    for term, amount in money.totals().items():
        setattr(m, term, pyo.Expression(expr=amount))
    cost = -m.profit
    if m.violations:
        violation = sum(amount for component in m.violations for amount in component.values())
        cost += m.step_h * (VIOLATION_PRICE * violation + TIGHTENING_PRICE * m.losses_mw)
    m.cost = pyo.Objective(expr=cost, sense=pyo.minimize)
