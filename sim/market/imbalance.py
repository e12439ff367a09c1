"""Imbalance rules: charges of the system operator when the metered tie line leaves the tolerance band.

A rule is data. The same object prices the imbalance in the optimiser and in the settlement, so that what the bid
expects to pay is what is charged.
"""

from importlib.resources import files
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import Field, model_validator

from grids.components import Data, Word
from grids.network import FloatArray

Rate = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Tier(Data):
    """Tier of a rule: rates for the imbalance beyond `band` of the bid, up to where the next tier begins.

    Attributes
    ----------
    band : float
        Half-width at which the tier begins, as a fraction of the bid.
    over, under : float
        Price of over- and under-scheduling energy in this tier, as a fraction of the base price.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.Tier(band=0.05, over=0.5, under=0.75).under
    0.75
    """

    band: Annotated[float, Field(ge=0, le=10)] = 0.0
    over: Rate
    under: Rate


class ImbalanceRule(Data):
    """A market rule for imbalances (Eq. 15, Table 1, Table 3).

    Attributes
    ----------
    name : str
        Name of the rule.
    tiers : tuple of Tier
        In the order of their bands, with rates that do not fall: each rate applies to the energy inside its tier.
    base_price : {"hour", "day_peak"}
        Price the rates refer to: the day-ahead price of the hour, or the highest of the day. It counts by its
        magnitude, so that a price below zero never turns a penalty into a reward; where all prices of a day are
        below zero, the highest is the one nearest to zero.
    source : str
        Source of the rule.

    Examples
    --------
    >>> import tieline as tl
    >>> rule = tl.ImbalanceRule(name="flat", tiers=(tl.Tier(over=0.1, under=0.2),))
    >>> rule.in_words()
    '10% (over) and 20% (under) of any imbalance, at the day-ahead price'
    >>> tl.load_study("microgrid33", rule=rule).market.rule.name
    'flat'
    """

    name: Word
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    base_price: Literal["hour", "day_peak"] = "hour"
    source: str = ""

    @model_validator(mode="after")
    def _rates_do_not_fall(self) -> Self:
        for lower, upper in zip(self.tiers, self.tiers[1:], strict=False):
            if upper.band <= lower.band:
                raise ValueError("the bands of the tiers must rise")
            if upper.over < lower.over or upper.under < lower.under:
                raise ValueError("the rates of the tiers must not fall (a falling rate rewards larger imbalances)")
        return self

    def in_words(self) -> str:
        """Return the rule as a sentence."""
        base = "the day's peak price" if self.base_price == "day_peak" else "the day-ahead price"
        tiers = [
            f"{tier.over:.0%} (over) and {tier.under:.0%} (under) "
            + (f"beyond ±{tier.band:.0%} of the bid" if tier.band else "of any imbalance")
            for tier in self.tiers
        ]
        return f"{', '.join(tiers)}, at {base}" + (f" [{self.source}]" if self.source else "")

    @property
    def bands(self) -> FloatArray:
        """Half-width at which each tier begins, as a fraction of the bid, shape (K,)."""
        return np.array([tier.band for tier in self.tiers])

    def step_prices(self, price_per_mwh: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the step by which each tier raises the price of over- and under-scheduling energy.

        The penalty is the sum over tiers of step price times the energy beyond the tier's band. It is never
        negative: a negative day-ahead price does not turn a penalty into a reward.

        Parameters
        ----------
        price_per_mwh : array, shape (T,)
            Day-ahead price of the day. [$/MWh]

        Returns
        -------
        over, under : array, shape (T, K)
            Step prices. [$/MWh]
        """
        price = np.asarray(price_per_mwh, dtype=np.float64)
        base = np.abs(np.full_like(price, price.max()) if self.base_price == "day_peak" else price)
        over = np.diff([tier.over for tier in self.tiers], prepend=0.0)
        under = np.diff([tier.under for tier in self.tiers], prepend=0.0)
        return base[:, None] * over, base[:, None] * under

    def limits(self, bid_mw: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the lower and upper limit of each tier's band around bids of shape (T,), shape (T, K). [MW]"""
        bid = np.asarray(bid_mw, dtype=np.float64)[..., None]
        return band_limits(bid, np.abs(bid), self.bands)

    def energies(
        self, bid_mw: npt.ArrayLike, metered_mw: npt.ArrayLike, *, step_h: float = 1.0
    ) -> tuple[FloatArray, FloatArray]:
        """Return over- and under-scheduling energy of flows of shape (..., T) beyond each band, (..., T, K). [MWh]"""
        lower, upper = self.limits(bid_mw)
        metered = np.asarray(metered_mw, dtype=np.float64)[..., None]
        return np.maximum(0.0, lower - metered) * step_h, np.maximum(0.0, metered - upper) * step_h

    def penalty(
        self,
        bid_mw: npt.ArrayLike,
        metered_mw: npt.ArrayLike,
        step_prices: tuple[FloatArray, FloatArray],
        *,
        step_h: float = 1.0,
    ) -> FloatArray:
        """Return the penalty of each hour, Eq. (15)-(16), shape (..., T): never negative. [$]

        Parameters
        ----------
        bid_mw, metered_mw : array, shape (T,), (..., T)
            Day-ahead bid and metered tie-line flow, positive for import. [MW]
        step_prices : two arrays, shape (T, K)
            From `step_prices` of the day. [$/MWh]
        step_h : float
            Length of the settlement period. [h]
        """
        penalty: FloatArray = imbalance_cost(self.energies(bid_mw, metered_mw, step_h=step_h), step_prices)
        return penalty


def band_limits(bid_mw: Any, bid_magnitude_mw: Any, band: Any) -> tuple[Any, Any]:
    """Return the limits of a tolerance band around a bid (15), L = B - b·|B| and U = B + b·|B|.

    Eq. (15) prints (1 ± b)·B, which is the same for imports and wrong side out for exports. Numbers, arrays and Pyomo
    expressions go through alike.

    Parameters
    ----------
    bid_mw, bid_magnitude_mw : numeric
        Bid, positive for import, and its magnitude. [MW]
    band : float or array
        Half-width b as a fraction of the bid.

    Returns
    -------
    lower, upper : numeric
        Limits. [MW]
    """
    half_width = band * bid_magnitude_mw
    return bid_mw - half_width, bid_mw + half_width


def imbalance_cost(energies: tuple[Any, Any], step_prices: tuple[Any, Any]) -> Any:
    """Return the penalty (15)-(16): every tier's step price times the energy beyond its band. [$]

    Parameters
    ----------
    energies : two arrays, shape (..., K)
        Over- and under-scheduling energy beyond the band of each tier, numbers or Pyomo expressions. [MWh]
    step_prices : two arrays, shape (..., K)
        By how much each tier raises the price of either. [$/MWh]
    """
    over, under = (energy * price for energy, price in zip(energies, step_prices, strict=True))
    return over.sum(axis=-1) + under.sum(axis=-1)


def _packaged() -> dict[str, ImbalanceRule]:
    rules = yaml.safe_load(files("sim").joinpath("data", "rules.yaml").read_text(encoding="utf-8"))
    return {name: ImbalanceRule(name=name, **rule) for name, rule in rules.items()}


RULES: dict[str, ImbalanceRule] = _packaged()
"""The rules of Tables 1 and 3 by name (``sim/data/rules.yaml``); a study may also spell out its own."""
