"""What sweeps promise about speed and memory, measured on the runner, the engines and the workers themselves."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from experiments.measuring import Parts, Row
from experiments.provenance import provenance
from experiments.sweeps.engines import DaskCluster, Engine, LocalProcesses
from experiments.sweeps.plan import PlannedRun, SweepPlan, make_plan
from experiments.sweeps.result_store import task_of
from experiments.sweeps.runner import Runner
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import RunProduct
from experiments.threads import one_thread_each

DAYS, MANY = 200, 1000
"""Runs of one day for the rows on speed, and for the row on memory."""

ROUNDS = 5
"""In how many turns engines are compared."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Runs simulated on warm workers.

    Attributes
    ----------
    workers : int
        How many simulated them.
    seconds : float
        Time from the first run handed out to the last one taken in. [s]
    products : sequence of RunProduct
        What came of them, in the order they ended.
    """

    workers: int
    seconds: float
    products: Sequence[RunProduct]

    @property
    def rate(self) -> float:
        """Days simulated per second."""
        return len(self.products) / self.seconds

    @property
    def idle(self) -> float:
        """Share of the workers' time in which they simulated nothing."""
        return 1 - sum(product.seconds["total"] for product in self.products) / (self.seconds * self.workers)


def sweep_parts(quick: bool) -> Parts:
    """Return what is measured of sweeps, by name, in the order of the table."""
    days = DAYS // 4 if quick else DAYS
    return [
        ("days per second", partial(days_per_second, max(days // 4, 10))),
        ("worker efficiency", partial(efficiency, days)),
        ("Dask and local processes", partial(dask_against_local, days)),
        ("memory of a worker", partial(memory, MANY // 10 if quick else MANY)),
    ]


def plan_of(runs: int, **settings: Any) -> SweepPlan:
    """Return a plan of one point of microgrid33, so often repeated."""
    values: dict[str, Any] = {"bidding": "basic", "policy": "myopic"} | settings
    sweep = {"name": "bench", "study": "microgrid33", "set": values, "replications": runs}
    return make_plan(SweepFile.model_validate(sweep), Path())


def session(engine: Engine, plan: SweepPlan) -> Session:
    """Simulate a plan's runs on an engine, after some that warm up every worker."""
    return side_by_side([engine], plan, rounds=1)[0]


def side_by_side(engines: Sequence[Engine], plan: SweepPlan, *, rounds: int = ROUNDS) -> list[Session]:
    """Simulate a plan's runs on each of some engines, in turns: what else the machine does weighs on all of them."""
    versions, runs = provenance(), plan.runs()
    products: list[list[RunProduct]] = [[] for _ in engines]
    seconds = [0.0] * len(engines)

    def keep(place: int, run: PlannedRun, product: RunProduct) -> None:
        if product.error:
            raise RuntimeError(f"{run}: {product.traceback or product.error}")
        products[place].append(product)

    task = partial(task_of, outputs="summary", versions=versions)
    runners = [Runner(engine, task, partial(keep, place)) for place, engine in enumerate(engines)]
    for place, runner in enumerate(runners):
        runner.simulate(runs[: 4 * engines[place].workers])
        products[place].clear()
    for turn in range(rounds):
        for place, runner in enumerate(runners):
            start = perf_counter()
            runner.simulate(runs[turn::rounds])
            seconds[place] += perf_counter() - start
    return [
        Session(workers=engine.workers, seconds=seconds[place], products=products[place])
        for place, engine in enumerate(engines)
    ]


@contextmanager
def processes(workers: int) -> Iterator[LocalProcesses]:
    """Yield processes of this machine, one thread each."""
    engine = LocalProcesses(workers)
    with one_thread_each():
        try:
            yield engine
        finally:
            engine.close()


@contextmanager
def dask_workers(count: int) -> Iterator[DaskCluster]:
    """Yield a Dask cluster of single-threaded workers on this machine."""
    from distributed import LocalCluster

    start_cluster: Any = LocalCluster
    with one_thread_each(), start_cluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster:
        engine = DaskCluster(cluster.scheduler_address)
        try:
            yield engine
        finally:
            engine.close()


def local(workers: int, plan: SweepPlan) -> Session:
    """Simulate a plan on processes of this machine."""
    with processes(workers) as engine:
        return session(engine, plan)


def days_per_second(days: int) -> list[Row]:
    """Days of one worker in a second: scenario, bid, 24 hours of ANM and power flow, settlement, audit, Parquet."""
    rows = []
    for policy, least in (("myopic", 10), ("receding", 2)):
        simulated = {
            bidding: local(1, plan_of(days, policy=policy, bidding=bidding)) for bidding in ("basic", "anm_aware")
        }
        seconds = {
            part: statistics.median(product.seconds[part] for product in simulated["basic"].products)
            for part in ("bid", "dispatch", "power_flow", "total")
        }
        rows.append(
            Row(
                name=f"days per second and core, {policy}, microgrid33, basic bid",
                measured=simulated["basic"].rate,
                unit="1/s",
                target=f">= {least}",
                met=simulated["basic"].rate >= least,
                detail=(
                    f"of {1e3 * seconds['total']:.0f} ms a day: bid {1e3 * seconds['bid']:.0f}, dispatch"
                    f" {1e3 * seconds['dispatch']:.0f}, power flow {1e3 * seconds['power_flow']:.0f};"
                    f" with the ANM-aware bid {simulated['anm_aware'].rate:.2f} /s"
                ),
            )
        )
    return rows


def efficiency(days: int) -> list[Row]:
    """Two warm processes against one, in turns, and what the runner leaves unused."""
    with processes(1) as alone, processes(2) as pair:
        one, two = side_by_side([alone, pair], plan_of(days))
    share = two.rate / (2 * one.rate)
    slower = statistics.median(p.seconds["total"] for p in two.products) / statistics.median(
        p.seconds["total"] for p in one.products
    )
    return [
        Row(
            name=f"efficiency of 2 processes on {days} days",
            measured=100 * share,
            unit="%",
            target=">= 90",
            met=share >= 0.9,
            detail=f"{one.rate:.2f} and {two.rate:.2f} days/s; side by side a run takes {slower:.2f} x its time alone",
        ),
        Row(
            name=f"overhead of the runner on {days} days",
            measured=100 * max(one.idle, two.idle),
            unit="%",
            target="< 5",
            met=max(one.idle, two.idle) < 0.05,
            detail=f"of the workers' time: {100 * one.idle:.1f} % with one process, {100 * two.idle:.1f} % with two",
        ),
    ]


def dask_against_local(days: int) -> Row:
    """The same days on two Dask workers and on two local processes of this machine, in turns."""
    with processes(2) as pair, dask_workers(2) as cluster:
        here, dask = side_by_side([pair, cluster], plan_of(days))
    ratio = here.rate / dask.rate
    return Row(
        name=f"{days} days on Dask / on local processes, two workers each",
        measured=ratio,
        unit="x",
        target="<= 1.1",
        met=ratio <= 1.1,
        detail=f"{dask.rate:.2f} and {here.rate:.2f} days/s; Dask's workers idle {100 * dask.idle:.1f} %",
    )


def memory(runs: int) -> Row:
    """The most memory one worker has held, after a tenth of the runs and after all."""
    simulated = local(1, plan_of(runs))
    early, late = (simulated.products[place - 1].memory_gb for place in (runs // 10, runs))
    return Row(
        name=f"memory of a worker after {runs:,} runs / after {runs // 10:,}",
        measured=late / early,
        unit="x",
        target="<= 1.05",
        met=late / early <= 1.05,
        detail=f"{late:.3f} / {early:.3f} GB at most",
    )
