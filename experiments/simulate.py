"""Simulation of a study: create its agents, simulate the days; draw, audit and store the run with its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grids.documents import in_short
from sim.errors import StudyError
from sim.instance import Instance
from sim.study import Study

if TYPE_CHECKING:  # a stored run is drawn and audited without solvers
    from matplotlib.figure import Figure

    from agents.dispatch.dispatcher import Dispatcher
    from agents.microgrid_operator import GivenBids
    from experiments.long_run import StoredDays
    from grids.power_flow import SetPoints
    from sim.audit import AuditReport
    from sim.scenarios import ScenarioSet

Progress = Callable[[str], None]
"""Callback before every hour, with the day and hour or the phase to be simulated."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Run:
    """Run of a study: its records, and money, summary, audit and figures from them.

    Attributes
    ----------
    instance : Instance
        The built study.
    tables : mapping of str to DataFrame
        The ledger: what happened in every hour, see :data:`sim.ledger.TABLES`.
    seconds : dict
        Time for ``bid``, ``dispatch``, ``power_flow`` and in ``total``.
    folder : Path or None
        Folder it was loaded from.

    Examples
    --------
    >>> import tieline as tl
    >>> day = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)
    >>> day.money.index[0], day.summary["rule"], len(day.tables["settlements"])
    ('revenue', 'case1', 24)
    >>> day.audit().clean
    True
    """

    instance: Instance
    tables: Mapping[str, pd.DataFrame]
    seconds: Mapping[str, float]
    folder: Path | None = None

    @property
    def study(self) -> Study:
        """The study."""
        return self.instance.study

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Money, limits, proofs and energies, as ``tieline run --json`` prints them."""
        from experiments.summary import summarise
        from grids.documents import read_json

        if self.folder is not None:
            return read_json(self.folder / "summary.json")
        verdict = self.audit()
        return summarise(self, verdict) | {"audit": {"clean": verdict.clean, "findings": len(verdict.findings)}}

    @property
    def money(self) -> pd.Series:
        """Revenue, costs (positive) and profit of the operator, all days together. [$]"""
        from experiments.summary import money_terms

        return pd.Series(money_terms(self.tables), name="money [$]")

    def audit(self) -> AuditReport:
        """Return the report of an independent audit of the records; of a loaded run, also of its files."""
        return self._verdict

    @cached_property
    def _verdict(self) -> AuditReport:
        from sim.audit import audit, audit_folder
        from sim.inputs import inputs_of

        if self.folder is not None:
            return audit_folder(self.folder, lambda _: inputs_of(self.instance))
        return audit(self.tables, self.study.model_dump(mode="json"), inputs_of(self.instance))

    def plot(self, figure: str = "day", *, day: int = 1, panel: str | None = None) -> Figure:
        """Return a figure of the run.

        Parameters
        ----------
        figure : str
            ``day``, ``network``, ``overview`` (of several days), or with microgrids ``exchange``, ``devices``,
            ``cars`` and ``heat``.
        day : int
            Market day, counted from 1.
        panel : str, optional
            One panel of it as a 16:9 slide, such as ``tie_line``; by default the whole page.

        Raises
        ------
        StudyError
            If there is no such figure, day or panel.

        Examples
        --------
        >>> import tieline as tl
        >>> day = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)
        >>> day.plot("day", panel="tie_line").savefig("tie_line.png")
        """
        from experiments.figures.run_figures import run_figure
        from experiments.figures.slides import slide_of

        page = run_figure(figure, self, day=day)
        return page if panel is None else slide_of(page, panel)

    def save(self, folder: str | Path | None = None, *, figures: str | None = None) -> Path:
        """Write the run into a folder as ``tieline run`` does: study, tables, summary, figures, manifest.

        Parameters
        ----------
        folder : str or Path, optional
            It must not exist; by default one below ``runs/`` named after study and changes.
        figures : {"daily", "overview", "none"}, optional
            By default a figure of every day up to a week, and else an overview.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        StudyError
            If the folder holds something already, or can't be written.

        Examples
        --------
        >>> import tieline as tl
        >>> day = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)
        >>> folder = day.save("runs/first", figures="none")
        >>> tl.Run.load(folder).money.equals(day.money)
        True
        """
        from experiments.catalog import base_study
        from experiments.run_folder import chosen_figures, new_run, write_run

        choice = chosen_figures(figures, self.study.days)
        out = None if folder is None else Path(folder)
        with new_run(out, self.study, base_study(self.study, self.study.name)) as (unfinished, target):
            write_run(self, unfinished, target, choice)
        return target

    def to_pandapower(self, *, day: int = 1, hour: float = 1) -> Any:
        """Return the network as a pandapower net: an hour's set points, and in its ``res_`` tables the power flow.

        The fleet's units are ``sgen`` and ``storage`` with pandapower's signs, its microgrids ``load``.

        Parameters
        ----------
        day : int
            Market day, counted from 1.
        hour : float
            Hour ending of the step, as in the tables.

        Raises
        ------
        StudyError
            If the run has no such hour.

        Examples
        --------
        >>> import tieline as tl
        >>> day = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)
        >>> net = day.to_pandapower(hour=12)
        >>> bus = day.tables["buses"].query("hour == 12")["vm_pu"]
        >>> bool(abs(net.res_bus.vm_pu.to_numpy() - bus.to_numpy()).max() < 1e-8)
        True
        """
        from grids.net_results import net_with_results

        chosen = {
            name: frame[(frame["day"] == day) & (frame["hour"] == hour)]
            for name in ("dispatch", "trades")
            if len(frame := self.tables[name])
        }
        if chosen["dispatch"].empty:
            raise StudyError(f"day {in_short(day)}, hour {in_short(hour)}: the run has no such hour")
        return net_with_results(self.instance.grid, _set_points(chosen, ()))

    def series(self) -> dict[str, pd.DataFrame]:
        """Return the set points of all hours as pandapower has time series: by ``table.column``, a column per element.

        Its ``ConstControl`` takes them as data of the net that `to_pandapower` returns. Storages draw, as there; the
        index is the time at which each step begins.

        Examples
        --------
        >>> import tieline as tl
        >>> series = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2).series()
        >>> sorted(series), series["sgen.p_mw"].shape
        (['load.p_mw', 'load.q_mvar', 'sgen.p_mw', 'sgen.q_mvar', 'storage.p_mw', 'storage.q_mvar'], (24, 10))
        """
        from grids.net_results import series_of_net

        times = [self.study.calendar.times(day) for day in range(1, self.study.days + 1)]
        tables = {name: frame for name in ("dispatch", "trades") if len(frame := self.tables[name])}
        return series_of_net(
            self.instance.grid, _set_points(tables, (sum(map(len, times)),)), times[0].append(times[1:])
        )

    @classmethod
    def load(cls, folder: str | Path) -> Run:
        """Return the run in a folder it was written into.

        Raises
        ------
        StudyError
            If it is none, or damaged; the message names fault and remedy.

        Examples
        --------
        >>> import tieline as tl
        >>> tl.Run.load("nowhere")
        Traceback (most recent call last):
        sim.errors.StudyError: nowhere: is not the folder of a run; tieline run STUDY --out nowhere writes one
        """
        from experiments.run_folder import read_run

        study, tables, seconds = read_run(Path(folder))
        return cls(instance=Instance.of(study), tables=tables, seconds=seconds, folder=Path(folder))

    def __repr__(self) -> str:
        study, profit = self.study, self.money["profit"]
        days = f"{study.days} day{'s' * (study.days > 1)}"
        who = f"bidding {study.bidding}, policy {study.policy}, rule {study.market.rule.name}, seed {study.seed}"
        return f"<Run of {study.name}: {days}, {who}; profit ${profit:,.2f}>"


def run(study: str | Path | Study, *, progress: Progress | None = None, **options: Any) -> Run:
    """Run a study: bid, 24 hours of ANM, settlement, day by day.

    Parameters
    ----------
    study : str, Path or Study
        Name of a packaged study, YAML file, run folder, or a study that is there already.
    progress : callable, optional
        Called before every hour with day and hour.
    **options
        Options of `load_study`: ``bidding``, ``policy``, ``coordination``, ``rule``, ``days``, ``seed``, ...

    Returns
    -------
    Run
        Money, tables, audit and figures; nothing is written.

    Raises
    ------
    StudyError
        If something is wrong in the study, or a policy of the user's own fails.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)  # doctest: +ELLIPSIS
    <Run of microgrid33: 1 day, bidding anm_aware, policy myopic, rule case1, seed 1; profit $...>
    """
    from agents.participants import check_study
    from experiments.catalog import load_study

    instance = Instance.of(load_study(study, **options))
    check_study(instance)
    return simulate(instance, progress=progress)


def simulate(
    instance: Instance,
    *,
    actual: Sequence[ScenarioSet] | None = None,
    fixed: GivenBids | None = None,
    dispatcher: Dispatcher | None = None,
    progress: Progress | None = None,
    stored: StoredDays | None = None,
) -> Run:
    """Return the records of the study's days.

    Parameters
    ----------
    instance : Instance
        The built study.
    actual : sequence of ScenarioSet, optional
        Actual course of each day; by default drawn from the seed.
    fixed : Submission or callable, optional
        Bids to submit every day instead of computing them, or what returns those of a day if they are known.
    dispatcher : Dispatcher, optional
        Dispatcher with its models compiled, to be shared between simulations of the same instance.
    progress : callable, optional
        Called before every step.
    stored : StoredDays, optional
        Where each day is stored when it ends, and its rows forgotten; the run goes on after those that are there.
    """
    from agents.participants import create_agents
    from sim.model import MarketModel

    start = perf_counter()
    model = MarketModel(instance, partial(create_agents, dispatcher=dispatcher, fixed=fixed), actual)
    try:
        if stored is not None:
            stored.resume(model)
        while (day := model.day) <= instance.study.days:
            if progress is not None:
                progress(f"day {model.day}, hour {model.hour:g}" if model.period > 1 else f"day {model.day}, bidding")
            model.step()
            if stored is not None and model.day > day:
                stored.store(day, model)
    finally:
        model.close()
    tables = model.ledger.frames() if stored is None else stored.join()
    return Run(instance=instance, tables=tables, seconds={**model.seconds, "total": perf_counter() - start})


def _set_points(tables: Mapping[str, pd.DataFrame], shape: tuple[int, ...]) -> SetPoints:
    """Return the powers of dispatch and trades of some hours as set points, shape (*shape, U)."""
    from grids.power_flow import SetPoints

    dispatch, values = tables["dispatch"], {}
    is_load, is_battery = dispatch["kind"] == "load", dispatch["kind"] == "battery"
    rows = {"load": is_load, "renewable": ~is_load & ~is_battery, "battery": is_battery}
    parts = {kind: dispatch[chosen] for kind, chosen in rows.items()}
    if "trades" in tables:
        parts["exchange"] = tables["trades"]
    for kind, frame in parts.items():
        count = len(frame) // max(int(np.prod(shape)), 1)
        for power in ("p_mw", "q_mvar"):
            values[f"{kind}_{power}"] = frame[power].to_numpy(dtype=np.float64).reshape((*shape, count))
    return SetPoints(**values)
