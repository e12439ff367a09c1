"""All scenarios without reduction: they meet only in 24 bids, so bundles of them are solved side by side.

A bundle answers two questions. *At given bids, what do you cost, and how does that change with the bids?* Added up,
that is a feasible answer and a cut. *If bids had this price, which would you choose?* Added up over prices that sum to
zero, that is a bound (Lagrangian), and a cut as well. A small linear program over all cuts, one variable for each
bundle, gives the bound on the whole and, projected towards the best bids so far, the next bids to try: a multi-cut
level bundle method (Lemaréchal, Nemirovskii and Nesterov 1995, https://doi.org/10.1007/BF01585555). Memory holds one
bundle for each worker, however many scenarios there are.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from agents.dispatch.branching import DirectionSearch, Effort
from agents.dispatch.certificate import Certificate, certify
from agents.dispatch.compiled import CompiledModel, compile_model
from agents.dispatch.first_stage import BidRange
from agents.dispatch.horizon import Horizon
from agents.dispatch.hour import hour_model
from agents.dispatch.situation import Signs, Situation
from grids.batch_power_flow import BatchPlant
from grids.network import FloatArray, Grid
from sim.imbalance import ImbalanceRule
from sim.settlement import Tariff


@dataclass(frozen=True, eq=False, kw_only=True)
class BundleTask:
    """A question to a bundle of scenarios.

    Attributes
    ----------
    situation : Situation
        The bundle's scenarios with their share of the probability; with `bid_mw`, the bids are given.
    within : BidRange
        Range of the bids.
    bid_price_per_mw : array, shape (24,), or None
        With free bids: what a bid costs on top. [$/MW]
    """

    situation: Situation
    within: BidRange
    bid_price_per_mw: FloatArray | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class BundleAnswer:
    """The answer: a cut on the bundle's cost, and what came of the question.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        Bids the answer is about. [MW]
    cost : float
        The bundle's expected cost at these bids, times its share. [$]
    intercept, slope : float, array of shape (24,)
        Cut: at any bids B the bundle costs at least intercept + slope·B. [$], [$/MW]
    battery_p_mw : array, shape (24, U)
        Sum of battery schedules, weighted by probability. [MW]
    certificate : Certificate or None
        Checks of the plan against AC physics (given bids only).
    """

    bid_mw: FloatArray
    cost: float
    intercept: float
    slope: FloatArray
    battery_p_mw: FloatArray
    certificate: Certificate | None


@dataclass
class BundleSolver:
    """Answers the questions of one grid, tariff and rule; can be sent to another process.

    Attributes
    ----------
    grid, tariff, rule : Grid, Tariff, ImbalanceRule
        What the hour model is made of.
    """

    grid: Grid
    tariff: Tariff
    rule: ImbalanceRule
    _local: threading.local = field(default_factory=threading.local, repr=False)

    def __getstate__(self) -> dict[str, object]:
        return {"grid": self.grid, "tariff": self.tariff, "rule": self.rule}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _local=threading.local())

    def answer(self, task: BundleTask) -> BundleAnswer:
        """Return a bundle's answer.

        Raises
        ------
        SolverError
            If the bundle can't be solved.
        """
        return self._at_given_bids(task) if task.situation.bid_mw is not None else self._at_given_prices(task)

    def _at_given_bids(self, task: BundleTask) -> BundleAnswer:
        """Return the cost of given bids and a cut.

        Where directions are open the cost is not convex. The cut then belongs to its relaxation, the band as wide as
        the chord and the power factor of flows waived where it may be, while the cost is the true one.
        """
        situation, bid = task.situation, task.situation.bid_mw
        if bid is None:
            raise ValueError("a question at given bids needs bids")
        slope, intercept = task.within.chord()
        relaxed = replace(situation, bid_magnitude_mw=slope * bid + intercept)
        horizon = self._horizon(situation, None)
        below = horizon.solve(relaxed, Signs.unsettled(*situation.shape))
        if below.prices is None:
            raise ValueError("a cut needs prices")
        steepness = below.prices.bid_per_mw.sum(axis=0) + slope * below.prices.magnitude_per_mw.sum(axis=0)
        is_convex = not task.within.open_hours.any() and self.grid.tie_line.power_factor_reading == "import_only"
        plan = below if is_convex else DirectionSearch(self.grid, self.rule, horizon, situation).run(Effort())
        return BundleAnswer(
            bid_mw=bid,
            cost=plan.objective,
            intercept=below.bound - float(steepness @ bid),
            slope=steepness,
            battery_p_mw=np.tensordot(situation.probability, plan.set_points.battery_p_mw, axes=1),
            certificate=certify(plan, BatchPlant(self.grid)),
        )

    def _at_given_prices(self, task: BundleTask) -> BundleAnswer:
        situation, price = task.situation, task.bid_price_per_mw
        if price is None:
            raise ValueError("a question with free bids needs their prices")
        horizon = self._horizon(situation, task.within)
        plan = horizon.solve(situation, Signs.unsettled(*situation.shape), bid_price_per_mw=price)
        return BundleAnswer(
            bid_mw=plan.bid_mw,
            cost=plan.objective - float(price @ plan.bid_mw),
            intercept=plan.bound,
            slope=-price,
            battery_p_mw=np.tensordot(situation.probability, plan.set_points.battery_p_mw, axes=1),
            certificate=None,
        )

    def _horizon(self, situation: Situation, within: BidRange | None) -> Horizon:
        """Return this thread's program for a shape; the range of the bids is the same for all bundles."""
        kept: dict[object, Horizon] = self._local.__dict__.setdefault("horizons", {})
        key = (situation.shape, within is None)
        if key not in kept:
            scenarios, hours = situation.shape
            kept[key] = Horizon(self.grid, self._hour(), scenarios=scenarios, hours=hours, within=within)
        return kept[key]

    def _hour(self) -> CompiledModel:
        kept: dict[str, CompiledModel] = self._local.__dict__.setdefault("hour", {})
        if not kept:
            kept["hour"] = compile_model(hour_model(self.grid, self.tariff, self.rule))
        return kept["hour"]


def split(situation: Situation, size: int) -> list[Situation]:
    """Return a situation's scenarios in bundles of at most `size`, each with its share of the probability."""
    count = situation.shape[0]
    cuts = [slice(first, min(first + size, count)) for first in range(0, count, size)]
    return [
        situation.with_scenarios(situation.demand_mw[cut], situation.available_mw[cut], situation.probability[cut])
        for cut in cuts
    ]


def worst_certificate(certificates: Sequence[Certificate], gap: float) -> Certificate:
    """Return the worst of all bundles' checks, with the gap of the whole."""

    def worst(name: str) -> float | None:
        return max((value for c in certificates if (value := getattr(c, name)) is not None), default=None)

    return Certificate(
        cone_gap=worst("cone_gap"),
        power_flow_mismatch_mw=worst("power_flow_mismatch_mw"),
        power_flow_mismatch_pu=worst("power_flow_mismatch_pu"),
        optimality_gap=gap,
        status=max((c.status for c in certificates), key=_SEVERITY.index, default="exact"),
    )


_SEVERITY = ("no network", "exact", "repaired", "inexact", "infeasible")
