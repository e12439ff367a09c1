"""How hard cases are proven: gap, status, nodes and seconds of bids, from easy days to those no relaxation likes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from agents.bid_optimizer import compute_submission, opening_situation
from agents.dispatch.baseline import clarabel_alone
from agents.dispatch.dispatcher import Dispatcher
from experiments.catalog import find_study
from grids.cases.microgrid66 import BUSES
from grids.network import FloatArray
from grids.units import Battery, Renewable
from sim.setting import Setting
from sim.study import Study

SURPLUS_HOURS = slice(9, 16)
"""Hours 10 to 16, in which the sun makes prices negative."""

SURPLUS_DISCOUNT = 60.0
"""By how much the sun lowers them. [$/MWh]"""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What became of a case.

    Attributes
    ----------
    case : str
        What it is.
    gap : float
        Proven relative optimality gap.
    status : str
        Of the certificate.
    mismatch_mw : float
        Largest difference between the plan's tie-line flows and an AC power flow's. [MW]
    nodes : int
        Problems solved.
    seconds, conic_s : float
        Time for the bid, and for its relaxation solved once. [s]
    turning : int
        Hours in which some scenarios import and others export.
    note : str
        What the operator is told.
    """

    case: str
    gap: float
    status: str
    mismatch_mw: float
    nodes: int
    seconds: float
    conic_s: float
    turning: int
    note: str


def prove(case: str, setting: Setting) -> Proof:
    """Return how far a case's bid is proven."""
    dispatcher = Dispatcher.of(setting)
    situation = opening_situation(setting, setting.kept_scenarios())
    conic_s = clarabel_alone(dispatcher, situation, tuned=True)
    start = perf_counter()
    submission = compute_submission(dispatcher, setting, situation)
    seconds = perf_counter() - start
    flows = dispatcher.plan(replace(situation, bid_mw=submission.bid_mw)).tie_p_mw
    proof = submission.certificate
    return Proof(
        case=case,
        gap=float(proof["optimality_gap"] or 0.0),
        status=str(proof["status"]),
        mismatch_mw=float(proof["power_flow_mismatch_mw"] or 0.0),
        nodes=int(submission.search["nodes"]),
        seconds=seconds,
        conic_s=conic_s,
        turning=int(((flows > 1e-3).any(axis=0) & (flows < -1e-3).any(axis=0)).sum()),
        note=submission.remarks,
    )


def cases() -> dict[str, Callable[[], Setting]]:
    """Return all cases, each a function that builds it."""
    return {
        "microgrid33": lambda: Setting.of(find_study("microgrid33")),
        "microgrid33-export": _export,
        "negative prices": _negative_prices,
        "PV x 4, 0.98-1.02 p.u.": _much_sun,
        "wind meets net demand": _balanced,
        "66 buses, two feeders": _two_feeders,
    }


def _export() -> Setting:
    return Setting.of(find_study("microgrid33-export"))


def _negative_prices() -> Setting:
    setting = _export()
    price = setting.profiles.price_per_mwh.copy()
    price[SURPLUS_HOURS] -= SURPLUS_DISCOUNT
    return replace(setting, profiles=replace(setting.profiles, price_per_mwh=price))


def _much_sun() -> Setting:
    study = find_study("microgrid33-export")
    bright = tuple(unit.model_copy(update={"max_s_mva": 4 * unit.max_s_mva}) for unit in study.fleet.pv)
    voltage = study.grid.voltage.model_copy(update={"min_vm_pu": 0.98, "max_vm_pu": 1.02})
    return Setting.of(
        study.model_copy(
            update={
                "fleet": study.fleet.model_copy(update={"pv": bright}),
                "grid": study.grid.model_copy(update={"voltage": voltage}),
            }
        )
    )


def _balanced() -> Setting:
    setting = _export()
    demand: FloatArray = setting.forecast.demand_mw[0].sum(axis=1)
    output = setting.forecast.available_mw[0]
    wind = np.array([kind == "wind" for kind in setting.grid.renewable_kinds])
    capacity = sum(unit.max_s_mva for unit in setting.study.fleet.wind)
    needed = np.clip((demand - output[:, ~wind].sum(axis=1)) / capacity, 0.0, 1.0)
    profiles = replace(setting.profiles, wind_pu=needed)
    return replace(setting, profiles=profiles)


def _two_feeders() -> Setting:
    study = find_study("microgrid33-export")

    def twice(units: tuple[Renewable, ...] | tuple[Battery, ...]) -> tuple[Renewable | Battery, ...]:
        return (*units, *(unit.model_copy(update={"bus": unit.bus + BUSES}) for unit in units))

    fleet = study.fleet
    doubled = {name: twice(getattr(fleet, name)) for name in ("wind", "pv", "battery")}
    changed: Study = study.model_copy(
        update={
            "grid": study.grid.model_copy(update={"case": "microgrid66"}),
            "fleet": fleet.model_copy(update=doubled),
        }
    )
    return Setting.of(changed)
