"""Actuation of a decision: every unit gets its order, every microgrid its schedule, and acts within its limits."""

import math
from dataclasses import dataclass

import numpy as np

from grids.network import BoolArray, Grid
from grids.power_flow import SetPoints
from sim.answers import UnitAnswers
from sim.errors import StudyError
from sim.messages import ConnectionAction, Decision
from sim.protocols import Participants

CLIP_TOLERANCE_MW = 1e-6
"""Difference between order and action that counts as clipping; below it is a solver's round-off. [MW], [Mvar]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Actuation:
    """Actions of all units and microgrids in one hour.

    Attributes
    ----------
    set_points : SetPoints
        Power of all units and microgrids, as the network sees it.
    clipped : array, shape (units,)
        True for every unit that clipped its order: loads, renewables, batteries.
    connections : tuple of ConnectionAction
        Action of every microgrid.
    """

    set_points: SetPoints
    clipped: BoolArray
    connections: tuple[ConnectionAction, ...]


def actuate(participants: Participants, units: UnitAnswers, decision: Decision) -> Actuation:
    """Give every unit its order and every microgrid its part of the schedule; return their actions.

    Raises
    ------
    RuntimeError
        If the decision has no schedule for its microgrids.
    StudyError
        If a microgrid does not say what it exchanges.
    """
    actions = units.act(decision.orders)
    loads, renewables = len(participants.loads), len(participants.renewables)
    parts = np.split(np.array([[action.p_mw, action.q_mvar] for action in actions]), [loads, loads + renewables])
    connections = _exchange(participants, decision)
    done = SetPoints(
        load_p_mw=-parts[0][:, 0],
        load_q_mvar=-parts[0][:, 1],
        renewable_p_mw=parts[1][:, 0],
        renewable_q_mvar=parts[1][:, 1],
        battery_p_mw=parts[2][:, 0],
        battery_q_mvar=parts[2][:, 1],
        exchange_p_mw=np.array([connection.p_mw for connection in connections], dtype=np.float64),
        exchange_q_mvar=np.array([connection.q_mvar for connection in connections], dtype=np.float64),
    )
    return Actuation(set_points=done, clipped=clipped(decision.orders, done), connections=connections)


def clipped(orders: SetPoints, done: SetPoints) -> BoolArray:
    """Return True for every unit whose action is not its order."""
    kinds = [("load_p_mw", "load_q_mvar"), ("renewable_p_mw", "renewable_q_mvar"), ("battery_p_mw", "battery_q_mvar")]
    far = [[np.abs(getattr(done, name) - getattr(orders, name)) for name in kind] for kind in kinds]
    return np.concatenate([np.maximum(*kind) for kind in far]) > CLIP_TOLERANCE_MW


def _exchange(participants: Participants, decision: Decision) -> tuple[ConnectionAction, ...]:
    if not participants.microgrids:
        return ()
    if decision.schedule is None:
        raise RuntimeError(f"policy {decision.policy} agreed on nothing with the microgrids: it must give a schedule")
    actions = tuple(
        unit.act(decision.schedule.of(connection)) for connection, unit in enumerate(participants.microgrids)
    )
    for unit, action in zip(participants.microgrids, actions, strict=True):
        if not (math.isfinite(action.p_mw) and math.isfinite(action.q_mvar)):
            raise StudyError(f"{unit.name} exchanges {action.p_mw:g} MW, {action.q_mvar:g} Mvar with the network")
    return actions


def wrong_orders(decision: object, grid: Grid) -> str:
    """Return the fault in the form of a decision, empty if none: orders must be finite, one for every unit."""
    if not isinstance(decision, Decision):
        return f"a {type(decision).__name__} is no decision; return a tieline.Decision"
    sizes = {
        "load": grid.load_names,
        "renewable": grid.renewables,
        "battery": grid.batteries,
        "exchange": grid.connections,
    }
    for kind, units in sizes.items():
        for name in (f"{kind}_p_mw", f"{kind}_q_mvar"):
            values = np.asarray(getattr(decision.orders, name), dtype=np.float64)
            if values.shape != (len(units),):
                return f"orders of shape {values.shape} for {name}, there are {len(units)} units"
            if not np.isfinite(values).all():
                return f"order {values[~np.isfinite(values)][0]:g} for {name}"
    if grid.connections and decision.schedule is None:
        return "no schedule for the microgrids"
    return ""
