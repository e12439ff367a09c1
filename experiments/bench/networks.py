"""Measurements on networks larger than the feeder, and in steps shorter than an hour; SimBench's need simbench."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from agents.bid_optimizer import opening_problem
from agents.dispatch.dispatcher import Dispatcher
from experiments.bench.measuring import Measured, Row, median_s, timed
from experiments.bench.microgrid33 import one_hour
from experiments.catalog import find_study
from experiments.simulate import simulate
from sim.instance import Instance

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
