"""Results of a run for other programs: tidy tables as CSV, bids in the layout of a market file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from grids.documents import in_short
from sim.calendar import Calendar
from sim.errors import StudyError

if TYPE_CHECKING:
    from experiments.simulate import Run

EXPORTS = ("csv", "bids")
"""Names of the exports: all tables, or the bids as a market file."""


def check_exports(asked: Sequence[str]) -> None:
    """Refuse what can't be exported.

    Raises
    ------
    StudyError
        If there is no such export.
    """
    for one in asked:
        if one not in EXPORTS:
            raise StudyError(f"--export {in_short(one)}: use {' or '.join(EXPORTS)}")


def write_exports(run: "Run", folder: Path, asked: Sequence[str]) -> list[Path]:
    """Write exports of a run into a folder, and return the files.

    Parameters
    ----------
    run : Run
        The run.
    folder : Path
        The folder, which is there.
    asked : sequence of str
        Names out of `EXPORTS`.
    """
    files = []
    for one in dict.fromkeys(asked):
        frames = {"bids_market": market_file(run)} if one == "bids" else run.tables
        for name, frame in frames.items():
            if len(frame):
                files.append(folder / f"{name}.csv")
                frame.to_csv(files[-1], index=False, lineterminator="\n")
    return files


def market_file(run: "Run") -> pd.DataFrame:
    """Return the bids in the layout of a market file: a row for each market period.

    Returns
    -------
    DataFrame
        ``day``, ``interval_start`` and ``interval_end`` (ISO 8601, with the zone's offset if there is one; the time of
        the day where days have no dates), ``quantity_mw`` (positive for import), ``direction`` (buy or sell) and
        ``accepted``.

    Examples
    --------
    >>> import tieline as tl
    >>> day = tl.run("microgrid33", bidding="basic", policy="none", scenarios=10, keep=2)
    >>> from experiments.export import market_file
    >>> market_file(day).loc[0, ["interval_start", "interval_end", "direction"]].tolist()
    ['00:00', '01:00', 'buy']
    """
    calendar = run.study.calendar
    parts = [_day(calendar, int(day), bids) for day, bids in run.tables["bids"].groupby("day")]
    return pd.concat(parts, ignore_index=True)


def _day(calendar: Calendar, day: int, bids: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a day."""
    periods = calendar.market_periods(day)
    first = np.flatnonzero(np.diff(periods, prepend=-1))
    chosen = bids.sort_values("hour").iloc[first]
    bid_mw = chosen["bid_mw"].to_numpy()
    columns: Mapping[str, object] = {
        "day": day,
        **dict(zip(("interval_start", "interval_end"), _ends(calendar, day, first), strict=True)),
        "quantity_mw": bid_mw,
        "direction": np.where(bid_mw >= 0, "buy", "sell"),
        "accepted": chosen["accepted"].to_numpy(),
    }
    return pd.DataFrame(columns)


def _ends(calendar: Calendar, day: int, first: "np.typing.NDArray[np.int64]") -> tuple[list[str], list[str]]:
    """Return the beginnings and ends of market periods, whose first steps are given."""
    bounds = np.append(first, calendar.steps(day))
    if calendar.first_day is not None:
        times = calendar.times(day)
        step = times[1] - times[0]
        marks = [time.isoformat() for time in (*times[first], times[-1] + step)]
    else:
        minutes = np.rint(60 * calendar.step_h * bounds).astype(np.int64)
        marks = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in minutes.tolist()]
    return marks[:-1], marks[1:]
