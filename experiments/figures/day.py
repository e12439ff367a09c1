"""Figure of one day of a run on one page: bid and flow, prices, power, storage, voltages, money."""

from collections import Counter
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.balance import balance_panel
from experiments.figures.market import price_panel, tie_line_panel
from experiments.figures.money import money_panel
from experiments.figures.page import LIMITS_KEPT, QUIET, DaySteps, Page, hour_axis, title_of_day, who_decides
from experiments.figures.storage import soc_panel
from experiments.figures.style import house_style
from experiments.figures.voltage import limits_of, voltage_panel
from sim.audit import LIMITS, AuditReport, audit, counts_in_words
from sim.study import Study

HEIGHTS = {"tie_line": 1.7, "price": 0.95, "balance": 2.0, "soc": 1.35, "voltage": 2.75, "money": 1.4}
"""Heights of the panels, from top to bottom. [inch]"""
GAP, APART = 0.42, {list(HEIGHTS).index("money"): 0.30}
"""Room between panels, and more of it above the money. [inch]"""


def day_figure(
    tables: Mapping[str, pd.DataFrame],
    study: Mapping[str, Any],
    *,
    day: int = 1,
    verdict: AuditReport | None = None,
) -> Figure:
    """Return one day of a run as a figure.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run, as :func:`sim.ledger.read_tables` returns it.
    study : mapping
        The study of the run, as read from its ``study.yaml``.
    day : int
        Market day, counted from 1.
    verdict : AuditReport, optional
        The audit of the run; made here if it isn't at hand.

    Raises
    ------
    ValueError
        If the day is not in the tables.
    """
    days = tables["settlements"]["day"]
    if day not in set(days):
        raise ValueError(f"day {day} is not in the tables: they hold days {days.min()} to {days.max()}")
    today = {name: _rows_of(frame, day) for name, frame in tables.items()}
    described = Study.model_validate(dict(study))
    steps = DaySteps(described.calendar, day)
    with house_style():
        page = Page(list(HEIGHTS.values()), gap=GAP, apart=APART)
        panels = page.column(list(HEIGHTS))
        tie_line_panel(panels["tie_line"], today["settlements"], today["bids"], steps)
        price_panel(panels["price"], today["market"], steps)
        balance_panel(panels["balance"], today["dispatch"], today["settlements"], today["trades"], steps)
        soc_panel(panels["soc"], today["dispatch"], today["units"], _soc_before(tables, day), steps)
        limits = limits_of(described, today["buses"])
        voltage_panel(panels["voltage"], today["buses"], today["branches"], limits, steps)
        money_panel(panels["money"], today["payments"], today["books"], today["units"])
        for name in panels:
            if name != "money":
                hour_axis(panels[name], steps, named=name == "voltage")
        broken = limits_in_words(verdict or audit(tables, study), steps.name, day)
        about = shorten(described.description, 140, placeholder=" …")
        who = who_decides(described, today)
        page.heading(title_of_day(described, day), who, (about, QUIET), (broken, LIMITS_KEPT))
    return page.figure


def _rows_of(frame: pd.DataFrame, day: int) -> pd.DataFrame:
    return frame[frame["day"] == day].reset_index(drop=True) if "day" in frame else frame


def _soc_before(tables: Mapping[str, pd.DataFrame], day: int) -> pd.Series:
    """Return the SOC of each battery when the day begins."""
    units, dispatch = tables["units"], tables["dispatch"]
    before = dispatch[(dispatch["day"] == day - 1) & (dispatch["kind"] == "battery")]
    if before.empty:
        return units[units["kind"] == "battery"].set_index("unit")["start_soc"]
    return before[before["hour"] == before["hour"].max()].set_index("unit")["soc"]


def limits_in_words(verdict: AuditReport, step_name: str, day: int | None = None) -> str:
    """Return the numbers of limits not kept, on a day or on all, in words, as the audit counts them."""
    found = Counter(
        one.check for one in (*verdict.findings, *verdict.limit_violations) if day is None or one.day == day
    )
    counts = {name: sum(found[check] for check in limit.checks) for name, limit in LIMITS.items()}
    return counts_in_words(counts, step_name) or "all limits kept"
