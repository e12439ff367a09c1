"""Reports and actions of DER agents, checked: any of them may fail in any way, and the hour goes on."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from grids.components import Battery, Renewable
from grids.network import FloatArray, Grid
from grids.power_flow import SetPoints
from sim.messages import Action, Order, Report
from sim.protocols import DerProtocol
from sim.time_limit import Respondents, in_words

ENERGY_MWH = 1e-9
"""Difference between stored energy as reported and as it must be that is round-off. [MWh]"""

CLIP_TOLERANCE_MW = 1e-6
"""Difference between order and action that counts as clipping. [MW], [Mvar]"""

Done = tuple[Action, float]
"""Action of a unit, and the energy it then holds. [MWh]"""


class UnitAnswers:
    """Reports and actions of all DER agents, in the order loads, renewables, batteries.

    Where a unit reports nothing, or what can't be meant (NaN), its data stand in: demand or available output of the
    hour, the energy that its actions leave; and it is taken to follow its order as far as its data allow.

    Parameters
    ----------
    grid : Grid
        The units' data.
    units : sequence of DerProtocol
        The agents.
    actual_mw : callable
        Returns demand or available output of a unit of a kind and position this hour. [MW]
    time_limit_s : float
        Time for an answer; who does not keep it is not asked again. [s]

    Attributes
    ----------
    energy_mwh : array, shape (U,)
        Energy in each battery now. [MWh]
    notes : list of str
        Failures of this hour.
    """

    def __init__(
        self, grid: Grid, units: Sequence[DerProtocol], actual_mw: Callable[[str, int], float], time_limit_s: float
    ) -> None:
        self._grid, self._units, self._actual_mw = grid, units, actual_mw
        self._respondents = Respondents(time_limit_s)
        self._refused: set[int] = set()  # whose report of this hour makes no sense: their actions follow from it
        self._available_mw = np.zeros(len(units))
        self.energy_mwh: FloatArray = np.array([unit.start_soc * unit.max_e_mwh for unit in grid.batteries])
        self.notes: list[str] = []

    def reports(self) -> dict[str, Report]:
        """Return the report of every unit at the start of an hour."""
        self.notes, self._refused = [], set()
        said = self._ask([unit.report for unit in self._units])
        reports = {}
        for k, (unit, answer) in enumerate(zip(self._units, said, strict=True)):
            known = self._known(k)
            wrong = _failure(answer) or _wrong_report(answer, known, is_battery=unit.kind == "battery")
            if wrong:
                self._refused.add(k)
                self._note(unit, wrong, "its data stand in")
            reports[unit.name] = known if wrong else answer
            self._available_mw[k] = reports[unit.name].available_mw
        return reports

    def act(self, orders: SetPoints) -> list[Action]:
        """Give every unit its order for the hour, and return their actions."""
        p_mw = np.concatenate([orders.load_p_mw, orders.renewable_p_mw, orders.battery_p_mw])
        q_mvar = np.concatenate([orders.load_q_mvar, orders.renewable_q_mvar, orders.battery_q_mvar])
        given = [Order(p_mw=float(p), q_mvar=float(q)) for p, q in zip(p_mw, q_mvar, strict=True)]
        said = self._ask([partial(_act, unit, order) for unit, order in zip(self._units, given, strict=True)])
        return [self._done(k, order, answer) for k, (order, answer) in enumerate(zip(given, said, strict=True))]

    def _done(self, k: int, order: Order, answer: Any) -> Action:
        """Return the action of a unit, and keep the energy its battery then holds."""
        unit, battery = self._units[k], k - len(self._units) + len(self.energy_mwh)
        wrong = _failure(answer) or _wrong_action(answer[0])
        replaced = bool(wrong) or k in self._refused
        action: Action = self._follow(k, order) if replaced else answer[0]
        if wrong and k not in self._refused:
            self._note(unit, wrong, "taken to follow its order")
        if battery >= 0:
            data = self._grid.batteries[battery]
            drawn = action.p_mw / data.efficiency if action.p_mw > 0 else action.p_mw * data.efficiency
            left = float(self.energy_mwh[battery]) - drawn
            self.energy_mwh = self.energy_mwh.copy()
            self.energy_mwh[battery] = left if replaced or not abs(answer[1] - left) <= ENERGY_MWH else answer[1]
        return action

    def _ask(self, questions: Sequence[Callable[[], Any]]) -> list[Any]:
        named = {unit.name: question for unit, question in zip(self._units, questions, strict=True)}
        return list(self._respondents.ask(named).values())

    def _known(self, k: int) -> Report:
        """Return the report that a unit's data imply without it."""
        grid, unit = self._grid, self._units[k]
        battery = k - len(self._units) + len(grid.batteries)
        if battery >= 0:
            return Report(available_mw=grid.batteries[battery].max_s_mva, energy_mwh=float(self.energy_mwh[battery]))
        loads = len(grid.load_names)
        return Report(available_mw=self._actual_mw(unit.kind, k if k < loads else k - loads))

    def _follow(self, k: int, order: Order) -> Action:
        """Return an order as far as a unit's data allow it."""
        grid, loads = self._grid, len(self._grid.load_names)
        battery = k - len(self._units) + len(grid.batteries)
        low, high = 0.0, float(self._available_mw[k])
        if battery >= 0:
            low, high = _battery_range(grid.batteries[battery], float(self.energy_mwh[battery]))
        p_mw = min(max(order.p_mw, low), high)
        if k < loads:
            q_mvar = p_mw * float(grid.load_tan_phi[k])
        else:
            inverter = grid.batteries[battery] if battery >= 0 else grid.renewables[k - loads]
            q_mvar = order.q_mvar if _may_give(inverter, p_mw, order.q_mvar) else 0.0
        far = max(abs(p_mw - order.p_mw), abs(q_mvar - order.q_mvar)) > CLIP_TOLERANCE_MW
        return Action(p_mw=p_mw, q_mvar=q_mvar, clipped=far)

    def _note(self, unit: DerProtocol, wrong: str, instead: str) -> None:
        self.notes.append(f"{unit.name}: {wrong}; {instead}")


def _act(unit: DerProtocol, order: Order) -> Done:
    action = unit.respond(order)
    unit.commit(action)
    return action, unit.report().energy_mwh if unit.kind == "battery" else 0.0


def _failure(answer: object) -> str:
    return in_words(answer) if isinstance(answer, BaseException) else ""


def _wrong_report(report: object, known: Report, *, is_battery: bool) -> str:
    if not isinstance(report, Report):
        return f"reports a {type(report).__name__}"
    if not (math.isfinite(report.available_mw) and math.isfinite(report.energy_mwh)):
        return f"reports {report.available_mw:g} MW, {report.energy_mwh:g} MWh"
    if is_battery and abs(report.energy_mwh - known.energy_mwh) > ENERGY_MWH:
        return f"reports {report.energy_mwh:g} MWh where its actions leave {known.energy_mwh:g} MWh"
    return ""


def _wrong_action(action: object) -> str:
    if not isinstance(action, Action):
        return f"answers its order with a {type(action).__name__}"
    if math.isfinite(action.p_mw) and math.isfinite(action.q_mvar):
        return ""
    return f"answers its order with {action.p_mw:g} MW, {action.q_mvar:g} Mvar"


def _battery_range(unit: Battery, energy_mwh: float) -> tuple[float, float]:
    """Return the power a battery may charge (negative) and discharge in an hour. [MW]"""
    most = max(energy_mwh - unit.min_soc * unit.max_e_mwh, 0.0) * unit.efficiency
    least = max(unit.max_soc * unit.max_e_mwh - energy_mwh, 0.0) / unit.efficiency
    return -min(least, unit.max_s_mva), min(most, unit.max_s_mva)


def _may_give(unit: Renewable | Battery, p_mw: float, q_mvar: float) -> bool:
    """Return whether a set point is within the circle of an inverter and its power factor."""
    if math.hypot(p_mw, q_mvar) > unit.max_s_mva:
        return False
    return isinstance(unit, Battery) or abs(q_mvar) <= p_mw * math.tan(math.acos(unit.min_power_factor))
