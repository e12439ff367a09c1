"""The one door to the dispatch problem: a situation in, a plan out. Compiled models and programs are kept."""

import math
from collections.abc import Callable

from agents.dispatch.branching import DirectionSearch, Effort, ac_repair
from agents.dispatch.compiled import CompiledModel, compile_model
from agents.dispatch.first_stage import BidRange
from agents.dispatch.horizon import Horizon
from agents.dispatch.hour import hour_model
from agents.dispatch.plan import Plan
from agents.dispatch.price_bound import PriceBound, hourly_wear
from agents.dispatch.program import InfeasibleError
from agents.dispatch.situation import Situation
from grids.network import Grid
from sim.imbalance import ImbalanceRule
from sim.risk import Risk
from sim.setting import Setting
from sim.settlement import Tariff


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
        self._hours: dict[tuple[str, bool], CompiledModel] = {}
        self._horizons: dict[tuple[str, bool, int, int], Horizon] = {}
        self._cut_hours: dict[str, CompiledModel] = {}

    @classmethod
    def of(cls, setting: Setting, *, progress: Callable[[str], None] | None = None) -> "Dispatcher":
        """Return the dispatcher of a study's setting."""
        search = setting.study.search
        effort = Effort(gap=search.gap, time_limit_s=math.inf if search.time_limit_s is None else search.time_limit_s)
        risk = setting.study.risk
        return cls(setting.grid, setting.tariff, setting.rule, effort=effort, risk=risk, progress=progress)

    def compiled_hour(self, network: str = "branch_flow", *, elastic: bool = False) -> CompiledModel:
        """Return the compiled hour model."""
        key = (network, elastic)
        if key not in self._hours:
            self._hours[key] = compile_model(
                hour_model(self.grid, self.tariff, self.rule, network=network, elastic=elastic)
            )
        return self._hours[key]

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
            if network == "branch_flow":
                repair = ac_repair(self.grid, self.tariff, self.rule, situation, self.progress)
            search = DirectionSearch(self.grid, self.rule, horizon, situation, repair)
            return search.run(effort, None if within is None else self.price_bound(situation, within, network))
        except InfeasibleError:
            horizon = self.horizon(situation, network=network, within=within, elastic=True)
            return DirectionSearch(self.grid, self.rule, horizon, situation).run(effort)

    def price_bound(self, situation: Situation, within: BidRange, network: str) -> PriceBound:
        """Return what bounds a bidding problem at the prices of its plans."""
        if network not in self._cut_hours:
            tariff = hourly_wear(self.tariff)
            self._cut_hours[network] = compile_model(hour_model(self.grid, tariff, self.rule, network=network))
        return PriceBound(self.grid, self._cut_hours[network], self.tariff, situation, within)

    def horizon(
        self, situation: Situation, *, network: str, within: BidRange | None, elastic: bool = False
    ) -> Horizon:
        """Return the program for a situation's shape; those with given bids are kept for the next time."""
        hour = self.compiled_hour(network, elastic=elastic)
        scenarios, hours = situation.shape
        if within is not None:
            return Horizon(self.grid, hour, scenarios=scenarios, hours=hours, within=within)
        key = (network, elastic, scenarios, hours)
        if key not in self._horizons:
            self._horizons[key] = Horizon(self.grid, hour, scenarios=scenarios, hours=hours)
        return self._horizons[key]
