"""Runs simulated for the audit, and copies of them with a table, a cell or a value of the study changed."""

import json
from collections.abc import Collection
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from conftest import STUDIES

from agents.participants import create_agents
from sim.audit import AuditReport, audit
from sim.audit.inputs import Inputs
from sim.inputs import inputs_of
from sim.instance import Instance
from sim.messages import Submission
from sim.model import MarketModel
from sim.study import Study
from sim.study_file import read_study, write_study

SMALL = ("uncertainty.scenarios=10", "uncertainty.keep=2")
NOON = {"day": 1, "hour": 12}


@lru_cache(maxsize=32)
def inputs_for(document: str) -> Inputs:
    """Return what a study, written as JSON, begins with."""
    return inputs_of(Instance.of(Study.model_validate_json(document)))


class Run(NamedTuple):
    """Stored records of a run: study, tables, summary."""

    tables: dict[str, pd.DataFrame]
    study: dict[str, Any]

    def audit(self) -> AuditReport:
        try:
            inputs = inputs_for(json.dumps(self.study))
        except ValueError as error:  # an instance that no study can have
            return audit(self.tables, self.study, str(error))
        return audit(self.tables, self.study, inputs)

    def changed(self, table: str, frame: pd.DataFrame) -> "Run":
        return self._replace(tables={**self.tables, table: frame})

    def with_cell(self, table: str, row: int, column: str, value: object) -> "Run":
        frame = self.tables[table].copy()
        frame[column] = frame[column].astype(object) if isinstance(value, str) else frame[column]
        frame.loc[row, column] = value
        return self.changed(table, frame)

    def recorded_as(self, status: str) -> "Run":
        return self.changed("decisions", self.tables["decisions"].assign(status=status))

    def with_instance(self, path: str, value: object) -> "Run":
        study = yaml.safe_load(yaml.safe_dump(self.study))
        node = study
        *parents, last = path.split(".")
        for key in parents:
            node = node[int(key) if isinstance(node, list) else key]
        node[last] = value
        return self._replace(study=study)


def simulate(name: str, *overrides: str, fixed: Submission | None = None) -> Run:
    study = read_study(STUDIES / f"{name}.yaml", (*SMALL, *overrides))
    model = MarketModel(Instance.of(study), partial(create_agents, fixed=fixed))
    model.run_days(study.days)
    return Run(model.ledger.frames(), yaml.safe_load(write_study(study)))


def row_of(frame: pd.DataFrame, which: dict[str, object]) -> int:
    chosen = np.all([frame[column] == value for column, value in which.items()], axis=0)
    return int(frame.index[chosen][0])


def unguarded(run: Run, table: str, given: Collection[str] = ()) -> list[str]:
    """Return the columns of a table, but for those that are given, of which another number passes the audit."""
    frame, rng, found = run.tables[table], np.random.default_rng(7), []
    for column in frame.columns.difference(list(given)):
        if frame[column].dtype.kind not in "if":
            continue
        row = int(rng.choice(frame.index[frame[column].notna()]))
        other = frame[column].max() + 1 if frame[column].dtype.kind == "i" else frame.loc[row, column] + 0.37
        if run.with_cell(table, row, column, other).audit().clean:
            found.append(f"{column}, row {row}")
    return found
