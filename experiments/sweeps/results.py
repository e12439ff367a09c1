"""The results of a sweep as they lie in its folder: the runs that are done, those that failed, and what they mean."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from experiments.sweeps.outputs import BIDDING_USED, OUTPUTS, TIMINGS, output_of
from experiments.sweeps.plan import read_sweep
from experiments.sweeps.store import FAILURES, PLANNED, PROVENANCE, RESULTS, SWEEP, Store
from experiments.sweeps.sweep_file import SweepFile
from sim.errors import StudyError

REPLICATION = "replication"


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepResults:
    """Everything a report needs.

    Attributes
    ----------
    sweep : SweepFile
        What was asked for.
    factors : tuple of str
        Names of what is varied, in the order of the axes; columns of `runs`.
    runs : DataFrame
        One row for each run that is done: `factors`, ``replication`` (1, 2, ...), ``seed``, ``key``, all of
        `OUTPUTS`, the bidding strategies used as `BIDDING_USED`, and the times of `TIMINGS` (NaN where they are not
        known), sorted by point and replication.
    planned : int
        How many runs there are to be.
    failed : DataFrame
        One row for each run that failed: `factors`, ``replication``, ``seed``, ``key``, ``error`` (one line).
    provenance : dict
        Versions of Python and the libraries.
    """

    sweep: SweepFile
    factors: tuple[str, ...]
    runs: pd.DataFrame
    planned: int
    failed: pd.DataFrame
    provenance: dict[str, str]

    def label(self, name: str) -> str:
        """Return how a factor or output is written on an axis, with its unit."""
        output = output_of(name)
        return output.label if output is not None and name not in self.factors else self.sweep.label(name)

    def is_number(self, factor: str) -> bool:
        """Whether the values of a factor are numbers."""
        return pd.api.types.is_numeric_dtype(self.runs[factor]) and not pd.api.types.is_bool_dtype(self.runs[factor])


def read_results(folder: Path) -> SweepResults:
    """Return the results in a sweep's folder, also while the sweep is at work.

    Raises
    ------
    StudyError
        If the folder is none of a sweep.
    """
    if not (folder / PLANNED).is_file():
        raise StudyError(f"{folder}: is not the folder of a sweep; tieline sweep FILE --out {folder} makes one")
    sweep = read_sweep(folder / SWEEP)
    planned = pd.read_parquet(folder / PLANNED)
    store = Store(folder)
    done, failed = store.done(sweep.outputs), store.failed()
    columns = ["key", *(output.name for output in OUTPUTS), BIDDING_USED]
    results = _stored(folder / RESULTS, columns) if done else pd.DataFrame(columns=columns)
    times = store.timings.frame()[[timing.name for timing in TIMINGS]]
    fallen = planned[planned["key"].isin(failed - done)]
    return SweepResults(
        sweep=sweep,
        factors=tuple(planned.columns[1 : list(planned).index(REPLICATION)]),
        runs=planned[planned["key"].isin(done)].merge(results, on="key").join(times, on="key"),
        planned=len(planned),
        failed=fallen.assign(error=[_error(folder, key) for key in fallen["key"]]).reset_index(drop=True),
        provenance=json.loads((folder / PROVENANCE).read_text(encoding="utf-8")),
    )


def _stored(folder: Path, columns: list[str]) -> pd.DataFrame:
    """Return columns of all runs; empty ones where a sweep of an earlier version has none."""
    known = pq.read_schema(next(folder.glob("*.parquet"))).names
    return pd.read_parquet(folder, columns=[name for name in columns if name in known]).reindex(columns=columns)


def _error(folder: Path, key: str) -> str:
    return str(json.loads((folder / FAILURES / f"{key}.json").read_text(encoding="utf-8"))["error"])
