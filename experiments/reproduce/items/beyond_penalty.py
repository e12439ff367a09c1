"""Beyond the paper: how harsh the market is, by its penalty rate and its tolerance band."""

from experiments.reproduce.context import Context
from experiments.reproduce.curves import reproduce_curves
from experiments.reproduce.item_result import ItemResult

SUMMARY = "beyond the paper: profit, imbalance and curtailment by penalty rate and tolerance band"
ABOUT = (
    "What it is worth to foresee ANM, the harsher the market is: (a) the price of imbalances as a fraction of the"
    " day-ahead price, outside a band of ±5 % of the bid; (b) the width of that band, at 50 %. The paper has two"
    " points of (a), 50 and 75 %. Beyond 80 %, the compensation for curtailed output, it is cheaper to curtail output"
    " than to draw less than was bid."
)


def reproduce(context: Context) -> ItemResult:
    """Return both strategies over penalty rate and tolerance band."""
    return reproduce_curves(context, "beyond_penalty", title="Penalty rate and tolerance band", about=ABOUT)
