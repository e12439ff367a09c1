"""The one door to the dispatch problem: a situation in, a plan out. Compiled models and programs are kept."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from agents.dispatch.compiled import CompiledModel
from agents.dispatch.first_stage import BidRange
from agents.dispatch.horizon import Behind, Horizon
from agents.dispatch.hour import compiled_hour
from agents.dispatch.plan import Plan
from agents.dispatch.program import InfeasibleError
from agents.dispatch.search.branching import DirectionSearch, Effort, ac_repair
from agents.dispatch.search.price_bound import PriceBound, hourly_wear
from agents.dispatch.situation import Signs, Situation
from grids.network import Grid
from sim.imbalance import ImbalanceRule
from sim.messages import Coordination, Knowledge, Schedule
from sim.risk import Risk
from sim.scenarios import ScenarioSet
from sim.setting import Setting
from sim.settlement import Tariff

if TYPE_CHECKING:
    from agents.value.functions import ValueFunctions


class Dispatcher:
    """Solves dispatch problems on one grid under one tariff and rule.

    Parameters
    ----------
    grid, tariff, rule : Grid, Tariff, ImbalanceRule
        What the hour model is made of.
    effort : Effort, optional
        How far bids are to be proven.
    risk : Risk, optional
        How much bad days count in the bid.
    progress : callable, optional
        Called with a line of text now and then while a long problem is solved.
    """

    def __init__(
        self,
        grid: Grid,
        tariff: Tariff,
        rule: ImbalanceRule,
        *,
        effort: Effort | None = None,
        risk: Risk | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.grid, self.tariff, self.rule = grid, tariff, rule
        self.effort, self.risk = effort or Effort(), risk or Risk()
        self.progress = progress or (lambda _: None)
        self._hours: dict[object, CompiledModel] = {}
        self._horizons: dict[object, Horizon] = {}
        self._bidding: tuple[object, Horizon | None] = (None, None)

    @classmethod
    def of(cls, setting: Setting, *, progress: Callable[[str], None] | None = None) -> "Dispatcher":
        """Return the dispatcher of a study's setting."""
        search = setting.study.search
        effort = Effort(
            gap=search.gap,
            time_limit_s=math.inf if search.time_limit_s is None else search.time_limit_s,
            solver_time_limit_s=search.solver_time_limit_s,
        )
        risk = setting.study.risk
        return cls(setting.grid, setting.tariff, setting.rule, effort=effort, risk=risk, progress=progress)

    def renewed(self) -> "Dispatcher":
        """Return another one for the same problems, where somebody who was given up still uses this one."""
        return Dispatcher(
            self.grid, self.tariff, self.rule, effort=self.effort, risk=self.risk, progress=self.progress
        )

    def compiled_hour(
        self,
        network: str = "branch_flow",
        *,
        elastic: bool = False,
        demand_peak: float | None = None,
        tariff: Tariff | None = None,
    ) -> CompiledModel:
        """Return the compiled hour model, by default under the dispatcher's own tariff."""
        key = (network, elastic, demand_peak, None if tariff is None else tariff.model_dump_json())
        if key not in self._hours:
            self._hours[key] = compiled_hour(
                self.grid, tariff or self.tariff, self.rule, network=network, elastic=elastic, demand_peak=demand_peak
            )
        return self._hours[key]

    def demand_peak(self, situation: Situation, network: str) -> float | None:
        """Return the largest demand relative to nominal, rounded up, if losses may pay; nothing if they don't.

        Where energy has a price below zero and its loss a smaller value, the relaxation burns more than any line can;
        bounds on the currents then are worth their time. They count on microgrids that keep their limits.
        """
        pays = situation.price_per_mwh.min() < 0 and self.tariff.loss_factor < 1
        if network != "branch_flow" or not pays or self._exceeds_limits(situation):
            return None
        nominal = self.grid.load_p_mw
        relative = np.divide(
            situation.demand_mw.max(axis=(0, 1)), nominal, out=np.zeros_like(nominal), where=nominal > 0
        )
        return math.ceil(float(relative.max(initial=0.0)) / PEAK_STEP) * PEAK_STEP

    def _exceeds_limits(self, situation: Situation) -> bool:
        """Return whether microgrids are given an exchange beyond what was announced at connection."""
        limits = np.array([port.exchange_limits() for port in self.grid.ports]).reshape(-1, 2).T
        given = zip((situation.exchange_p_mw, situation.exchange_q_mvar), limits, strict=True)
        return any(exchange is not None and bool((np.abs(exchange) > limit).any()) for exchange, limit in given)

    def plan(
        self,
        situation: Situation,
        *,
        network: str = "branch_flow",
        within: BidRange | None = None,
        effort: Effort | None = None,
    ) -> Plan:
        """Return the best plan; where no plan meets all limits, the one that violates them least.

        Parameters
        ----------
        situation : Situation
            Scenarios, prices and state; with `within`, the bids are decided within that range.
        network : {"branch_flow", "copper_plate"}
            AC network or one bus.
        effort : Effort, optional
            How hard to search for the best directions.

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        effort = effort or self.effort
        try:
            horizon, repair = self.horizon(situation, network=network, within=within), None
            if network == "branch_flow" and not self.grid.ports:
                repair = ac_repair(self.grid, self.tariff, self.rule, situation, self.progress)
            search = DirectionSearch(self.grid, self.rule, horizon, situation, repair)
            if within is None or self.grid.ports:  # hours with stores of microgrids can't be priced one by one yet
                return search.run(effort)
            return search.run(effort, self.price_bound(situation, within, network))
        except InfeasibleError:
            horizon = self.horizon(situation, network=network, within=within, elastic=True)
            return DirectionSearch(self.grid, self.rule, horizon, situation).run(effort)

    def look_ahead(self, knowledge: Knowledge) -> None:
        """Let whoever else decides look at the coming hours of the day; here, nobody does."""

    def look_a_day_ahead(self, scenarios: ScenarioSet) -> None:
        """Let whoever else decides look at scenarios of the coming day; here, nobody does."""

    def value_by(self, functions: "ValueFunctions | None") -> None:
        """Let whoever else decides value what its stores hold after a single hour; here, nobody does."""

    def retail_schedule(self) -> tuple[Schedule, Coordination] | None:
        """Return what microgrids do at the retail price if nobody coordinates them; nothing if there are none."""
        return None

    def relaxed(self, situation: Situation, signs: Signs, *, network: str, within: BidRange | None) -> Plan:
        """Return the optimum with directions as they are, of the relaxation where they are open; nothing is searched.

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        try:
            return self.horizon(situation, network=network, within=within).solve(situation, signs)
        except InfeasibleError:
            return self.horizon(situation, network=network, within=within, elastic=True).solve(situation, signs)

    def price_bound(self, situation: Situation, within: BidRange, network: str) -> PriceBound:
        """Return what bounds a bidding problem at the prices of its plans."""
        peak = self.demand_peak(situation, network)
        hour = self.compiled_hour(network, demand_peak=peak, tariff=hourly_wear(self.tariff))
        return PriceBound(self.grid, hour, self.tariff, situation, within)

    def horizon(
        self, situation: Situation, *, network: str, within: BidRange | None, elastic: bool = False
    ) -> Horizon:
        """Return the program for a situation's shape; those with given bids are kept for the next time.

        Of those that decide bids the last is kept, if it isn't large: another day's bids mostly differ in vectors.
        """
        peak = None if elastic else self.demand_peak(situation, network)
        hour = self.compiled_hour(network, elastic=elastic, demand_peak=peak)
        scenarios, hours = situation.shape
        behind = Behind.of(situation)
        shape = (network, elastic, peak, scenarios, hours, behind)

        def new() -> Horizon:
            return Horizon(
                self.grid,
                hour,
                scenarios=scenarios,
                hours=hours,
                within=within,
                behind=behind,
                time_limit_s=self.effort.solver_time_limit_s,
            )

        if within is not None and behind.kind != "offers":
            kept_shape, kept = self._bidding
            if kept is None or kept_shape != shape or not kept.move(within):
                kept = new()
                self._bidding = (shape, kept) if kept.program.column_count <= KEPT_COLUMNS else (None, None)
            return kept
        key = (*shape, None if within is None else within.key)
        if key not in self._horizons:
            self._horizons[key] = new()
        return self._horizons[key]


PEAK_STEP = 0.25
"""To what the largest demand is rounded up, so that few models are compiled."""

KEPT_COLUMNS = 100_000
"""Columns of the largest program for bids that is kept; ten scenarios of 33 buses have half as many and take 25 MB."""
