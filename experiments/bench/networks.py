"""Networks as they come beside pandapower, each with a day; speed on large ones and in quarter-hours."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from agents.bid_optimizer import opening_problem
from agents.dispatch.dispatcher import Dispatcher
from experiments.bench.measuring import Measured, Row, median_s, timed
from experiments.bench.microgrid33 import one_hour
from experiments.catalog import find_study
from experiments.simulate import Run, simulate
from grids.net_compare import deviation
from grids.network import Grid
from sim.instance import Instance
from sim.study import Study

FEEDERS = 32
"""Number of feeders of 33 buses at one substation: 1,025 buses together."""


@cache
def _rural() -> Instance:
    return Instance.of(find_study("simbench_rural", overrides=["bidding=basic"]))


def _step(instance: Instance, step: int, repeats: int) -> tuple[float, str]:
    """Return the time of one myopic step, warm [s], and what it was; the step counts from 0."""
    problem, dispatcher = one_hour(opening_problem(instance, instance.actual(1)), step), Dispatcher.of(instance)
    first, _ = timed(lambda: dispatcher.plan(problem))
    seconds = median_s(lambda: dispatcher.plan(problem), repeats)
    return seconds, f"{len(instance.grid.bus_ids)} buses, {len(instance.grid.renewables)} units; first {first:.2f} s"


def rural_step(repeats: int) -> Measured:
    """One quarter-hour of myopic ANM on SimBench's rural network, warm."""
    seconds, about = _step(_rural(), 50, 10 * repeats)
    return Measured(1e3 * seconds, about)


def rural_day(repeats: int) -> Measured:
    """A day of quarter-hours of receding ANM on it, with the bid of one bus."""
    seconds, day = timed(lambda: simulate(_rural()))
    parts = ", ".join(f"{name} {day.seconds[name]:.1f} s" for name in ("bid", "dispatch", "power_flow"))
    decided: Mapping[Any, int] = day.tables["decisions"]["policy"].value_counts().to_dict()
    return Measured(seconds, f"{parts}; {decided}", list(decided) == ["receding"])


def large_hour(repeats: int) -> Measured:
    """One hour of myopic ANM on a thousand buses, warm."""
    large = find_study("microgrid33", overrides=[f"grid.feeders={FEEDERS}", f"grid.tie_line.max_s_mva={10 * FEEDERS}"])
    return Measured(*_step(Instance.of(large), 16, 2 * repeats))


ROWS = (
    Row("one myopic hour of 1,025 buses, warm", "< 1 s", large_hour),
    Row("one myopic quarter-hour of simbench_rural, warm", "< 20 ms", rural_step),
    Row("one day of simbench_rural, 96 receding steps", "< 30 s", rural_day, takes="minutes"),
)

NETWORKS: dict[str, tuple[float, float]] = {
    "1-LV-rural1--0-sw": (0.5, 0.9),
    "case9": (500, 0.1),
    "cigre_mv_pv_wind": (60, 0.9),
    "case33bw": (10, 0.8),
    "cigre_lv": (2, 0.9),
    "kerber_dorfnetz": (1, 0.9),
    "1-MV-rural--0-sw": (40, 0.9),
    "1-MV-semiurb--0-sw": (60, 0.9),
    "1-MV-urban--0-sw": (80, 0.9),
    "oberrhein": (100, 0.9),
}
"""Networks of pandapower and SimBench, smallest first: capacity [MVA] and least power factor of the tie line.

The loads of case33bw have a power factor of 0.85; generators feed in most of the active power that case9 needs.
"""

VOLTAGES_WITHIN, FLOWS_WITHIN = 1e-8, 1e-6
"""Largest differences from pandapower's power flow. [p.u.], [MW or Mvar]"""


def available_networks() -> list[str]:
    """Return the names of the networks, without those of SimBench where that is not installed."""
    return [name for name in NETWORKS if "--" not in name or find_spec("simbench")]


def network_study(name: str) -> Study:
    """Return the study of a network: a day of microgrid33's profiles, with the net's own PV, wind and storages."""
    capacity, power_factor = NETWORKS[name]
    options = {"policy": "myopic", "uncertainty.scenarios": 10, "uncertainty.keep": 2}
    source = "grid.simbench" if "--" in name else "grid.network"
    tie_line = {"max_s_mva": capacity, "min_power_factor": power_factor, "power_factor_reading": "both_directions"}
    study = find_study("microgrid33", options=options).change({source: name, "fleet": {"from_net": True}})
    return study.change({"grid.tie_line": tie_line})


def measure_network(name: str) -> dict[str, Any]:
    """Return what was carried of a network, how far it is from pandapower's power flow, and how its day went.

    Returns
    -------
    dict
        ``network``, ``buses``, ``branches``, ``carried`` and ``model``; ``vm_pu`` and ``flow_mva``, the largest
        differences of voltages, and of P and Q into branches and the tie line; ``findings`` of the audit,
        ``beyond_limits`` by limit, the count of times it was not kept, and ``fallbacks``, hours (and bids) that not
        the policy (strategy) asked for decided; ``seconds`` of the day with its audit; ``met``, whether both
        differences are small enough, and nothing was found or decided otherwise.
    """
    instance = Instance.of(network_study(name))
    grid = instance.grid
    far = deviation(grid)
    vm_pu, flow_mva = far.vm_pu, max(far.p_mw, far.q_mvar)
    seconds, day = timed(lambda: _audited_day(instance))
    summary, findings = day.summary, len(day.audit().findings)
    beyond = {limit: found["count"] for limit, found in summary["limits"].items() if found["count"]}
    fallbacks = summary["bid_strategy"]["fallbacks"] + summary["hours"]["fallback"]
    return {
        "network": name,
        "buses": len(grid.bus_ids),
        "branches": len(grid.line_from),
        "carried": carried(grid),
        "model": "conic" if grid.is_radial else "exact AC",
        "vm_pu": vm_pu,
        "flow_mva": flow_mva,
        "findings": findings,
        "beyond_limits": beyond,
        "fallbacks": fallbacks,
        "seconds": seconds,
        "met": vm_pu < VOLTAGES_WITHIN and flow_mva < FLOWS_WITHIN and not findings and not fallbacks,
    }


def _audited_day(instance: Instance) -> Run:
    day = simulate(instance)
    day.audit()
    return day


def carried(grid: Grid) -> str:
    """Return what was carried of a net besides lines and loads, with counts."""
    fates = Counter((one.element, one.became.split()[0]) for one in grid.report)
    charged = np.abs([grid.line_b_from_pu, grid.line_b_to_pu]).max(axis=0) > 0
    units = Counter([*grid.renewable_kinds, *["battery"] * len(grid.batteries)])
    counts = {
        "transformers": fates["trafo", "line"],
        "branches with charging": int(charged.sum()),
        "lines open at one end": fates["line", "shunt"],
        "open switches": fates["switch", "open"],
        "joined buses": len(grid.fused),
        "lines out of service": fates["line", "out"],
        "transformers out of service": fates["trafo", "out"],
        "shunts": fates["shunt", "shunt"],
        "PV": units["pv"],
        "wind": units["wind"],
        "storages": units["battery"],
        "given injections": sum(count for (_, fate), count in fates.items() if fate == "given"),
        "held voltages": len(grid.held_bus),
        "main grids as one": fates["ext_grid", "tie"] if fates["ext_grid", "tie"] > 1 else 0,
    }
    return ", ".join(f"{what} {count}" for what, count in counts.items() if count) or "nothing"
