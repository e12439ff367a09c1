"""Agents broken in every way: they raise, say NaN, never answer; and models of a quick day with them."""

from dataclasses import replace
from functools import partial
from threading import Event

import numpy as np

from agents.participants import create_agents
from sim.messages import Submission
from sim.model import MarketModel

gate = Event()
"""Open at the end of a test, so that whoever never answers ends."""


class Panic(BaseException):
    """Panic as a Rust library raises it: no Exception."""


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


def never(*_, **__):
    gate.wait(60)
    raise RuntimeError("far too late")


def instance_of(instance, **search):
    """Return an instance of a day that is quick to simulate, with other time limits."""
    study = instance.study
    few = study.uncertainty.model_copy(update={"scenarios": 10, "keep": 2})
    chosen = {"policy": "myopic", "uncertainty": few, "search": study.search.model_copy(update=search)}
    return replace(instance, study=study.model_copy(update=chosen))


def model_of(instance, policy="myopic", **search):
    instance = instance_of(instance, **search)
    instance = replace(instance, study=instance.study.model_copy(update={"policy": policy}))
    schedule = np.zeros((24, len(instance.grid.batteries)))
    schedule[3], schedule[18] = -0.05, 0.05
    fixed = Submission(bid_mw=np.ones(24), strategy="anm_aware", battery_p_mw=schedule)
    return MarketModel(instance, partial(create_agents, fixed=fixed))
