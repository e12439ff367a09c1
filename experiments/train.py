"""Train value functions for the policy ``learned``, and judge it beside the others on fresh days."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from agents.cast import opening_bids
from agents.dispatch.dispatcher import Dispatcher
from agents.value.functions import DOES_NOT_MATTER, ValueFunctions
from agents.value.training import Trainer
from experiments import console
from experiments.commands import print_json
from experiments.play import play
from experiments.summary import summarise
from grids.network import FloatArray
from sim.errors import StudyError
from sim.messages import Submission
from sim.profiles import HOURS_PER_DAY
from sim.scenarios import Draw
from sim.setting import Setting
from sim.study import Study

RIVALS = ("hindsight", "receding", "learned", "myopic")
"""Policies that are judged, the one that knows everything first."""

NORMAL_95 = 1.96


def train_study(study: Study, *, out: Path, samples: int, rounds: int, test_days: int, as_json: bool) -> None:
    """Train, write the functions, judge them, and print what came of it."""
    if out.exists():
        raise StudyError(f"--out {out}: exists already; nothing is overwritten, give another file")
    if not out.parent.is_dir():
        raise StudyError(f"--out {out}: there is no folder {out.parent}")
    setting = Setting.of(study.model_copy(update={"days": 1}))
    start = perf_counter()
    with console.status("bidding", quiet=as_json):
        submission = opening_bids(setting, Dispatcher.of(setting))
    trainer = Trainer(setting, submission.bid_mw, samples=samples, rounds=rounds)
    with console.progress("training", total=rounds * (HOURS_PER_DAY - 1), quiet=as_json) as report:
        functions = trainer.train(report)
    seconds = {"train": perf_counter() - start}
    _write(functions, out)
    summary: dict[str, Any] = {
        "study": study.name,
        "seed": study.seed,
        "file": str(out),
        "stores": len(functions.slopes),
        "samples": samples,
        "rounds": rounds,
        "seconds": seconds,
    }
    if test_days:
        with console.progress("judging", total=test_days * len(RIVALS), quiet=as_json) as report:
            summary["judged"] = judge(setting, submission, out, test_days, report)
        seconds["judge"] = perf_counter() - start - seconds["train"]
    if as_json:
        print_json(summary)
    else:
        console.show_training(summary)


def _write(functions: ValueFunctions, out: Path) -> None:
    provenance = {"tieline": version("tieline"), "does_not_matter": [*DOES_NOT_MATTER], **functions.provenance}
    ValueFunctions(slopes=functions.slopes, provenance=provenance).write(out)


@dataclass(frozen=True, eq=False)
class _Played:
    """What a policy made of the test days: cost of each, and seconds for an hour."""

    cost: FloatArray
    seconds_per_hour: float


def judge(
    setting: Setting, submission: Submission, trained: Path, days: int, progress: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Return what every policy costs on fresh days, and its paired difference to hindsight.

    Parameters
    ----------
    setting : Setting
        The built study.
    submission : Submission
        The bids, the same for all.
    trained : Path
        The value functions.
    days : int
        Test days.
    progress : callable
        Called before every day.
    """
    played = {name: _play(setting, submission, trained, name, days, progress) for name in RIVALS}
    best = played[RIVALS[0]].cost
    judged = {}
    for name, one in played.items():
        gap = one.cost - best
        judged[name] = {
            "cost": float(one.cost.mean()),
            "gap": float(gap.mean()),
            "gap_95": float(NORMAL_95 * gap.std(ddof=1) / np.sqrt(days)) if days > 1 else float("nan"),
            "gap_percent": float(100 * gap.mean() / abs(best.mean())),
            "seconds_per_hour": one.seconds_per_hour,
        }
    return judged


def _play(
    setting: Setting,
    submission: Submission,
    trained: Path,
    policy: str,
    days: int,
    progress: Callable[[str], None],
) -> _Played:
    study = setting.study.model_copy(update={"policy": policy, "trained": str(trained.resolve())})
    chosen = Setting.of(study)
    test = chosen.draw(Draw.TEST, days)
    dispatcher = Dispatcher.of(chosen)
    costs, seconds = [], 0.0
    for day in range(days):
        progress(f"{policy}, day {day + 1}")
        run = play(chosen, actual=[test.subset(day)], fixed=submission, dispatcher=dispatcher)
        seconds += run.seconds["dispatch"]
        costs.append(cost_of(summarise(run)))
    return _Played(np.array(costs), seconds / (days * HOURS_PER_DAY))


def cost_of(summary: dict[str, Any]) -> float:
    """Return what a run cost operator and microgrids together: transfers between them cancel. [$]"""
    if "costs" in summary:
        return float(summary["costs"]["total"])
    return float(summary["terms"]["revenue"] - summary["terms"]["profit"])
