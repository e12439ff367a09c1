"""A bidding strategy of one's own: the basic bid, but never an export."""

from dataclasses import replace

import numpy as np

import tieline as tl


class ImportOnly:
    """Bids what the strategy basic does, and zero where that is an export."""

    def bid(self, dispatcher, problem):
        """Return the submission of the day."""
        plan = tl.strategy("basic").bid(dispatcher, problem)
        return replace(plan, bid_mw=np.maximum(plan.bid_mw, 0.0))


for bidding in ("basic", ImportOnly):
    run = tl.run("microgrid33", bidding=bidding, policy="myopic", scenarios=10, keep=2)
    bids = run.tables["bids"]["bid_mw"]
    print(f"{run.study.bidding:12} lowest bid {bids.min():.3f} MW, profit ${run.money['profit']:,.2f}")
    assert run.summary["bid_strategy"]["fallbacks"] == 0
