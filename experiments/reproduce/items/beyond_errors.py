"""Beyond the paper: how well the day is forecast."""

from experiments.reproduce.context import Context
from experiments.reproduce.curves import reproduce_curves
from experiments.reproduce.item_result import ItemResult

SUMMARY = "beyond the paper: profit, imbalance and curtailment by forecast error"
ABOUT = (
    "What better or worse forecasts change: the standard deviations of the errors of demand, wind and PV (2, 10 and"
    " 20 % in the paper), all three times the same factor. What a basic bid pays where there are no errors is not the"
    " weather's doing: it is the network and ANM, which it does not foresee."
)


def reproduce(context: Context) -> ItemResult:
    """Return both strategies over the size of the forecast errors."""
    return reproduce_curves(context, "beyond_errors", title="Forecast errors", about=ABOUT)
