"""Shared parts of the tests of reproductions: the files of a folder, and an evaluation that costs nothing."""

import re
from contextlib import contextmanager
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.evaluation import Evaluation
from experiments.provenance import provenance
from experiments.reproduce import evaluated_bids, sweep_runs
from experiments.scenario_outcome import Outcome
from experiments.sweeps import worker
from experiments.sweeps.command import State
from experiments.sweeps.result_store import task_of
from sim.audit.limits import count_limits
from sim.audit.report import LimitCount
from sim.market.settlement import TERMS
from sim.messages import Submission

ITEMS = ["fig4", "fig5", "fig6", "fig7", "fig8", "table5"]
RESULTS = {".csv", ".md", ".tex", ".pdf", ".svg", ".png"}


def results(folder):
    """Return the bytes of all tables and figures in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in RESULTS}


def assert_drawn(path):
    """Assert that a figure is stored as PNG, PDF, and SVG in which every name is given once."""
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    ids = re.findall(r'\bid="([^"]*)"', path.with_suffix(".svg").read_text(encoding="utf-8"))
    assert len(ids) == len(set(ids))


def evaluated(instance, scenarios, *, by, workers, progress=lambda done: None):
    """Return an evaluation whose money hangs on study and scenario alone."""
    seed = int(sha256(instance.study.model_dump_json().encode()).hexdigest()[:8], 16)
    rng, outcomes = np.random.default_rng(seed), []
    for k in range(len(scenarios)):
        outcomes.append(
            Outcome(
                terms=dict(zip(TERMS, rng.normal(0, 50, len(TERMS)).tolist(), strict=True)),
                energy_mwh=dict.fromkeys(("bid", "metered", "imbalance"), 0.0),
                metered_mw=np.zeros(24),
                loss_mw=np.full(24, 0.1),
                vm_pu=np.ones((24, 2)),
                limits=count_limits([]) | {"voltage": LimitCount(1, 0.01, "p.u.")},
                certificate={"cone_gap": 1e-6},
            )
        )
        progress(k + 1)
    bids = Submission(bid_mw=np.zeros(24), strategy="x", battery_p_mw=np.zeros((24, 1)), note="went wrong")
    return Evaluation(submission=bids, scenarios=scenarios, outcomes=outcomes)


class Scenarios(SimpleNamespace):
    """So many scenarios of a day without demand."""

    def __len__(self):
        return len(self.probability)


def simulated_here(plan, store, *, workers, retry_failed, quiet):
    """Simulate the runs that a store lacks in this process."""
    with store.locked():
        store.prepare(plan)
        for run in State.of(plan, store).left:
            product = worker.perform(task_of(run, outputs=plan.sweep.outputs, versions=provenance()))
            assert product.error == "", product.traceback
            store.keep(run, product)


def scenarios_of(instance, on, count):
    count = count if on == "test" else instance.study.uncertainty.keep
    return Scenarios(probability=np.full(count, 1 / count), demand_mw=np.zeros((count, 24, 1)))


@contextmanager
def cheap_evaluation():
    """Evaluate bids for nothing, here and in the runs of sweeps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep_runs, "simulate_runs", simulated_here)
        for module in (evaluated_bids, worker):
            patch.setattr(module, "evaluate", evaluated)
            patch.setattr(module, "Instance", SimpleNamespace(of=lambda study: SimpleNamespace(study=study)))
            patch.setattr(module, "scenario_set", scenarios_of)
        yield


def entries_of(summary):
    """Return (letter, rule, panel, term): entry of all tables in a summary."""
    tables = summary["items"]["table5"]["tables"]
    return {
        (letter, rule, panel, term): entry
        for letter, rules in tables.items()
        for rule, panels in rules.items()
        for panel, terms in panels.items()
        for term, entry in terms.items()
    }
