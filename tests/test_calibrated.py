"""Worth of scenarios from past errors: bids from them cost less in penalties than bids from normal ones."""

import numpy as np
import pytest

import tieline as tl
from experiments.scenario_scores import NORMAL, OWN

pytestmark = pytest.mark.long


def caiso(deviation, bid):
    """Penalty per $/MWh: 25 % beyond 5 %, of under-scheduling 100 % and of over-scheduling 50 % beyond 10 %."""
    short, long = np.maximum(deviation, 0), np.maximum(-deviation, 0)
    tiers = [(0.25, 0.75, short), (0.25, 0.25, long)]
    return sum(a * np.maximum(x - 0.05 * bid, 0) + b * np.maximum(x - 0.1 * bid, 0) for a, b, x in tiers)


def bids(scenarios):
    """Bid of each hour with the least expected penalty, among quantiles of the scenarios."""
    offers = np.quantile(scenarios, np.linspace(0.02, 0.98, 49), axis=0)
    expected = caiso(scenarios[None] - offers[:, None], np.abs(offers[:, None])).mean(axis=1)
    return offers[expected.argmin(axis=0), np.arange(scenarios.shape[1])]


def test_bids_from_past_errors_cost_less():
    study = tl.load_study("microgrid33-year").change({"calendar.first_day": "2015-08-15", "days": 150})
    found = tl.score_scenarios(study, samples=150)
    cost = {}
    for source in (OWN, NORMAL):
        made = [bids(day["net"]) for day in found.drawn[source]]
        happened = [day["net"][0] for day in found.actual]
        cost[source] = np.array([caiso(x - b, np.abs(b)).sum() for x, b in zip(happened, made, strict=True)])
    saved = cost[NORMAL] - cost[OWN]
    assert saved.mean() > 2 * saved.std() / np.sqrt(len(saved))
    assert saved.mean() > 0.02 * cost[NORMAL].mean()
