"""Beyond the paper: how large batteries and renewables are."""

from experiments.reproduce.context import Context
from experiments.reproduce.curves import reproduce_curves
from experiments.reproduce.item_result import ItemResult

SUMMARY = "beyond the paper: profit, imbalance and curtailment by battery size and renewable capacity"
ABOUT = (
    "What the size of the fleet changes: (a) power and energy of all batteries (0.78 MVA and 1.56 MWh in the paper)"
    " times a factor, where 0 is a fleet without any; (b) their energy alone, with the converters and their reactive"
    " power as they are; (c) the capacity of all wind turbines and PV plants (4.56 and 1.92 MVA in the paper). The"
    " converters supply reactive power that the tie line may not carry: where they are too small, load must be cut."
    " Output that can't leave the network is curtailed, and its owners are compensated."
)


def reproduce(context: Context) -> ItemResult:
    """Return both strategies over the size of batteries and renewables."""
    return reproduce_curves(context, "beyond_fleet", title="Batteries and renewables", about=ABOUT)
