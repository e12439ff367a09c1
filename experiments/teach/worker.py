"""Simulation of a study hour by hour in a process of its own, for the page."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import pandas as pd

from agents.participants import check_study, create_agents
from sim.instance import Instance
from sim.messages import Submission
from sim.model import MarketModel
from sim.study import Study

NICE = 5
"""Nice value of a process that simulates."""

_model: list[MarketModel] = []
"""Market model of this process, the one it works on."""


def begin(study: Study, bids: Submission | None = None) -> None:
    """Create the market model of a study; an earlier one is closed.

    Parameters
    ----------
    study : Study
        The study.
    bids : Submission, optional
        Its bids, if they were computed before.

    Raises
    ------
    StudyError
        If it can't be run.
    """
    end()
    if hasattr(os, "nice") and os.nice(0) < NICE:  # the server, which answers the browsers, goes first
        os.nice(NICE)
    instance = Instance.of(study)
    check_study(instance)
    _model.append(MarketModel(instance, partial(create_agents, fixed=bids)))


def simulate_hour() -> dict[str, pd.DataFrame]:
    """Simulate the next hour and return all records so far."""
    _model[0].step()
    return _model[0].ledger.frames()


def bids() -> Submission:
    """Return the bids of the day that is simulated."""
    operator: Any = _model[0].participants.operator
    submission: Submission = operator.submission
    return submission


def end() -> None:
    """Close the market model."""
    while _model:
        _model.pop().close()
