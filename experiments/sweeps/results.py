"""Results of a sweep from its folder: the runs that are done, those that failed, and their labels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.sweeps.outputs import BIDDING_USED, EVALUATED, OUTPUTS, TIMINGS, output_of
from experiments.sweeps.plan import read_sweep
from experiments.sweeps.result_store import FAILURES, PLANNED, PROVENANCE, RESULTS, SWEEP, ResultStore
from experiments.sweeps.sweep_file import SweepFile
from grids.documents import DocumentError, parse_json, read_parquet, read_text, shown
from sim.errors import StudyError

REPLICATION = "replication"


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepResults:
    """Results of a sweep, from which its report is made.

    Attributes
    ----------
    sweep : SweepFile
        The sweep's file.
    factors : tuple of str
        Names of the factors, in the order of the axes; columns of `runs`.
    runs : DataFrame
        One row for each run that is done: `factors`, ``replication`` (1, 2, ...), ``seed``, ``key``, all of
        `OUTPUTS`, where bids are evaluated also those of `EVALUATED`, the bidding strategies used as `BIDDING_USED`,
        and the times of `TIMINGS` (NaN where they are not known), sorted by point and replication.
    planned : int
        Number of runs there are to be.
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

    def __repr__(self) -> str:
        done = f"{len(self.runs):,} of {self.planned:,} runs, {len(self.failed):,} failed"
        return f"<Results of the sweep {self.sweep.name}: {done}>"

    @property
    def results(self) -> pd.DataFrame:
        """The runs that are done, as `runs`: one tidy row for each."""
        return self.runs

    def label(self, name: str) -> str:
        """Return the label of a factor or output on an axis, with its unit."""
        output = output_of(name)
        return output.label if output is not None and name not in self.factors else self.sweep.label(name)

    def is_number(self, factor: str) -> bool:
        """Return whether the values of a factor are numbers."""
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
    planned = _planned(folder / PLANNED)
    store = ResultStore(folder)
    done, failed = store.done(sweep.outputs), store.failed()
    results = _results(folder / RESULTS, done, EVALUATED if sweep.evaluate is not None else ())
    times = store.timings.frame()[[timing.name for timing in TIMINGS]]
    fallen = planned[planned["key"].isin(failed - done)]
    return SweepResults(
        sweep=sweep,
        factors=tuple(planned.columns[1 : list(planned).index(REPLICATION)]),
        runs=planned[planned["key"].isin(done)].merge(results, on="key").join(times, on="key"),
        planned=len(planned),
        failed=fallen.assign(error=[_error(folder, key) for key in fallen["key"]]).reset_index(drop=True),
        provenance=_provenance(folder / PROVENANCE),
    )


def _planned(path: Path) -> pd.DataFrame:
    """Return the runs there are to be: their keys, values of the factors, replications and seeds."""
    planned: pd.DataFrame = _read(path, read_parquet)
    columns = list(planned)
    if columns[:1] != ["key"] or columns[-2:] != [REPLICATION, "seed"]:
        raise _damaged(path, "it has other columns")
    words = planned[[name for name in columns if planned[name].dtype.kind not in "iufb"]]
    if not words.map(lambda cell: isinstance(cell, str)).all(axis=None) or "key" not in words:
        raise _damaged(path, "a column is neither numbers nor words")
    if planned["key"].duplicated().any() or planned[[REPLICATION, "seed"]].dtypes.ne("int64").any():
        raise _damaged(path, "its keys, replications or seeds are none")
    return planned


def _results(folder: Path, keys: set[str], more: tuple[str, ...]) -> pd.DataFrame:
    """Return key and outputs of the runs that are done; empty ones where a sweep of an earlier version has none."""
    numbers = [output.name for output in OUTPUTS]
    columns = ["key", *numbers, *more, BIDDING_USED]
    if not keys:
        return pd.DataFrame(columns=columns)
    try:
        known = pq.read_schema(next(folder.glob("*.parquet"))).names
        results = pd.read_parquet(folder, columns=[name for name in columns if name in known]).reindex(columns=columns)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        raise _damaged(folder, shown(str(error), 80)) from None
    if not results[numbers].map(lambda cell: isinstance(cell, float | int)).all(axis=None):
        raise _damaged(folder, "an output is no number")
    if not results[BIDDING_USED].map(lambda cell: isinstance(cell, str) or pd.api.types.is_scalar(cell)).all():
        raise _damaged(folder, f"{BIDDING_USED} is no word")
    found = results["key"].astype(str)  # more than those done, while a sweep is at work
    if found.duplicated().any() or not keys <= set(found):
        raise _damaged(folder, "the keys in it are not those of its files")
    return results


def _provenance(path: Path) -> dict[str, str]:
    provenance = _json(path)
    if not isinstance(provenance, dict) or not all(isinstance(number, str) for number in provenance.values()):
        raise _damaged(path, "it holds no versions")
    return provenance


def _error(folder: Path, key: str) -> str:
    path = folder / FAILURES / f"{key}.json"
    failure = _json(path)
    if not isinstance(failure, dict) or "error" not in failure:
        raise _damaged(path, "it holds no error")
    return shown(str(failure["error"]), 400)


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    except (OSError, DocumentError) as error:
        raise _damaged(path, str(error)) from None


def _json(path: Path) -> Any:
    return _read(path, lambda path: parse_json(read_text(path, "JSON")))


def _damaged(path: Path, why: str) -> StudyError:
    return StudyError(f"{path}: is damaged ({why}); start the sweep again, which mends its folder")
