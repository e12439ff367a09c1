"""Runs of a sweep, simulated and stored as ``tieline sweep`` does it."""

import json
from hashlib import sha256

import pandas as pd

from experiments.provenance import provenance
from experiments.reproduce.context import Context
from experiments.sweeps.command import simulate_runs
from experiments.sweeps.plan import SweepPlan
from experiments.sweeps.result_store import ResultStore
from experiments.sweeps.results import read_results
from sim.errors import StudyError


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
