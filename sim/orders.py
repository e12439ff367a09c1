"""Orders become deeds: every unit and microgrid is told its part, and does what it can."""

import math
from dataclasses import dataclass

import numpy as np

from grids.network import Grid
from grids.power_flow import SetPoints
from sim.errors import StudyError
from sim.messages import Decision, PortAction
from sim.roles import Players
from sim.unit_answers import UnitAnswers


@dataclass(frozen=True, eq=False, kw_only=True)
class Deeds:
    """What everybody did in one hour.

    Attributes
    ----------
    set_points : SetPoints
        What all units and microgrids do, as the network sees it.
    clipped : list of bool
        Which units clipped their orders: loads, renewables, batteries.
    ports : tuple of PortAction
        What every microgrid did.
    """

    set_points: SetPoints
    clipped: list[bool]
    ports: tuple[PortAction, ...]


def carry_out(players: Players, units: UnitAnswers, decision: Decision) -> Deeds:
    """Give every unit its order and every microgrid its part of the schedule; return what all of them do.

    Raises
    ------
    RuntimeError
        If the decision has no schedule for its microgrids.
    StudyError
        If a microgrid does not say what it exchanges.
    """
    actions = units.act(decision.orders)
    loads, renewables = len(players.loads), len(players.renewables)
    parts = np.split(np.array([[action.p_mw, action.q_mvar] for action in actions]), [loads, loads + renewables])
    ports = _exchange(players, decision)
    done = SetPoints(
        load_p_mw=parts[0][:, 0],
        load_q_mvar=parts[0][:, 1],
        renewable_p_mw=parts[1][:, 0],
        renewable_q_mvar=parts[1][:, 1],
        battery_p_mw=parts[2][:, 0],
        battery_q_mvar=parts[2][:, 1],
        exchange_p_mw=np.array([port.p_mw for port in ports], dtype=np.float64),
        exchange_q_mvar=np.array([port.q_mvar for port in ports], dtype=np.float64),
    )
    return Deeds(set_points=done, clipped=[action.clipped for action in actions], ports=ports)


def _exchange(players: Players, decision: Decision) -> tuple[PortAction, ...]:
    if not players.microgrids:
        return ()
    if decision.schedule is None:
        raise RuntimeError(f"policy {decision.policy} agreed on nothing with the microgrids: it must give a schedule")
    actions = tuple(unit.carry_out(decision.schedule.of(port)) for port, unit in enumerate(players.microgrids))
    for unit, action in zip(players.microgrids, actions, strict=True):
        if not (math.isfinite(action.p_mw) and math.isfinite(action.q_mvar)):
            raise StudyError(f"{unit.name} exchanges {action.p_mw:g} MW, {action.q_mvar:g} Mvar with the network")
    return actions


def wrong_orders(decision: object, grid: Grid) -> str:
    """Return what is wrong with the form of a decision: orders must be finite, one for every unit; or nothing."""
    if not isinstance(decision, Decision):
        return f"a {type(decision).__name__} is no decision"
    sizes = {"load": grid.load_names, "renewable": grid.renewables, "battery": grid.batteries, "exchange": grid.ports}
    for kind, units in sizes.items():
        for name in (f"{kind}_p_mw", f"{kind}_q_mvar"):
            values = np.asarray(getattr(decision.orders, name), dtype=np.float64)
            if values.shape != (len(units),):
                return f"orders of shape {values.shape} for {name}, there are {len(units)} units"
            if not np.isfinite(values).all():
                return f"order {values[~np.isfinite(values)][0]:g} for {name}"
    if grid.ports and decision.schedule is None:
        return "no schedule for the microgrids"
    return ""
