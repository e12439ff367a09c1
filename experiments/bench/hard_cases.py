"""Hard cases: gap, status, nodes and seconds of bids, from easy days to those with inexact relaxations."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.bid_optimizer import exact_submission, opening_problem
from agents.dispatch.baseline import clarabel_alone
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.problem import DispatchProblem
from agents.participants import opening_bids
from experiments.bench.measuring import timed
from experiments.catalog import find_study
from grids.cases.microgrid66 import BUSES
from grids.network import FloatArray
from sim.instance import Instance
from sim.messages import Submission

DISCOUNT = 60.0
"""Reduction of prices in the hours in which they are to be negative. [$/MWh]"""

NEGATIVE_HOURS = {"noon": slice(9, 16), "night": slice(0, 6), "all day": slice(0, 24)}
"""Hours with negative prices: hours ending 10 to 16 for too much sun, 1 to 6 for too much wind."""


def prove(case: str, build: Callable[[], Instance]) -> dict[str, Any]:
    """Return the result of a case: its bid, proof and times.

    Returns
    -------
    dict
        ``gap`` (relative, proven) and ``status`` of the certificate; ``mismatch_mw``, the largest difference between
        the plan's tie-line flows and an AC power flow's; ``nodes``, the number of problems solved; ``seconds`` for the
        bid and ``conic_s`` for its relaxation solved once; ``turning``, the hours in which some scenarios import and
        others export (None where microgrids decide as well); ``oracle_gain``, the additional profit of Ipopt on the
        exact AC equations (negative: less), and ``oracle_s``, its time, where a repaired plan is not proven to the gap
        asked for, and else None; ``note`` on the bids.
    """
    instance = build()
    dispatcher = Dispatcher.of(instance)
    problem = opening_problem(instance, instance.kept_scenarios())
    conic_s = clarabel_alone(dispatcher, problem, tuned=True)
    seconds, submission = timed(lambda: opening_bids(instance, dispatcher))
    proof, gap = submission.certificate, float(submission.certificate["optimality_gap"] or 0.0)
    doubtful = proof["status"] == "repaired" and gap > instance.study.search.gap and not instance.grid.connections
    gain, oracle_s = _oracle(dispatcher, problem, submission) if doubtful else (None, None)
    return {
        "case": case,
        "gap": gap,
        "status": str(proof["status"]),
        "mismatch_mw": float(proof["power_flow_mismatch_mw"] or 0.0),
        "nodes": int(submission.search["nodes"]),
        "seconds": seconds,
        "conic_s": conic_s,
        "turning": None if instance.grid.connections else _turning(dispatcher, problem, submission),
        "oracle_gain": gain,
        "oracle_s": oracle_s,
        "note": submission.note,
    }


def _turning(dispatcher: Dispatcher, problem: DispatchProblem, submission: Submission) -> int:
    flows = dispatcher.plan(replace(problem, bid_mw=submission.bid_mw)).tie_p_mw
    return int(((flows > 1e-3).any(axis=0) & (flows < -1e-3).any(axis=0)).sum())


def _oracle(dispatcher: Dispatcher, problem: DispatchProblem, submission: Submission) -> tuple[float, float]:
    seconds, found = timed(lambda: exact_submission(dispatcher, problem, "ipopt"))
    return found.search["incumbent"] - submission.search["incumbent"], seconds


def cases() -> dict[str, Callable[[], Instance]]:
    """Return all cases, each a function that builds it."""
    return {
        "microgrid33": lambda: Instance.of(find_study("microgrid33")),
        "microgrid33-export": _export,
        **{f"{when} < 0, import only": partial(_negative, "microgrid33", when) for when in NEGATIVE_HOURS},
        **{f"{when} < 0": partial(_negative, "microgrid33-export", when) for when in NEGATIVE_HOURS},
        "noon < 0, microgrids": partial(_negative, "networked33", "noon"),
        "noon < 0, PV x 4": lambda: _lowered(_much_sun(), "noon"),
        "noon < 0, losses free": partial(_negative, "microgrid33-export", "noon", loss_factor=0),
        "PV x 4, 0.98-1.02 p.u.": _much_sun,
        "wind meets net demand": _balanced,
        "66 buses, two feeders": _two_feeders,
    }


def _export(**options: Any) -> Instance:
    return Instance.of(find_study("microgrid33-export", options=options))


def _negative(study: str, when: str, **tariff: float) -> Instance:
    options = {f"market.tariff.{name}": value for name, value in tariff.items()}
    return _lowered(Instance.of(find_study(study, options=options)), when)


def _lowered(instance: Instance, when: str) -> Instance:
    price = instance.profiles.price_per_mwh.copy()
    price[NEGATIVE_HOURS[when]] -= DISCOUNT
    return replace(instance, profiles=replace(instance.profiles, price_per_mwh=price))


def _much_sun() -> Instance:
    pv = [unit.model_copy(update={"max_s_mva": 4 * unit.max_s_mva}) for unit in _export().study.fleet.pv]
    return _export(**_fleet(pv=pv), **{"grid.voltage.min_vm_pu": 0.98, "grid.voltage.max_vm_pu": 1.02})


def _balanced() -> Instance:
    instance = _export()
    demand: FloatArray = instance.forecast.demand_mw[0].sum(axis=1)
    output = instance.forecast.available_mw[0]
    wind = np.array([kind == "wind" for kind in instance.grid.renewable_kinds])
    capacity = sum(unit.max_s_mva for unit in instance.study.fleet.wind)
    needed = np.clip((demand - output[:, ~wind].sum(axis=1)) / capacity, 0.0, 1.0)
    return replace(instance, profiles=replace(instance.profiles, wind_pu=needed))


def _two_feeders() -> Instance:
    fleet = _export().study.fleet

    def twice(units: Sequence[Any]) -> list[BaseModel]:
        return [*units, *(unit.model_copy(update={"bus": unit.bus + BUSES}) for unit in units)]

    doubled = _fleet(**{kind: twice(getattr(fleet, kind)) for kind in ("wind", "pv", "battery")})
    return _export(**doubled, **{"grid.case": "microgrid66"})


def _fleet(**units: Sequence[BaseModel]) -> dict[str, Any]:
    """Return units of a fleet as options of a study."""
    return {f"fleet.{kind}": [unit.model_dump(mode="json") for unit in some] for kind, some in units.items()}
