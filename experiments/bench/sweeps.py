"""Measurements of the speed and memory of sweeps, on the runner, the engines and the workers themselves."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from experiments.bench.measuring import Measured, Row, timed
from experiments.executors.dask_cluster import DaskCluster
from experiments.executors.engines import Engine, LocalProcesses
from experiments.provenance import provenance
from experiments.sweeps.plan import PlannedRun, SweepPlan, make_plan
from experiments.sweeps.result_store import task_of
from experiments.sweeps.runner import Runner
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import RunProduct

ROUNDS = 5
"""Number of turns in which engines are compared."""


@dataclass(kw_only=True)
class WarmRuns:
    """Runs simulated on warm workers.

    Attributes
    ----------
    workers : int
        Number of workers.
    seconds : float
        Time from the first run submitted to the last product received. [s]
    products : list of RunProduct
        Products of the runs, in the order they ended.
    """

    workers: int
    seconds: float = 0.0
    products: list[RunProduct] = field(default_factory=list)

    def keep(self, run: PlannedRun, product: RunProduct) -> None:
        """Keep the product of a run, which must not have failed."""
        if product.error:
            raise RuntimeError(f"{run}: {product.traceback or product.error}")
        self.products.append(product)

    @property
    def rate(self) -> float:
        """Days simulated per second."""
        return len(self.products) / self.seconds

    @property
    def idle(self) -> float:
        """Share of the workers' time in which they simulated nothing."""
        return 1 - sum(product.seconds["total"] for product in self.products) / (self.seconds * self.workers)


def plan_of(runs: int, **settings: Any) -> SweepPlan:
    """Return a plan of one point of microgrid33, so often repeated."""
    values: dict[str, Any] = {"bidding": "basic", "policy": "myopic"} | settings
    sweep = {"name": "bench", "study": "microgrid33", "set": values, "replications": runs}
    return make_plan(SweepFile.model_validate(sweep), Path())


def session(engine: Engine, plan: SweepPlan) -> WarmRuns:
    """Simulate a plan's runs on an engine, after some that warm up every worker."""
    return side_by_side([engine], plan, rounds=1)[0]


def side_by_side(engines: Sequence[Engine], plan: SweepPlan, *, rounds: int = ROUNDS) -> list[WarmRuns]:
    """Simulate a plan's runs on each of some engines, in turns, so that other load of the machine weighs on all."""
    runs, task = plan.runs(), partial(task_of, outputs="summary", versions=provenance())
    sessions = [WarmRuns(workers=engine.workers) for engine in engines]
    runners = [Runner(engine, task, session.keep) for engine, session in zip(engines, sessions, strict=True)]
    for runner, session in zip(runners, sessions, strict=True):
        runner.simulate(runs[: 4 * session.workers])
        session.products.clear()
    for turn in range(rounds):
        for runner, session in zip(runners, sessions, strict=True):
            session.seconds += timed(partial(runner.simulate, runs[turn::rounds]))[0]
    return sessions


@contextmanager
def dask_workers(count: int) -> Iterator[DaskCluster]:
    """Yield a Dask cluster of single-threaded workers on this machine."""
    from distributed import LocalCluster

    start_cluster: Any = LocalCluster
    with (
        start_cluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
        closing(DaskCluster(cluster.scheduler_address)) as engine,
    ):
        yield engine


def local(workers: int, plan: SweepPlan) -> WarmRuns:
    """Simulate a plan on processes of this machine."""
    with closing(LocalProcesses(workers)) as engine:
        return session(engine, plan)


@cache
def _days_of_one(policy: str, bidding: str, days: int) -> WarmRuns:
    return local(1, plan_of(days, policy=policy, bidding=bidding))


def days_per_second(policy: str, days: int) -> Measured:
    """Days of one worker in a second: scenario, bid, 24 hours of ANM and power flow, settlement, audit, Parquet."""
    days = max(days // 4, 10)
    basic, aware = (_days_of_one(policy, bidding, days) for bidding in ("basic", "anm_aware"))
    seconds = {
        part: 1e3 * statistics.median(product.seconds[part] for product in basic.products)
        for part in ("bid", "dispatch", "power_flow", "total")
    }
    return Measured(
        basic.rate,
        f"of {seconds['total']:.0f} ms a day: bid {seconds['bid']:.0f}, dispatch {seconds['dispatch']:.0f}, power flow"
        f" {seconds['power_flow']:.0f}; with the ANM-aware bid {aware.rate:.2f} /s",
    )


@cache
def _one_and_two(days: int) -> list[WarmRuns]:
    """Return the same days on one warm process and on two, in turns."""
    with closing(LocalProcesses(1)) as alone, closing(LocalProcesses(2)) as pair:
        return side_by_side([alone, pair], plan_of(days))


def efficiency(days: int) -> Measured:
    """Two warm processes against one."""
    one, two = _one_and_two(days)
    medians = [statistics.median(product.seconds["total"] for product in each.products) for each in (one, two)]
    return Measured(
        100 * two.rate / (2 * one.rate),
        f"{days} days; {one.rate:.2f} and {two.rate:.2f} days/s; side by side a run takes"
        f" {medians[1] / medians[0]:.2f} x its time alone",
    )


def overhead(days: int) -> Measured:
    """The share of the workers' time that the runner leaves unused."""
    one, two = (100 * session.idle for session in _one_and_two(days))
    return Measured(
        max(one, two), f"{days} days; of the workers' time: {one:.1f} % with one process, {two:.1f} % with two"
    )


def dask_against_local(days: int) -> Measured:
    """The same days on two Dask workers and on two local processes of this machine, in turns."""
    with closing(LocalProcesses(2)) as pair, dask_workers(2) as cluster:
        here, dask = side_by_side([pair, cluster], plan_of(days))
    return Measured(
        here.rate / dask.rate,
        f"{days} days; {dask.rate:.2f} and {here.rate:.2f} days/s; Dask's workers idle {100 * dask.idle:.1f} %",
    )


def memory(days: int) -> Measured:
    """The most memory one worker has held, after a tenth of many runs and after all."""
    runs = 5 * days
    session = local(1, plan_of(runs))
    early, late = (session.products[place - 1].memory_gb for place in (runs // 10, runs))
    return Measured(late / early, f"{late:.3f} GB after {runs:,} runs / {early:.3f} GB after {runs // 10:,}, at most")


ROWS = (
    *(
        Row(f"days per second and core, {policy}, microgrid33, basic bid", target, partial(days_per_second, policy))
        for policy, target in (("myopic", ">= 10 1/s"), ("receding", ">= 2 1/s"))
    ),
    Row("efficiency of 2 processes", ">= 90 %", efficiency),
    Row("overhead of the runner", "< 5 %", overhead),
    Row("days on Dask", "<= 1.1 x", dask_against_local, baseline="on local processes, two workers each"),
    Row("memory of a worker after many runs", "<= 1.05 x", memory, baseline="after a tenth of them"),
)
