"""Orders become deeds: every unit and microgrid is told its part, and does what it can."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grids.network import FloatArray
from grids.power_flow import SetPoints
from sim.messages import Decision, Order, PortAction
from sim.roles import DerRole, Players


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


def carry_out(players: Players, decision: Decision) -> Deeds:
    """Give every unit its order and every microgrid its part of the schedule; return what all of them do.

    Raises
    ------
    RuntimeError
        If the decision has no schedule for its microgrids.
    """
    orders = decision.orders
    load_p, load_q, load_clipped = _respond(players.loads, orders.load_p_mw, orders.load_q_mvar)
    gen_p, gen_q, gen_clipped = _respond(players.renewables, orders.renewable_p_mw, orders.renewable_q_mvar)
    bat_p, bat_q, bat_clipped = _respond(players.batteries, orders.battery_p_mw, orders.battery_q_mvar)
    ports = _exchange(players, decision)
    done = SetPoints(
        load_p_mw=load_p,
        load_q_mvar=load_q,
        renewable_p_mw=gen_p,
        renewable_q_mvar=gen_q,
        battery_p_mw=bat_p,
        battery_q_mvar=bat_q,
        exchange_p_mw=np.array([port.p_mw for port in ports], dtype=np.float64),
        exchange_q_mvar=np.array([port.q_mvar for port in ports], dtype=np.float64),
    )
    return Deeds(set_points=done, clipped=load_clipped + gen_clipped + bat_clipped, ports=ports)


def _respond(
    units: Sequence[DerRole], p_mw: FloatArray, q_mvar: FloatArray
) -> tuple[FloatArray, FloatArray, list[bool]]:
    actions = []
    for unit, p, q in zip(units, p_mw, q_mvar, strict=True):
        action = unit.respond(Order(p_mw=float(p), q_mvar=float(q)))
        unit.commit(action)
        actions.append(action)
    return (
        np.array([action.p_mw for action in actions], dtype=np.float64),
        np.array([action.q_mvar for action in actions], dtype=np.float64),
        [action.clipped for action in actions],
    )


def _exchange(players: Players, decision: Decision) -> tuple[PortAction, ...]:
    if not players.microgrids:
        return ()
    if decision.schedule is None:
        raise RuntimeError(f"policy {decision.policy} agreed on nothing with the microgrids: it must give a schedule")
    return tuple(unit.carry_out(decision.schedule.of(port)) for port, unit in enumerate(players.microgrids))
