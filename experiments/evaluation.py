"""Expected money of fixed bids over a set of scenarios, each simulated through the whole market loop."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from agents.dispatch.dispatcher import Dispatcher
from agents.participants import opening_bids
from experiments.confidence import Estimate
from experiments.simulate import simulate
from experiments.summary import certificate, money_terms
from experiments.threads import one_thread_each
from grids.network import FloatArray
from sim.audit import LimitCount, limits_not_kept
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Submission
from sim.scenarios import Draw, ScenarioSet
from sim.settlement import terms_of
from sim.study import Study

SCENARIOS_WORTH_A_PROCESS = 16
"""Number of scenarios below which starting worker processes takes longer than they save."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """Outcome of one simulated scenario: terms in $, imbalance, voltage range, limits not kept, certificate."""

    terms: dict[str, float]
    imbalance_mwh: FloatArray
    min_vm_pu: float
    max_vm_pu: float
    limits: dict[str, LimitCount]
    certificate: dict[str, float | None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """Expected terms of fixed bids.

    Attributes
    ----------
    submission : Submission
        The bids and their certificate.
    estimates : dict of str to Estimate
        Probability-weighted mean of every term, with its interval. [$]
    outcomes : list of Outcome
        Every scenario.
    probability : array, shape (S,)
        Their probabilities.
    """

    submission: Submission
    estimates: dict[str, Estimate]
    outcomes: list[Outcome]
    probability: FloatArray

    @property
    def terms(self) -> dict[str, float]:
        """Mean of every term. [$]"""
        return {term: one.mean for term, one in self.estimates.items()}

    @property
    def limits(self) -> dict[str, LimitCount]:
        """Limits not kept in all scenarios together, whatever their probabilities."""
        counts = (outcome.limits for outcome in self.outcomes)
        return reduce(lambda one, other: {name: one[name] + other[name] for name in one}, counts)


def scenario_set(instance: Instance, on: str, count: int) -> ScenarioSet:
    """Return the scenarios to evaluate on: the ``kept`` training ones, or `count` fresh ``test`` ones.

    Raises
    ------
    StudyError
        If `on` is neither.
    """
    if on == "kept":
        return instance.kept_scenarios()
    if on == "test":
        return instance.draw(Draw.TEST, count)
    raise StudyError(f"--on {on}: use kept (the bid's own scenarios) or test (fresh ones)")


def evaluate(
    instance: Instance,
    scenarios: ScenarioSet,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Return the expected terms of the study's bids over scenarios, each simulated for one day.

    Parameters
    ----------
    instance : Instance
        The built study; its policy runs every scenario.
    scenarios : ScenarioSet
        Scenarios to be simulated.
    workers : int, optional
        Processes; by default one per core where there is enough to do. The result does not depend on it.
    progress : callable, optional
        Called with the number of scenarios done.
    """
    one_day = Instance.of(instance.study.model_copy(update={"days": 1}))
    dispatcher = Dispatcher.of(one_day)
    submission = opening_bids(one_day, dispatcher)
    outcomes = []
    for outcome in _outcomes(one_day, submission, scenarios, dispatcher, _worker_count(workers, len(scenarios))):
        outcomes.append(outcome)
        if progress is not None:
            progress(len(outcomes))
    terms = terms_of(connections=bool(instance.grid.connections))
    table = np.array([[outcome.terms[term] for term in terms] for outcome in outcomes])
    return Evaluation(
        submission=submission,
        estimates={
            term: Estimate.of(values, scenarios.probability) for term, values in zip(terms, table.T, strict=True)
        },
        outcomes=outcomes,
        probability=scenarios.probability,
    )


def _worker_count(workers: int | None, scenarios: int) -> int:
    if workers is not None:
        return max(1, min(workers, scenarios))
    return min(os.cpu_count() or 1, max(1, scenarios // SCENARIOS_WORTH_A_PROCESS + 1))


def _outcomes(
    instance: Instance, submission: Submission, scenarios: ScenarioSet, dispatcher: Dispatcher, workers: int
) -> Iterator[Outcome]:
    days = [scenarios.subset(k) for k in range(len(scenarios))]
    if workers == 1:
        for day in days:
            yield _outcome(instance, submission, day, dispatcher)
        return
    context = multiprocessing.get_context("spawn")
    begin = (instance.study.model_dump(), submission)
    with one_thread_each(), ProcessPoolExecutor(workers, context, _start_worker, begin) as pool:
        yield from pool.map(_work, days, chunksize=max(1, len(days) // (8 * workers)))


_worker: dict[str, Any] = {}


def _start_worker(study: dict[str, Any], submission: Submission) -> None:
    """Build the instance once in a worker process."""
    instance = Instance.of(Study.model_validate(study))
    dispatcher = Dispatcher.of(instance)
    _worker.update(instance=instance, submission=submission, dispatcher=dispatcher)


def _work(day: ScenarioSet) -> Outcome:
    return _outcome(_worker["instance"], _worker["submission"], day, _worker["dispatcher"])


def _outcome(instance: Instance, submission: Submission, day: ScenarioSet, dispatcher: Dispatcher) -> Outcome:
    run = simulate(instance, actual=[day], fixed=submission, dispatcher=dispatcher)
    settled, vm_pu = run.tables["settlements"], run.tables["buses"]["vm_pu"]
    return Outcome(
        terms=money_terms(run.tables),
        imbalance_mwh=(settled["over_mwh"] + settled["under_mwh"]).to_numpy(),
        min_vm_pu=float(vm_pu.min()),
        max_vm_pu=float(vm_pu.max()),
        limits=limits_not_kept(run.tables, instance.study.model_dump(mode="json")),
        certificate=certificate(run.tables),
    )
