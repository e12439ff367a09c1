"""Reports and actions of DER agents, checked: any of them may fail in any way, and the hour goes on."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from grids.components import Battery, left_mwh, store_limits, within_inverter
from grids.network import FloatArray, Grid
from grids.power_flow import SetPoints
from sim.messages import Action, Order, Report
from sim.protocols import DerProtocol
from sim.time_limit import NoAnswerError, answers_within, in_words

ENERGY_MWH = 1e-9
"""Difference between stored energy as reported and as it must be that is round-off. [MWh]"""


class Answers:
    """Answers of devices to their owner, checked: each failure is noted, and has a stand-in.

    Parameters
    ----------
    time_limit_s : float
        Time for an answer; who does not keep it is not asked again. [s]

    Attributes
    ----------
    notes : list of str
        Failures of this hour.
    """

    def __init__(self, time_limit_s: float) -> None:
        self.notes: list[str] = []
        self._time_limit_s = time_limit_s
        self._silent: set[str] = set()

    def ask(
        self,
        questions: Mapping[str, Callable[[], Any]],
        *,
        fault: Callable[[str, Any], str],
        stand_in: Callable[[str, Any, str], Any],
        instead: str,
        unsaid: Collection[str] = (),
    ) -> dict[str, Any]:
        """Return the answer to every question by name, or its stand-in.

        Parameters
        ----------
        questions : mapping of str to callable
            Question to each device.
        fault : callable
            Returns the fault of a device's answer, empty if it has none.
        stand_in : callable
            Returns the stand-in for a device's answer (or exception) with that fault.
        instead : str
            Note on the stand-in.
        unsaid : collection of str
            Devices without a note, because this hour has one already.
        """
        answers: dict[str, Any] = dict.fromkeys(questions, NoAnswerError("it has not answered before"))
        asked = [name for name in questions if name not in self._silent]
        heard = answers_within(self._time_limit_s, [questions[name] for name in asked])
        answers |= dict(zip(asked, heard, strict=True))
        self._silent |= {name for name in asked if isinstance(answers[name], NoAnswerError)}
        for name, said in answers.items():
            wrong = in_words(said) if isinstance(said, BaseException) else fault(name, said)
            if not wrong:
                continue
            if name not in unsaid:
                self.notes.append(f"{name}: {wrong}; {instead}")
            answers[name] = stand_in(name, said, wrong)
        return answers

    def state(self) -> dict[str, Any]:
        """Return what is remembered from day to day, as plain JSON."""
        return {"silent": sorted(self._silent)}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from what was remembered at the end of a day."""
        self._silent = set(state["silent"])


class UnitAnswers(Answers):
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
    step_h : float
        Length of a step. [h]

    Attributes
    ----------
    energy_mwh : array, shape (U,)
        Energy in each battery now. [MWh]
    notes : list of str
        Failures of this hour.
    """

    def __init__(
        self,
        grid: Grid,
        units: Sequence[DerProtocol],
        actual_mw: Callable[[str, int], float],
        time_limit_s: float,
        *,
        step_h: float = 1.0,
    ) -> None:
        super().__init__(time_limit_s)
        self._grid, self._actual_mw, self._step_h = grid, actual_mw, step_h
        self._units = {unit.name: unit for unit in units}
        self._place = {name: k for k, name in enumerate(self._units)}
        self._reports: dict[str, Report] = {}
        self._refused: set[str] = set()  # whose report of this hour makes no sense: their actions follow from it
        self.energy_mwh: FloatArray = np.array([unit.start_soc * unit.max_e_mwh for unit in grid.batteries])

    def state(self) -> dict[str, Any]:
        """Return what is remembered from day to day, with the energy in the batteries."""
        return {**super().state(), "energy_mwh": self.energy_mwh.tolist()}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the energy in the batteries at the end of a day."""
        super().resume(state)
        self.energy_mwh = np.array(state["energy_mwh"], dtype=np.float64)

    def reports(self) -> dict[str, Report]:
        """Return the report of every unit at the start of an hour."""
        self.notes, self._refused = [], set()
        self._reports = self.ask(
            {name: unit.report for name, unit in self._units.items()},
            fault=lambda name, said: _wrong_report(said, self._known(name), is_battery=self._battery(name) >= 0),
            stand_in=self._refuse,
            instead="its data stand in",
        )
        return self._reports

    def act(self, orders: SetPoints) -> list[Action]:
        """Give every unit its order for the hour, and return their actions."""
        p_mw = np.concatenate([-orders.load_p_mw, orders.renewable_p_mw, orders.battery_p_mw])
        q_mvar = np.concatenate([-orders.load_q_mvar, orders.renewable_q_mvar, orders.battery_q_mvar])
        given = {
            name: Order(p_mw=float(p), q_mvar=float(q)) for name, p, q in zip(self._units, p_mw, q_mvar, strict=True)
        }
        actions = self.ask(
            {name: partial(unit.act, given[name]) for name, unit in self._units.items()},
            fault=lambda name, said: _wrong_action(said),
            stand_in=lambda name, *_: self._follow(name, given[name]),
            instead="taken to follow its order",
            unsaid=self._refused,
        )
        actions |= {name: self._follow(name, given[name]) for name in self._refused}
        self.energy_mwh = self.energy_mwh.copy()
        for name, action in actions.items():
            if (battery := self._battery(name)) >= 0:
                unit, held = self._grid.batteries[battery], float(self.energy_mwh[battery])
                left = left_mwh(unit, held, action.p_mw, self._step_h)
                near = abs(action.energy_mwh - left) <= ENERGY_MWH  # what stands in says nothing of it
                self.energy_mwh[battery] = action.energy_mwh if near else left
        return list(actions.values())

    def _refuse(self, name: str, said: Any, wrong: str) -> Report:
        """Return what is known of a unit whose report makes no sense, and remember that it does not."""
        self._refused.add(name)
        return self._known(name)

    def _battery(self, name: str) -> int:
        """Return which battery a unit is; below zero for those that are none."""
        return self._place[name] - len(self._units) + len(self.energy_mwh)

    def _known(self, name: str) -> Report:
        """Return what is known of a unit without its report."""
        grid, k, battery = self._grid, self._place[name], self._battery(name)
        if battery >= 0:
            return Report(available_mw=grid.batteries[battery].max_s_mva, energy_mwh=float(self.energy_mwh[battery]))
        loads = len(grid.load_names)
        return Report(available_mw=self._actual_mw(self._units[name].kind, k if k < loads else k - loads))

    def _follow(self, name: str, order: Order) -> Action:
        """Return an order as far as a unit's data allow it."""
        grid, k, battery = self._grid, self._place[name], self._battery(name)
        kind, loads, available = self._units[name].kind, len(grid.load_names), self._reports[name].available_mw
        if k < loads:
            p_mw = min(max(order.p_mw, -available), 0.0)
            return Action(device=kind, p_mw=p_mw, q_mvar=p_mw * float(grid.load_tan_phi[k]))
        inverter = grid.batteries[battery] if battery >= 0 else grid.renewables[k - loads]
        low, high = 0.0, available
        if isinstance(inverter, Battery):
            low, high = store_limits(inverter, float(self.energy_mwh[battery]), self._step_h)
        p_mw, q_mvar = within_inverter(inverter, min(max(order.p_mw, low), high), order.q_mvar)
        return Action(device=kind, p_mw=p_mw, q_mvar=q_mvar)


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
