"""Beyond the paper: both strategies along a factor of the study, an item for each of the packaged sweeps."""

from functools import partial

from experiments.reproduce import Item
from experiments.reproduce.curves import reproduce_curves

CURVES = {
    "beyond_errors": (
        "forecast error",
        "Forecast errors",
        "What better or worse forecasts change: the standard deviations of the errors of demand, wind and PV (2, 10"
        " and 20 % in the paper), all three times the same factor. What a basic bid pays where there are no errors is"
        " not the weather's doing: it is the network and ANM, which it does not foresee.",
    ),
    "beyond_fleet": (
        "battery size and renewable capacity",
        "Batteries and renewables",
        "What the size of the fleet changes: (a) power and energy of all batteries (0.78 MVA and 1.56 MWh in the"
        " paper) times a factor, where 0 is a fleet without any; (b) their energy alone, with the converters and their"
        " reactive power as they are; (c) the capacity of all wind turbines and PV plants (4.56 and 1.92 MVA in the"
        " paper). The converters supply reactive power that the tie line may not carry: where they are too small, load"
        " must be cut. Output that can't leave the network is curtailed, and its owners are compensated.",
    ),
    "beyond_penalty": (
        "penalty rate and tolerance band",
        "Penalty rate and tolerance band",
        "What it is worth to foresee ANM, the harsher the market is: (a) the price of imbalances as a fraction of the"
        " day-ahead price, outside a band of ±5 % of the bid; (b) the width of that band, at 50 %. The paper has two"
        " points of (a), 50 and 75 %. Beyond 80 %, the compensation for curtailed output, it is cheaper to curtail"
        " output than to draw less than was bid.",
    ),
    "beyond_power_factor": (
        "power factor of the tie line",
        "Power factor of the tie line",
        "What the power factor that the tie line must keep changes, in both readings of the paper's Eq. (30):"
        " (a) |Q| ≤ P·tan φ, read literally, which forbids export; (b) |Q| ≤ |P|·tan φ, by which the microgrid may"
        " sell its surplus. At 1 the tie line carries no reactive power at all.",
    ),
}
"""Name of the varied value, title of the figure, and beginning of its caption, by sweep."""

ITEMS = {
    name: Item(
        f"beyond the paper: profit, imbalance and curtailment by {varied}",
        partial(reproduce_curves, name=name, title=title, about=about),
    )
    for name, (varied, title, about) in CURVES.items()
}
