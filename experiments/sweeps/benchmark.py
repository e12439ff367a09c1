"""What sweeps promise about speed and memory, measured on the runner, the engines and the workers themselves."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any

from experiments.identity import provenance
from experiments.measuring import Parts, Row
from experiments.sweeps.engines import DaskCluster, Engine, LocalProcesses, one_thread_each
from experiments.sweeps.plan import Plan, Run, make_plan
from experiments.sweeps.runner import Runner
from experiments.sweeps.store import task_of
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import Product

DAYS, MANY = 200, 1000
"""Runs of one day for the rows on speed, and for the row on memory."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Runs played on warm workers.

    Attributes
    ----------
    workers : int
        How many played them.
    seconds : float
        Time from the first run handed out to the last one taken in. [s]
    products : sequence of Product
        What came of them, in the order they ended.
    """

    workers: int
    seconds: float
    products: Sequence[Product]

    @property
    def rate(self) -> float:
        """Days played per second."""
        return len(self.products) / self.seconds

    @property
    def idle(self) -> float:
        """Share of the workers' time in which they played nothing."""
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


def plan_of(runs: int, **settings: Any) -> Plan:
    """Return a plan of one point of microgrid33, so often repeated."""
    values: dict[str, Any] = {"bidding": "basic", "policy": "myopic"} | settings
    sweep = {"name": "bench", "study": "microgrid33", "set": values, "replications": runs}
    return make_plan(SweepFile.model_validate(sweep), Path())


def session(engine: Engine, plan: Plan) -> Session:
    """Play a plan's runs on an engine, after as many others as warm up every worker."""
    versions, products = provenance(), list[Product]()
    runs = list(plan.runs())

    def keep(run: Run, product: Product) -> None:
        if product.error:
            raise RuntimeError(f"{run}: {product.traceback or product.error}")
        products.append(product)

    runner = Runner(engine, partial(task_of, outputs="summary", versions=versions), keep)
    runner.play(runs[: 4 * engine.workers])
    products.clear()
    start = perf_counter()
    runner.play(runs)
    return Session(workers=engine.workers, seconds=perf_counter() - start, products=products)


def local(workers: int, plan: Plan) -> Session:
    """Play a plan on processes of this machine."""
    engine = LocalProcesses(workers)
    with one_thread_each():
        try:
            return session(engine, plan)
        finally:
            engine.close()


@cache
def on_processes(workers: int, days: int) -> Session:
    """Play myopic days on processes of this machine; measured once."""
    return local(workers, plan_of(days))


def days_per_second(days: int) -> list[Row]:
    """Days of one worker in a second: scenario, bid, 24 hours of ANM and power flow, settlement, audit, Parquet."""
    rows = []
    for policy, least in (("myopic", 10), ("receding", 2)):
        played = {
            bidding: local(1, plan_of(days, policy=policy, bidding=bidding)) for bidding in ("basic", "anm_aware")
        }
        seconds = {
            part: statistics.median(product.seconds[part] for product in played["basic"].products)
            for part in ("bid", "dispatch", "power_flow", "total")
        }
        rows.append(
            Row(
                name=f"days per second and core, {policy}, microgrid33, basic bid",
                measured=played["basic"].rate,
                unit="1/s",
                target=f">= {least}",
                met=played["basic"].rate >= least,
                detail=(
                    f"of {1e3 * seconds['total']:.0f} ms a day: bid {1e3 * seconds['bid']:.0f}, dispatch"
                    f" {1e3 * seconds['dispatch']:.0f}, power flow {1e3 * seconds['power_flow']:.0f};"
                    f" with the ANM-aware bid {played['anm_aware'].rate:.2f} /s"
                ),
            )
        )
    return rows


def efficiency(days: int) -> list[Row]:
    """Two warm processes against one, and what the runner leaves unused."""
    one, two = on_processes(1, days), on_processes(2, days)
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
    """The same days on a Dask cluster of two workers on this machine, and on two local processes."""
    from distributed import LocalCluster

    start_cluster: Any = LocalCluster
    plan = plan_of(days)
    with one_thread_each(), start_cluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        engine = DaskCluster(cluster.scheduler_address)
        try:
            dask = session(engine, plan)
        finally:
            engine.close()
    here = on_processes(2, days)
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
    played = local(1, plan_of(runs))
    early, late = (played.products[place - 1].memory_gb for place in (runs // 10, runs))
    return Row(
        name=f"memory of a worker after {runs:,} runs / after {runs // 10:,}",
        measured=late / early,
        unit="x",
        target="<= 1.05",
        met=late / early <= 1.05,
        detail=f"{late:.3f} / {early:.3f} GB at most",
    )
