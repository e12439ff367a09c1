"""Simulation of a study: create its agents, simulate the days, return the records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import pandas as pd

from agents.dispatch.dispatcher import Dispatcher
from agents.participants import create_agents
from sim.instance import Instance
from sim.messages import Submission
from sim.model import MarketModel
from sim.profiles import HOURS_PER_DAY
from sim.scenarios import ScenarioSet

Progress = Callable[[str], None]
"""Callback before every hour, with the day and hour or the phase to be simulated."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """Run of a study: the tables of the ledger, and the seconds it took.

    Attributes
    ----------
    instance : Instance
        The built study.
    tables : mapping of str to DataFrame
        The ledger.
    seconds : dict
        Time for ``bid``, ``dispatch``, ``power_flow`` and in ``total``.
    """

    instance: Instance
    tables: Mapping[str, pd.DataFrame]
    seconds: dict[str, float]


def simulate(
    instance: Instance,
    *,
    actual: Sequence[ScenarioSet] | None = None,
    fixed: Submission | None = None,
    dispatcher: Dispatcher | None = None,
    progress: Progress | None = None,
) -> Run:
    """Return the records of the study's days.

    Parameters
    ----------
    instance : Instance
        The built study.
    actual : sequence of ScenarioSet, optional
        Actual course of each day; by default drawn from the seed.
    fixed : Submission, optional
        Bids to submit every day instead of computing them.
    dispatcher : Dispatcher, optional
        Dispatcher with its models compiled, to be shared between simulations of the same instance.
    progress : callable, optional
        Called before every hour.
    """
    start = perf_counter()
    model = MarketModel(instance, actual)
    create_agents(model, dispatcher=dispatcher, fixed=fixed)
    try:
        for _ in range(instance.study.days * HOURS_PER_DAY):
            if progress is not None:
                progress(f"day {model.day}, hour {model.hour}" if model.hour > 1 else f"day {model.day}, bidding")
            model.step()
    finally:
        model.close()
    tables = model.ledger.frames()
    return Run(instance=instance, tables=tables, seconds={**model.seconds, "total": perf_counter() - start})
