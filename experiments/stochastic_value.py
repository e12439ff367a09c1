"""Value of a stochastic bid: over a bid from the forecast alone, below foresight, and by number of scenarios kept.

Three profits frame the bid of a two-stage stochastic program, all over the scenarios it was computed from:

- WS, wait and see: every scenario with a bid of its own;
- RP, the recourse problem: one bid for all scenarios, each with the dispatch that is best for it;
- EEV: the same with the bid that is best for the forecast.

WS >= RP >= EEV. The expected value of perfect information is EVPI = WS - RP (Avriel and Williams 1970,
https://doi.org/10.1287/opre.18.5.947), the value of the stochastic solution VSS = RP - EEV (Birge 1982,
https://doi.org/10.1007/BF01585113).

The profit a bid promises over its own scenarios is not the one it earns in others. So bids from kept sets of different
sizes meet the same fresh scenarios and are compared pair by pair: most of the scatter of profits is weather that all
bids share, and it cancels (Mak, Morton and Wood 1999, https://doi.org/10.1016/S0167-6377(98)00054-6).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from agents.bid_optimizer import opening_problem, rounded
from agents.bidding import strategy
from agents.dispatch.conic_program import SolverError
from agents.dispatch.dispatcher import Dispatcher
from experiments.evaluation import Evaluator, fixed_bids
from experiments.executors.workers import Workers
from experiments.scenario_outcome import Outcome
from experiments.value_report import Contender, SolutionValue, Trial, ValueReport
from grids.documents import in_short
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Submission
from sim.reduction import reduce_scenarios
from sim.scenarios import Draw, ScenarioSet

Progress = Callable[[str], None]
"""Callback after every solve, from the thread that solved, with the name of the problem."""

Bidder = Callable[[str, ScenarioSet], Submission]
"""Function that bids for the first day by a strategy, in the calling thread."""

SIZES = (1, 5, 10, 20, 50)
"""Numbers of kept scenarios compared by default."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Comparison of bids, with all scenario sets drawn and reduced.

    Attributes
    ----------
    instance : Instance
        The built study.
    contenders : sequence of Contender
        All bids, in the order of the report.
    forecast, reference : Contender
        Two of them: the bid from the forecast alone, and the study's own.
    test : ScenarioSet
        Fresh scenarios, the same for all.
    """

    instance: Instance
    contenders: Sequence[Contender]
    forecast: Contender
    reference: Contender
    test: ScenarioSet

    @classmethod
    def of(cls, instance: Instance, *, sizes: Sequence[int] = (), test_count: int = 100) -> "Comparison":
        """Return the comparison for a study.

        Parameters
        ----------
        instance : Instance
            The built study.
        sizes : sequence of int
            Numbers of kept scenarios besides the study's own; if there are none, those of `SIZES` that are drawn.
        test_count : int
            Number of test scenarios N.

        Raises
        ------
        StudyError
            If there are too few test scenarios, or more are to be kept than are drawn.
        """
        uncertainty, bidding = instance.study.uncertainty, instance.study.bidding
        if not isinstance(test_count, Integral) or test_count < 2:
            raise StudyError(
                f"--out-of-sample {in_short(test_count)}: use 2 or more, a single scenario has no standard error"
            )
        if isinstance(sizes, str) or not isinstance(sizes, Sequence):
            raise StudyError(f"sizes {in_short(sizes)}: give a list of whole numbers, such as [1, 5, 10]")
        for size in sizes:
            if not isinstance(size, Integral) or not 1 <= size <= uncertainty.scenarios:
                raise StudyError(
                    f"--compare-keep {in_short(size)}: use 1 to {uncertainty.scenarios}, the scenarios drawn;"
                    " --scenarios draws more"
                )
        drawn = instance.draw(Draw.TRAINING, uncertainty.scenarios)
        own = uncertainty.keep if isinstance(uncertainty.keep, int) else uncertainty.scenarios  # "all"
        wanted = {own, *(sizes or (size for size in SIZES if size <= uncertainty.scenarios))}
        kept = {size: reduce_scenarios(drawn, size, uncertainty.reduction) for size in sorted(wanted)}
        forecast = Contender(strategy=bidding, scenarios=instance.forecast, keep=None)
        by_size = {size: Contender(strategy=bidding, scenarios=kept[size], keep=size) for size in kept}
        reference = by_size[own]
        basic = Contender(strategy="basic", scenarios=reference.scenarios, keep=own)
        return cls(
            instance=instance,
            contenders=[*([basic] if bidding != "basic" else []), forecast, *by_size.values()],
            forecast=forecast,
            reference=reference,
            test=instance.draw(Draw.TEST, test_count),
        )

    @property
    def steps(self) -> int:
        """Number of progress reports of `run`: one after every bid and every dispatch of a scenario."""
        trials = sum(1 + len(one.scenarios) + len(self.test) for one in self.contenders)
        return trials + 2 * len(self.reference.scenarios)

    def run(self, *, workers: Workers | int | None = None, progress: Progress | None = None) -> ValueReport:
        """Return the report.

        Bids are computed one after another in the calling thread, while workers try those already there.

        Parameters
        ----------
        workers : Workers or int, optional
            Threads that try bids, or a Dask cluster; by default one per core. The result does not depend on it.
        progress : callable, optional
            Called after every solve.

        Raises
        ------
        StudyError
            If the solver gives no answer.
        """
        dispatcher = Dispatcher.of(self.instance, threads=Workers.of(workers).threads)

        def bid(name: str, scenarios: ScenarioSet) -> Submission:
            proposal = strategy(name).bid(dispatcher, opening_problem(self.instance, scenarios))
            if progress is not None:
                progress("bidding")
            return proposal

        try:
            tell = None if progress is None else lambda: progress("dispatching")
            with Evaluator(self.instance, by="plan", workers=workers, progress=tell) as evaluator:
                started = {one: self._start(one, bid, evaluator) for one in self.contenders}
                mine, theirs = started[self.reference], started[self.forecast]
                solution = _solution_value(mine.proposal, theirs.submission, self.reference, bid, evaluator)
                trials = {one: start.finish() for one, start in started.items()}
        except SolverError as error:
            raise StudyError(
                f"the solver gave no answer ({error}); compare other sizes or try another seed"
            ) from error
        return ValueReport(
            study=self.instance.study,
            solution=solution,
            trials=list(trials.values()),
            reference=trials[self.reference],
        )

    def _start(self, contender: Contender, bid: Bidder, evaluator: Evaluator) -> "_Started":
        proposal = bid(contender.strategy, contender.scenarios)
        submission = fixed_bids(self.instance, rounded(proposal.bid_mw))
        training, test = (evaluator.start(submission, scenarios) for scenarios in (contender.scenarios, self.test))
        return _Started(contender, proposal, submission, training, test)


@dataclass(frozen=True, eq=False)
class _Started:
    """Contender whose bid is computed and whose scenarios are being dispatched."""

    contender: Contender
    proposal: Submission
    submission: Submission
    training: Sequence[Future[Outcome]]
    test: Sequence[Future[Outcome]]

    def finish(self) -> Trial:
        outcomes = [future.result() for future in self.test]
        return Trial(
            contender=self.contender,
            bid_mw=self.submission.bid_mw,
            gap=_gap(self.proposal),
            training=_mean_profit(self.training, self.contender.scenarios),
            profits=np.array([outcome.planned_profit for outcome in outcomes]),
            beyond_limits=sum(not outcome.within_limits for outcome in outcomes),
            inexact=sum(not outcome.exact for outcome in outcomes),
        )


def _solution_value(
    mine: Submission, forecast: Submission, reference: Contender, bid: Bidder, evaluator: Evaluator
) -> SolutionValue:
    """Return WS, RP and EEV, all in the model of the study's strategy."""
    kept = reference.scenarios
    network = "branch_flow" if mine.certificate.get("cone_gap") is not None else "copper_plate"
    fixed = evaluator.start(forecast, kept, network=network)
    foresight = np.array([_promised(bid(reference.strategy, kept.subset(k))) for k in range(len(kept))])
    return SolutionValue(
        ws=float(kept.probability @ foresight),
        rp=_promised(mine),
        eev=_mean_profit(fixed, kept),
        rp_gap=_gap(mine),
    )


def _promised(proposal: Submission) -> float:
    """Return the profit that a strategy expects of its bid. [$]"""
    if proposal.costs is None or proposal.probability is None:
        return proposal.search["incumbent"]
    return -float(proposal.probability @ proposal.costs)


def _gap(proposal: Submission) -> float:
    return max(0.0, proposal.search.get("bound", np.inf) - proposal.search["incumbent"])


def _mean_profit(futures: Sequence[Future[Outcome]], scenarios: ScenarioSet) -> float:
    return float(scenarios.probability @ np.array([future.result().planned_profit for future in futures]))
