"""Day-ahead bids of a study for its first day, by the conic search or the paper's own AC equations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.bid_optimizer import exact_submission, opening_problem
from agents.dispatch.dispatcher import Dispatcher
from agents.participants import opening_bids
from experiments.catalog import load_study
from experiments.executors.workers import Workers
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Submission
from sim.study import Study


def bid(
    study: str | Path | Study,
    *,
    formulation: str = "conic",
    solver: str | None = None,
    workers: int | None = None,
    dask: str | None = None,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> Submission:
    """Return the study's day-ahead bids for its first day, with their certificate.

    Parameters
    ----------
    study : str, Path or Study
        Name of a packaged study, YAML file, run folder, or a study that is there already.
    formulation : {"conic", "ac"}
        The branch-flow relaxation, or the paper's polar AC equations.
    solver : {"ipopt", "bonmin"}, optional
        With formulation ``ac``.
    workers, dask : int, str, optional
        Threads, by default one per core, or the address of a Dask scheduler, for bids from many scenarios or with
        aversion to risk. The bids do not depend on them.
    progress : callable, optional
        Called with the current step.
    **options
        Options of `load_study`: ``bidding``, ``rule``, ``scenarios``, ``keep``, ...

    Returns
    -------
    Submission
        ``bid_mw`` (one for every step, import positive), ``certificate``, ``search``, ``strategy``, ``battery_p_mw``.

    Raises
    ------
    StudyError
        If something is wrong in the study, or formulation and solver don't go together.

    Examples
    --------
    >>> import tieline as tl
    >>> bids = tl.bid("microgrid33", bidding="basic", scenarios=10, keep=2)
    >>> bids.bid_mw.shape, bids.strategy
    ((24,), 'basic')
    """
    chosen = _solver(formulation, solver)
    instance = Instance.of(load_study(study, **options))
    spread = Workers(workers, dask)
    with spread.executor() as executor:
        dispatcher = Dispatcher.of(instance, progress=progress, threads=spread.threads, executor=executor)
        if chosen == "clarabel":
            return opening_bids(instance, dispatcher)
        if instance.grid.connections:
            raise StudyError("--formulation ac knows no microgrids: use conic")
        return exact_submission(dispatcher, opening_problem(instance, instance.kept_scenarios()), chosen)


SOLVERS = {"conic": ("clarabel",), "ac": ("ipopt", "bonmin")}
"""Solvers of each formulation, the usual one first."""


def _solver(formulation: str, solver: str | None) -> str:
    """Return the solver of a formulation."""
    if formulation not in SOLVERS:
        raise StudyError(f"--formulation {formulation}: use {' or '.join(SOLVERS)}")
    chosen = solver or SOLVERS[formulation][0]
    if chosen not in SOLVERS[formulation]:
        known = "; ".join(f"{name} with {', '.join(solvers)}" for name, solvers in SOLVERS.items())
        raise StudyError(f"--solver {chosen}: not a solver of --formulation {formulation}; there is {known}")
    return chosen
