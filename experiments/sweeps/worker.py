"""Worker of a sweep: simulates one run after another, and returns the outputs of each as Parquet.

It keeps compiled models, which take long to build, from run to run, and nothing else that a run could change for the
next: a run gives the same bytes whichever worker has it, and whatever that worker did before.
"""

import os
import socket
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from agents.dispatch.kept import kept_dispatchers
from experiments.catalog import ADD
from experiments.evaluation import evaluate, scenario_set
from experiments.executors.dask_cluster import require_same
from experiments.executors.workers import one_at_a_time
from experiments.provenance import key_of
from experiments.simulate import Run, simulate
from experiments.summary import summarise
from experiments.sweeps.outputs import BIDDING_USED, evaluated_figures, figures, hourly
from experiments.sweeps.sweep_file import EvaluationSpec
from sim.audit import AuditReport, audit
from sim.errors import StudyError
from sim.inputs import inputs_of
from sim.instance import Instance
from sim.study import Study
from sim.time_limit import given_up


@dataclass(frozen=True, kw_only=True)
class Task:
    """Task of a worker: one run to be simulated.

    Attributes
    ----------
    key : str
        Key of the run.
    document : dict
        The resolved study.
    labels : dict
        Columns that identify the run.
    outputs : {"summary", "hourly", "all"}
        Outputs to keep of it.
    evaluation : dict or None
        Evaluation of the study's bids; None to simulate its days.
    provenance : dict
        Versions of the model and the libraries it is to be simulated with.
    own : dict
        The user's own classes by field and name, such as a policy; a worker imports them.
    """

    key: str
    document: dict[str, Any]
    labels: dict[str, Any]
    outputs: str
    provenance: dict[str, str]
    evaluation: dict[str, Any] | None = None
    own: Mapping[tuple[str, str], type] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunProduct:
    """Product of a run: its outputs, or its error.

    Attributes
    ----------
    key : str
        Key of the run.
    parts : dict
        Parquet files by the name of their data set; empty if the run failed.
    error, traceback : str
        Error, in a line and in full; empty if there was none.
    seconds : dict
        Time of ``bid``, ``dispatch``, ``power_flow``, and in ``total`` with start-up and audit.
    memory_gb : float
        Most memory the worker has held so far.
    worker : str
        Name of the worker: host and process.
    """

    key: str
    parts: dict[str, bytes] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    memory_gb: float = 0.0
    worker: str = ""


def perform(task: Task) -> RunProduct:
    """Simulate a run and return its product; an error of the run is part of that, not raised.

    Raises
    ------
    OtherVersionsError
        If this worker has other versions than the sweep.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}"
    require_same(task.provenance, worker)
    with one_at_a_time:
        start = perf_counter()
        try:
            parts, seconds = _simulate(task)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # Rust libraries panic with one that is no Exception
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            return RunProduct(key=task.key, error=message, traceback=traceback.format_exc(), worker=worker)
        seconds["total"] = perf_counter() - start
    return RunProduct(key=task.key, parts=parts, seconds=seconds, memory_gb=peak_memory_gb(), worker=worker)


def _simulate(task: Task) -> tuple[dict[str, bytes], dict[str, float]]:
    for (where, _), kind in task.own.items():
        ADD[where](kind)
    if key_of(task.document, {}, task.evaluation) != task.key:
        raise StudyError("a file of this study is not the one the sweep was planned with; start the sweep again")
    study = Study.model_validate(task.document)
    instance = Instance.of(study)
    if task.evaluation is not None:
        return _evaluate(task, instance), {}
    given_up_before = len(given_up)
    try:
        simulated = simulate(instance, dispatcher=kept_dispatchers.of(instance))
    finally:
        if any(is_at_work() for is_at_work in given_up[given_up_before:]):
            kept_dispatchers.forget_last()
    verdict = audit(simulated.tables, task.document, inputs_of(instance))
    if not verdict.clean:
        first = verdict.findings[0]
        raise StudyError(f"the audit rejects this run, {len(verdict.findings)} finding(s): {first}")
    return _kept(task, simulated, verdict), dict(simulated.seconds)


def _evaluate(task: Task, instance: Instance) -> dict[str, bytes]:
    """Return the row of a run whose bids are evaluated over scenarios."""
    spec = EvaluationSpec.model_validate(task.evaluation)
    found = evaluate(instance, scenario_set(instance, spec.over, spec.count), by=spec.by, workers=1)
    return {"results": parquet(pd.DataFrame([task.labels | evaluated_figures(found)]))}


def _kept(task: Task, simulated: Run, verdict: AuditReport) -> dict[str, bytes]:
    summary = summarise(simulated, verdict)
    row = pd.DataFrame([task.labels | figures(summary) | {BIDDING_USED: summary["bid_strategy"]["used"]}])
    parts = {"results": parquet(row)}
    if task.outputs in {"hourly", "all"}:
        parts["hourly"] = parquet(_labelled(hourly(simulated), task.labels))
    if task.outputs == "all":
        key = {"key": task.key}
        parts |= {f"tables/{name}": parquet(_labelled(frame, key)) for name, frame in simulated.tables.items()}
    return parts


def _labelled(frame: pd.DataFrame, labels: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with columns in front that identify its run."""
    typed = pd.DataFrame([dict(labels)])  # also a table without rows has columns of their types
    front = typed.loc[[0] * len(frame)].set_index(frame.index)
    return pd.concat([front, frame], axis=1)


def parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as a Parquet file of one row group; the same table gives the same bytes."""
    return parquet_of(arrow(frame))


def arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a table as Arrow has it; a column without any value is one of text, as it is where there are some."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    text = [pa.field(part.name, pa.string()) if pa.types.is_null(part.type) else part for part in table.schema]
    return table.cast(pa.schema(text))


def parquet_of(table: pa.Table) -> bytes:
    """Return an Arrow table as a Parquet file of one row group."""
    sink = pa.BufferOutputStream()
    rows = max(1, len(table))
    # With checksums, a file that has changed on the disk is not taken for what was written.
    pq.write_table(table, sink, compression="zstd", row_group_size=rows, write_page_checksum=True)
    return bytes(sink.getvalue().to_pybytes())


def peak_memory_gb() -> float:
    """Return the most memory this process has held; NaN where the system does not say. [GB]"""
    if resource is None:
        return float("nan")
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
