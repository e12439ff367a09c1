"""The context of an item: the paper's study at the size asked for, a cache of results, and a folder for the files."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from experiments import console
from experiments.catalog import find_study
from experiments.executors.workers import Workers
from experiments.reproduce.paper import STUDY
from experiments.reproduce.result_cache import Record, ResultCache
from sim.study import Study

REPRODUCE = "tieline reproduce"
"""Name of the command in the message that refuses a study."""

Tick = Callable[[str], None]
"""Called after every step of a computation, with what was done."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Size of a computation.

    Attributes
    ----------
    scenarios, keep : int
        Scenarios drawn for a bid, and kept of them.
    test : int
        Fresh scenarios that bids are tested on.
    """

    scenarios: int
    keep: int
    test: int

    @property
    def values(self) -> dict[str, Any]:
        """Values of a study of this size, by path."""
        return {"uncertainty.scenarios": self.scenarios, "uncertainty.keep": self.keep}


FULL = Size(scenarios=1000, keep=10, test=100)
"""The paper's scenarios, and enough tests for intervals of a few dollars."""
QUICK = Size(scenarios=12, keep=2, test=2)
"""Enough to see that everything works."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Context:
    """Context in which an item is made.

    Attributes
    ----------
    folder : Path
        Where the files go.
    cache : ResultCache
        What has been computed.
    quick : bool
        Whether everything is at reduced size.
    seed : int or None
        Seed of all random numbers; None for the study's own.
    workers : Workers, int or None
        Processes; the result does not depend on it.
    quiet : bool
        Whether to show no progress.
    """

    folder: Path
    cache: ResultCache
    quick: bool
    seed: int | None = None
    workers: Workers | int | None = None
    quiet: bool = False

    @property
    def size(self) -> Size:
        """Size of the computation."""
        return QUICK if self.quick else FULL

    def study(
        self,
        *,
        rule: str | None = None,
        bidding: str | None = None,
        policy: str | None = None,
        keep: str | None = None,
    ) -> Study:
        """Return the paper's study at the context's size and seed.

        Parameters
        ----------
        rule, bidding, policy : str, optional
            Imbalance rule, bidding strategy and ANM policy, where not the study's own.
        keep : "all", optional
            Whether to bid from all scenarios; by default from as many as the context's size says.
        """
        options = {
            "seed": self.seed,
            "uncertainty.scenarios": self.size.scenarios,
            "uncertainty.keep": keep or self.size.keep,
            "market.rule": rule,
            "bidding": bidding,
            "policy": policy,
        }
        return find_study(STUDY, options=options)

    def result(
        self, title: str, study: Study, parameters: Record, compute: Callable[[Tick], Record], *, steps: int
    ) -> Record:
        """Return a result, from the cache if it is there, and show how far it is if not.

        Parameters
        ----------
        title : str
            What is being done.
        study, parameters
            What decides the result, see :meth:`ResultCache.result`.
        compute : callable
            Returns the result; is given a function to call after every step.
        steps : int
            How often that function will be called.

        Raises
        ------
        StudyError
            If the study has microgrids, which no item knows how to operate.
        """
        study.refuse_microgrids(REPRODUCE)

        def run() -> Record:
            with console.progress(title, total=steps, quiet=self.quiet) as tick:
                return compute(tick)

        return self.cache.result(study, parameters, run)

    def stem(self, name: str) -> str:
        """Return the stem of a file's name; that of a quick run never has the name of a full one."""
        return f"{name}-quick" if self.quick else name

    @property
    def provenance(self) -> str:
        """Origin of the figures, for every caption."""
        made = f"Study {STUDY}, seed {self.study().seed}, tieline {version('tieline')}."
        if not self.quick:
            return made
        mine, full = self.size, FULL
        return (
            f"QUICK RUN at reduced size, not a result: {mine.scenarios} scenarios drawn, {mine.keep} kept and"
            f" {mine.test} for tests instead of {full.scenarios:,}, {full.keep} and {full.test}. {made}"
        )
