"""Beyond the paper: what reactive power the tie line may carry, in both readings of the paper's Eq. (30)."""

from experiments.reproduce.context import Context
from experiments.reproduce.curves import reproduce_curves
from experiments.reproduce.item_result import ItemResult

SUMMARY = "beyond the paper: profit, imbalance and curtailment by power factor of the tie line"
ABOUT = (
    "What the power factor that the tie line must keep changes, in both readings of the paper's Eq. (30):"
    " (a) |Q| ≤ P·tan φ, read literally, which forbids export; (b) |Q| ≤ |P|·tan φ, by which the microgrid may sell"
    " its surplus. At 1 the tie line carries no reactive power at all."
)


def reproduce(context: Context) -> ItemResult:
    """Return both strategies over the least power factor, for both readings."""
    return reproduce_curves(context, "beyond_power_factor", title="Power factor of the tie line", about=ABOUT)
