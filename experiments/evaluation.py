"""Fixed bids over a set of scenarios: one evaluation for all, by simulation on processes or by plans on threads."""

import itertools
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.kept import Shared, kept_dispatchers
from agents.participants import check_study, opening_bids
from experiments.catalog import has_own, load_study
from experiments.confidence import Estimate
from experiments.executors.workers import Workers, one_at_a_time
from experiments.scenario_outcome import Outcome, planned, simulated
from experiments.summary import worst
from grids.network import FloatArray
from sim.audit import LimitCount
from sim.errors import StudyError, require_whole
from sim.instance import Instance
from sim.messages import Submission
from sim.scenarios import Draw, ScenarioSet
from sim.study import Study

Method = Literal["simulation", "plan"]
"""Method by which a scenario is evaluated, see :mod:`experiments.scenario_outcome`."""

SCENARIOS_WORTH_A_PROCESS = 16
"""Number of scenarios below which starting worker processes takes longer than they save."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """Expected terms of fixed bids.

    Attributes
    ----------
    submission : Submission
        The bids and their certificate.
    scenarios : ScenarioSet
        Scenarios that may happen.
    outcomes : list of Outcome
        Outcome in each scenario.
    """

    submission: Submission
    scenarios: ScenarioSet
    outcomes: list[Outcome]

    @property
    def probability(self) -> FloatArray:
        """Probabilities of the scenarios, shape (S,)."""
        return self.scenarios.probability

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Probability-weighted mean of every term, with its interval. [$]"""
        return {
            term: Estimate.of(np.array([outcome.terms[term] for outcome in self.outcomes]), self.probability)
            for term in self.outcomes[0].terms
        }

    @property
    def terms(self) -> dict[str, float]:
        """Mean of every term. [$]"""
        return {term: one.mean for term, one in self.estimates.items()}

    @property
    def expected(self) -> dict[str, float]:
        """Mean of every term [$] and, with its unit behind the name, of every energy [MWh]."""
        energies = {
            f"{name}_mwh": float(self.probability @ np.array([outcome.energy_mwh[name] for outcome in self.outcomes]))
            for name in self.outcomes[0].energy_mwh
        }
        return self.terms | energies

    def __repr__(self) -> str:
        profit = self.estimates["profit"]
        return f"<Evaluation on {len(self.outcomes)} scenarios: profit ${profit.mean:,.2f} ± {profit.reach:,.2f}>"

    @property
    def gap(self) -> float:
        """Upper bound of what any other bid can promise more, in the strategy's own model. [$]"""
        search = self.submission.search
        return max(0.0, search.get("bound", np.inf) - search["incumbent"]) if search else 0.0

    @property
    def certificate(self) -> dict[str, float | None]:
        """Certificate of bids and dispatch, the worst of each proof."""
        return worst([self.submission.certificate, *(outcome.certificate for outcome in self.outcomes)])

    @property
    def beyond_limits(self) -> int:
        """Scenarios in which not all limits are kept."""
        return sum(not outcome.within_limits for outcome in self.outcomes)

    @property
    def inexact(self) -> int:
        """Scenarios in which physics can't do what was planned."""
        return sum(not outcome.exact for outcome in self.outcomes)

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
        If `on` is neither, or `count` no number of scenarios.
    """
    if on == "kept":
        return instance.kept_scenarios()
    if on == "test":
        require_whole("count", count)
        return instance.draw(Draw.TEST, count)
    raise StudyError(f"--on {on}: use kept (the bid's own scenarios) or test (fresh ones)")


def evaluate(
    study: str | Path | Study | Instance,
    scenarios: ScenarioSet | int | None = None,
    *,
    on: str = "kept",
    count: int = 100,
    by: Method = "simulation",
    workers: Workers | int | None = None,
    dask: str | None = None,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> Evaluation:
    """Expected money of a study's bids over scenarios of one day each.

    Parameters
    ----------
    study : str, Path, Study or Instance
        Name of a packaged study, YAML file, run folder, or a study that is there already. Policy ``hindsight`` runs
        every scenario unless another is given as an option; an instance keeps its own.
    scenarios : ScenarioSet or int, optional
        Scenarios that may happen, by default as `on` says; a number is that of the scenarios drawn for the bid.
    on : {"kept", "test"}
        The scenarios that the bid is computed from, as in the paper, or fresh ones.
    count : int
        Number of fresh scenarios.
    by : {"simulation", "plan"}
        Method by which a scenario is evaluated.
    workers, dask : int, str, optional
        Processes (threads for plans), by default one per core where there is enough to do, or the address of a Dask
        scheduler. The result does not depend on them. A policy of the user's own stays in this process.
    progress : callable, optional
        Called with the number of scenarios done.
    **options
        Options of `load_study`: ``bidding``, ``policy``, ``rule``, ``seed``, ...

    Returns
    -------
    Evaluation
        Means (``terms``), estimates with standard errors and intervals (``estimates``), and every outcome.

    Raises
    ------
    StudyError
        If something is wrong in the study, or there is no such set of scenarios.

    Examples
    --------
    >>> import tieline as tl
    >>> day = tl.evaluate("microgrid33", on="test", count=2, policy="myopic", scenarios=10, keep=2)
    >>> day.terms["profit"] == day.estimates["profit"].mean, len(day.outcomes)
    (True, 2)
    """
    if isinstance(scenarios, int):
        options["scenarios"], scenarios = scenarios, None
    instance = study if isinstance(study, Instance) else _instance_of(study, options)
    scenarios = scenario_set(instance, on, count) if scenarios is None else scenarios
    if has_own(instance.study, "policy", "coordination"):
        workers, dask = 1, None
    built = instance.study
    one_day = instance if built.days == 1 else Instance.of(built.model_copy(update={"days": 1}))
    done, spread = itertools.count(1), Workers.of(workers, dask)
    tell = None if progress is None else lambda: progress(next(done))
    submission = opening_bids(one_day, Dispatcher.of(one_day, threads=spread.threads))
    if spread.dask is None:
        worth = 1 + len(scenarios) // SCENARIOS_WORTH_A_PROCESS if spread == Workers() else len(scenarios)
        spread = Workers(spread.at_most(worth))
    with Evaluator(one_day, by=by, workers=spread, progress=tell) as evaluator:
        return evaluator.evaluate(submission, scenarios)


def _instance_of(study: str | Path | Study, options: dict[str, Any]) -> Instance:
    instance = Instance.of(load_study(study, **{"policy": "hindsight"} | options))
    check_study(instance)
    return instance


class Evaluator(ExitStack):
    """Evaluator of fixed bids in scenarios of the first day, by workers that simulate or plan.

    Parameters
    ----------
    instance : Instance
        The built study.
    by : {"simulation", "plan"}
        Method by which a scenario is evaluated.
    workers : Workers or int, optional
        Processes that simulate, or threads that plan, for the solver works outside Python's lock; or a Dask cluster.
        By default one per core.
    progress : callable, optional
        Called after every scenario.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        by: Method,
        workers: Workers | int | None = None,
        progress: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._instance, self._by, self._workers, self._progress = Shared(instance), by, Workers.of(workers), progress

    def __enter__(self) -> Self:
        opened = self._workers.executor() if self._by == "plan" else self._workers.processes()
        self._executor = self.enter_context(opened)
        return self

    def evaluate(self, submission: Submission, scenarios: ScenarioSet) -> Evaluation:
        """Return the evaluation of bids over scenarios."""
        outcomes = [future.result() for future in self.start(submission, scenarios)]
        return Evaluation(submission=submission, scenarios=scenarios, outcomes=outcomes)

    def start(
        self, submission: Submission, scenarios: ScenarioSet, *, network: str = "branch_flow"
    ) -> list[Future[Outcome]]:
        """Return a future of the outcome of every scenario; at once, unless this process is the only worker.

        Parameters
        ----------
        submission : Submission
            The bids.
        scenarios : ScenarioSet
            Scenarios of the first day.
        network : {"branch_flow", "copper_plate"}
            AC network or one bus, where scenarios are planned.
        """
        futures = []
        for k in range(len(scenarios)):
            day = scenarios.subset(k)
            future = self._executor.submit(_outcome, self._by, self._instance, submission, day, network)
            future.add_done_callback(self._tell)
            futures.append(future)
        return futures

    def _tell(self, future: Future[Outcome]) -> None:
        if self._progress is not None and not future.cancelled():
            self._progress()


def _outcome(by: Method, shared: Shared, submission: Submission, day: ScenarioSet, network: str) -> Outcome:
    with nullcontext() if by == "plan" else one_at_a_time:
        method = planned if by == "plan" else simulated
        return method(shared.instance, submission, day, kept_dispatchers.of(shared.instance), network)


def fixed_bids(instance: Instance, bid_mw: FloatArray) -> Submission:
    """Return given bids as if they had been computed, with batteries at rest.

    Parameters
    ----------
    instance : Instance
        The built study.
    bid_mw : array, shape (T,)
        Bids, positive for import. [MW]
    """
    at_rest = np.zeros((instance.steps, len(instance.grid.batteries)))
    return Submission(bid_mw=bid_mw, strategy="given", battery_p_mw=at_rest)
