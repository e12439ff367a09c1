"""Runs of a sweep file at the size asked for, simulated and stored as ``tieline sweep`` does it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import pandas as pd

from experiments.catalog import packaged_sweeps
from experiments.provenance import provenance
from experiments.reproduce.context import Context
from experiments.sweeps.command import simulate_runs
from experiments.sweeps.design import points
from experiments.sweeps.plan import SweepPlan, make_plan, read_sweep
from experiments.sweeps.result_store import ResultStore
from experiments.sweeps.results import read_results
from experiments.sweeps.sweep_file import Axis, EvaluationSpec, SweepFile
from sim.errors import StudyError


@dataclass(frozen=True, eq=False, kw_only=True)
class SizedSweep:
    """A sweep at a context's size, with bids evaluated in the scenarios they are made from.

    Attributes
    ----------
    path : Path
        Its file.
    plan : SweepPlan
        Its runs.
    """

    path: Path
    plan: SweepPlan

    @classmethod
    def of(cls, context: Context, name: str) -> Self:
        """Return a sweep: the user's own, if its file lies in the context's folder, or the packaged one.

        Raises
        ------
        StudyError
            If the file, or one of its paths or values, is wrong; the message names file and field.
        """
        own = context.folder / f"{name}.yaml"
        path = own if own.is_file() else packaged_sweeps()[name]
        sweep = read_sweep(path)
        values = {"policy": "hindsight"} | sweep.set | context.size.values
        sized = sweep.model_copy(update={"set": values, "evaluate": EvaluationSpec(by="plan")})
        try:
            plan = make_plan(sized, path.parent, seed=context.seed)
        except StudyError as error:
            raise StudyError(f"{path}: {error}") from error
        return cls(path=path, plan=_fewer(plan) if context.quick else plan)

    @property
    def sweep(self) -> SweepFile:
        """The sweep with what the context changes in it."""
        return self.plan.sweep

    @property
    def study(self) -> Mapping[str, Any]:
        """The study of the first run."""
        return self.plan.arms[0][1]


def runs_of(context: Context, plan: SweepPlan) -> pd.DataFrame:
    """Return all runs of a plan with factors and results, as a report has them; those stored aren't run again.

    Raises
    ------
    StudyError
        If a run fails.
    """
    made_with = sha256(json.dumps(provenance()).encode()).hexdigest()[:8]
    store = ResultStore(context.cache.folder / f"{plan.sweep.name}-{made_with}")
    stored = store.done()
    simulate_runs(plan, store, workers=context.workers, retry_failed=True, quiet=context.quiet)
    for run in plan.runs():
        (context.cache.found if run.key in stored else context.cache.computed).append(f"{run.key}.parquet")
    results = read_results(store.folder)
    if len(results.failed):
        raise StudyError(f"{plan.sweep.name}: a run fails: {results.failed['error'].iloc[0]}")
    return results.runs


def _fewer(plan: SweepPlan) -> SweepPlan:
    """Return a plan with the first, the middle and the last value of each factor that is varied one at a time."""
    sweep = plan.sweep.model_copy(update={"axes": tuple(map(_three_values, plan.sweep.axes))})
    wanted = points(sweep, plan.folder)
    return replace(plan, sweep=sweep, arms=[(point, study) for point, study in plan.arms if point in wanted])


def _three_values(axis: Axis) -> Axis:
    one = axis.one_at_a_time
    if one is None:
        return axis
    values = {
        name: [listed[place] for place in sorted({0, (len(listed) - 1) // 2, len(listed) - 1})]
        for name, listed in one.values.items()
    }
    return Axis(one_at_a_time=one.model_copy(update={"values": values}))
