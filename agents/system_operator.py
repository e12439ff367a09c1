"""System operator of the main grid: takes bids, meters the tie line, charges imbalances."""

import mesa
import numpy as np

from sim.market.imbalance import imbalance_cost
from sim.messages import Settlement, Submission
from sim.model import MarketModel
from sim.profiles import HOURS_PER_DAY
from sim.recorder import SYSTEM_OPERATOR


class SystemOperator(mesa.Agent):  # type: ignore[misc]
    """System operator that settles by the study's imbalance rule, the object the bid was optimised with."""

    name = SYSTEM_OPERATOR

    def __init__(self, model: MarketModel) -> None:
        super().__init__(model)
        self._capacity_mw = model.instance.grid.tie_line.max_s_mva
        self._rule = model.instance.rule
        self._prices = model.instance.step_prices

    def review(self, submission: Submission) -> str:
        """Return the reason why a bid is refused, empty if it is accepted; a refused one counts as zero."""
        if self.model.hour != 1:
            return f"late: gate closure has passed, it is hour {self.model.hour}"
        bid = np.asarray(submission.bid_mw, dtype=np.float64)
        if bid.shape != (HOURS_PER_DAY,):
            return f"wrong length: {bid.size} values, a bid has {HOURS_PER_DAY}"
        if not np.isfinite(bid).all():
            return f"not finite in hour {int(np.flatnonzero(~np.isfinite(bid))[0]) + 1}"
        worst = int(np.abs(bid).argmax())
        if abs(bid[worst]) > self._capacity_mw:
            return f"hour {worst + 1}: {bid[worst]:.3f} MW is above the tie line's capacity of {self._capacity_mw} MW"
        return ""

    def settle(self, bid_mw: float, metered_mw: float, *, hour: int) -> Settlement:
        """Return the settlement of a metered hour."""
        over_price, under_price = (prices[[hour - 1]] for prices in self._prices)
        lower, upper = self._rule.limits([bid_mw])
        over, under = self._rule.energies([bid_mw], [metered_mw])
        return Settlement(
            bid_mw=bid_mw,
            metered_mw=metered_mw,
            lower_mw=float(lower[0, 0]),
            upper_mw=float(upper[0, 0]),
            over_mwh=float(over[0, 0]),
            under_mwh=float(under[0, 0]),
            penalty=float(imbalance_cost((over, under), (over_price, under_price))[0]),
        )
