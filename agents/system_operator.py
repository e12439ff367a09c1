"""System operator of the main grid: takes bids, meters the tie line, charges imbalances."""

import mesa
import numpy as np

from sim.market.imbalance import imbalance_cost
from sim.messages import Settlement, Submission
from sim.model import MarketModel
from sim.recorder import SYSTEM_OPERATOR


class SystemOperator(mesa.Agent):  # type: ignore[misc]
    """System operator that settles by the study's imbalance rule, the object the bid was optimised with."""

    name = SYSTEM_OPERATOR

    def __init__(self, model: MarketModel) -> None:
        super().__init__(model)
        self._capacity_mw = model.instance.grid.tie_line.max_s_mva
        self._rule = model.instance.rule
        self._calendar = model.instance.calendar
        self._flows_mw: list[float] = []

    def review(self, submission: Submission) -> str:
        """Return the reason why a bid is refused, empty if it is accepted; a refused one counts as zero."""
        if self.model.period != 1:
            return f"late: gate closure has passed, it is hour {self.model.hour:g}"
        bid = np.asarray(submission.bid_mw, dtype=np.float64)
        today, calendar = self.model.today, self._calendar
        if bid.shape != (today.steps,):
            return f"wrong length: {bid.size} values, a bid has {today.steps}"
        if not np.isfinite(bid).all():
            return f"not finite in hour {calendar.hour_of(int(np.flatnonzero(~np.isfinite(bid))[0]) + 1):g}"
        worst = int(np.abs(bid).argmax())
        if abs(bid[worst]) > self._capacity_mw:
            hour = calendar.hour_of(worst + 1)
            return f"hour {hour:g}: {bid[worst]:.3f} MW is above the tie line's capacity of {self._capacity_mw} MW"
        other = np.flatnonzero(bid != bid[:: calendar.market_steps].repeat(calendar.market_steps))
        if len(other):
            hour = calendar.hour_of(int(other[0]) + 1)
            return f"hour {hour:g}: {bid[other[0]]:.3f} MW is not the bid of its market period"
        return ""

    def settle(self, bid_mw: float, metered_mw: float, *, hour: int | float) -> Settlement:
        """Return the settlement of a metered step; energies are compared at the end of a settlement period."""
        calendar, now = self._calendar, round(hour * self._calendar.steps_per_hour) - 1
        over_price, under_price = (prices[[now]] for prices in self.model.today.step_prices)
        lower, upper = self._rule.limits([bid_mw])
        self._flows_mw.append(metered_mw)
        ends = (now + 1) % calendar.settlement_steps == 0
        mean_mw, length_h = sum(self._flows_mw) / len(self._flows_mw), calendar.settlement_period_h if ends else 0.0
        if ends:
            self._flows_mw.clear()
        over, under = self._rule.energies([bid_mw], [mean_mw], step_h=length_h)
        return Settlement(
            bid_mw=bid_mw,
            metered_mw=metered_mw,
            lower_mw=float(lower[0, 0]),
            upper_mw=float(upper[0, 0]),
            over_mwh=float(over[0, 0]),
            under_mwh=float(under[0, 0]),
            penalty=float(imbalance_cost((over, under), (over_price, under_price))[0]),
        )
