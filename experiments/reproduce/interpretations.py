"""Interpretations of the paper: what it leaves open read one way or another, each a change of the study, as data."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from experiments.reproduce.context import Context
from grids.documents import parse_yaml

WIND_CAPACITIES_MVA = (1.2, 0.6, 0.6, 0.96, 1.2)
"""Wind turbines of Table 2. [MVA]"""
MORE_WIND = 1.063
"""Factor on the wind that makes up for a smaller PV shape.

With it all available renewable energy is again worth the 1867 $ that Table 5 implies (generation cost plus curtailment
cost over 0.8), by which the reconstructed wind is scaled. It multiplies the capacities, because a study can't multiply
a profile: the power is the same, and the larger inverter never counts, for at two thirds of its capacity the power
factor is the tighter limit.
"""


@dataclass(frozen=True)
class Interpretation:
    """One interpretation of the paper.

    Attributes
    ----------
    name : str
        What it changes, in the words of a table.
    overrides : tuple of str
        What it changes in the study, as ``--set`` takes it.
    unreduced : bool
        Whether only as many scenarios are drawn as otherwise are kept, and none is dropped.
    """

    name: str
    overrides: tuple[str, ...] = ()
    unreduced: bool = False

    @property
    def against_print(self) -> bool:
        """True if it, or one of the changes in it, contradicts what the paper prints."""
        against = [one.overrides for group in PRINTED.values() for one in group if one.overrides]
        return self.unreduced or any(set(overrides) <= set(self.overrides) for overrides in against)

    def changes(self, kept: int) -> dict[str, Any]:
        """Return the values that it changes, by path, if so many scenarios are kept."""
        pairs = (override.split("=", 1) for override in self.overrides)
        changes = {path: parse_yaml(text) for path, text in pairs}
        return changes | ({"uncertainty.scenarios": kept} if self.unreduced else {})

    def in_words(self) -> str:
        """Return the changes as ``--set`` takes them."""
        said = [*self.overrides]
        if self.unreduced:
            said.append("as many scenarios drawn as are kept")
        return ", ".join(said) or "nothing"


BASE = Interpretation("base reading")
"""The packaged study as it is."""

PER_UNIT = Interpretation("errors per unit", ("uncertainty.errors.sharing=per_unit",))
BACKWARD = Interpretation("backward reduction", ("uncertainty.reduction=backward",))
UNREDUCED = Interpretation("random, not reduced", unreduced=True)
FULL = Interpretation("start and end SOC 0.95", ("fleet.battery.*.start_soc=0.95",))
FULL_END = Interpretation("SOC must end at 0.95", ("fleet.battery.*.min_end_soc=0.95",))
PUBLISHED_WIND = Interpretation("published wind", ("profiles.wind_pu=wind_published_shape",))
PUBLISHED_PV = Interpretation("published PV", ("profiles.pv_pu=pv_published_shape",))
WIND = tuple(
    f"fleet.wind.{unit}.max_s_mva={MORE_WIND * capacity:g}" for unit, capacity in enumerate(WIND_CAPACITIES_MVA)
)
SAME_WORTH = Interpretation("published PV, more wind", PUBLISHED_PV.overrides + WIND)
PUBLISHED = Interpretation("published wind and PV", PUBLISHED_WIND.overrides + PUBLISHED_PV.overrides)

Groups = dict[str, tuple[Interpretation, ...]]
"""Interpretations under headings."""


def _each(name: str, *overrides: str, of: Iterable[float]) -> list[Interpretation]:
    """Return an interpretation for each value of a few, which stands where name and overrides have braces."""
    return [Interpretation(name.format(one), tuple(override.format(one) for override in overrides)) for one in of]


NOT_PRINTED: Groups = {
    "not printed: uncertainty": (PER_UNIT, BACKWARD),
    "not printed: batteries": (
        *_each("start and end SOC {}", "fleet.battery.*.start_soc={}", of=[0.2]),
        FULL,
        *_each("SOC may end at {}", "fleet.battery.*.min_end_soc={}", of=[0.2]),
    ),
    "not printed: network": (
        *_each("slack {} p.u.", "grid.voltage.slack_vm_pu={}", of=(1.02, 1.03, 1.05)),
        *_each("lines {} MVA", "grid.line_max_s_mva={}", of=(4, 3)),
        Interpretation("tie line both ways", ("grid.tie_line.power_factor_reading=both_directions",)),
    ),
    "not printed: the day": (
        PUBLISHED_WIND,
        PUBLISHED_PV,
        SAME_WORTH,
        PUBLISHED,
        Interpretation("price of the PG&E area", ("profiles.price_per_mwh=day_ahead_price_pge_usd_per_mwh",)),
    ),
}
"""Alternatives to what the paper leaves open: any of these may be what it did."""

VOLTAGES = ("grid.voltage.min_vm_pu={}", "grid.voltage.max_vm_pu={}")
INVERTERS = ("fleet.wind.*.min_power_factor={}", "fleet.pv.*.min_power_factor={}")
PRINTED: Groups = {
    "against what is printed": (
        UNREDUCED,
        FULL_END,
        *_each("battery efficiency {}", "fleet.battery.*.efficiency={}", of=[0.95]),
        *(
            Interpretation(f"voltages {low}-{high} p.u.", (VOLTAGES[0].format(low), VOLTAGES[1].format(high)))
            for low, high in ((0.94, 1.06), (0.96, 1.04))
        ),
        *_each("tie line cos φ {}", "grid.tie_line.min_power_factor={}", of=(0.90, 0.98)),
        *_each("renewables cos φ {:g}", *INVERTERS, of=(0.95, 1.0)),
        *_each("losses valued {:g}-fold", "market.tariff.loss_factor={}", of=(0.0, 1.5, 2.0)),
        *_each("load curtailed at {:g}-fold", "market.tariff.load_curtailment_factor={}", of=(2.0, 4.0)),
        Interpretation("no ANM after the bid", ("policy=none",)),
    ),
}
"""Changes of what the paper prints: to see what could move a term, not what the paper may have done.

It prints that scenarios are reduced, and all constraints of a battery: none says that it must end the day full.
"""

PAIRS = {
    "per unit, backward": (PER_UNIT, BACKWARD),
    "per unit, random": (PER_UNIT, UNREDUCED),
    "per unit, SOC 0.95": (PER_UNIT, FULL),
    "per unit, must end at 0.95": (PER_UNIT, FULL_END),
    "per unit, published PV": (PER_UNIT, PUBLISHED_PV),
    "SOC 0.95, published PV": (FULL, PUBLISHED_PV),
    "PV, more wind; per unit": (SAME_WORTH, PER_UNIT),
    "PV, more wind; backward": (SAME_WORTH, BACKWARD),
    "PV, more wind; random": (SAME_WORTH, UNREDUCED),
}
COMBINED: Groups = {
    "two changes at once": tuple(
        Interpretation(name, one.overrides + other.overrides, unreduced=one.unreduced or other.unreduced)
        for name, (one, other) in PAIRS.items()
    )
}
"""All pairs that were tried, none left out; what is against print on its own is so here as well."""

CLOSEST = PER_UNIT
"""Interpretation nearest to Table 5 on average, of all that do not contradict the paper: the findings rank them."""

QUICK_GROUPS: Groups = {"a few of the alternatives": (PER_UNIT, UNREDUCED, PUBLISHED)}
"""Enough to see that everything works."""


def groups_of(context: Context) -> Groups:
    """Return the alternatives to compute, under headings."""
    return QUICK_GROUPS if context.quick else {**NOT_PRINTED, **COMBINED, **PRINTED}
