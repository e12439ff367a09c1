"""Checks of settlement: bids as accepted or refused, band, imbalance and penalty, from the study's own tiers."""

from collections.abc import Mapping, Sequence

import numpy as np

from sim.audit.records import Records, number, study_value
from sim.audit.report import Checker, FloatArray, Quantity

POWER_MW, MONEY = 1e-9, 1e-8
"""Round-off of powers and energies [MW], [MWh] and of money [$]."""

WATTS = 1e-3
"""Round-off of a bid that was rounded to a watt. [W]"""

TIE_LINE = ["tie line"]

Tier = Mapping[str, float]


def check_bids(records: Records, checker: Checker) -> None:
    """Check that refused bids have a reason and count as zero, and accepted ones fit through the tie line.

    Bids of another strategy than the study's must say why.
    """
    bids = records["bids"]
    asked = bids.values("asked")
    own = Quantity("asked (1 if for the study's bidding strategy)", "", TIE_LINE)
    checker.equal("bidding", asked == study_value(records.study, "bidding"), 1.0, own, within=0.0)
    used = Quantity("as asked (0 if there is a reason for a fallback)", "", TIE_LINE)
    checker.equal("bidding", bids.values("strategy") == asked, bids.values("fallback_reason") == "", used, within=0.0)
    bid_mw, accepted = bids.numbers("bid_mw"), bids.values("accepted").astype(bool)
    counted = Quantity("refused bid", "MW", TIE_LINE)
    checker.equal("refused_bid", np.where(accepted, 0.0, bid_mw), 0.0, counted, within=0.0)
    reasoned = Quantity("accepted (0 if there is a reason to refuse)", "", TIE_LINE)
    checker.equal("refused_bid", accepted, bids.values("reason") == "", reasoned, within=0.0)
    accepted_bid = Quantity("accepted bid (absolute)", "MW", TIE_LINE)
    capacity = records.number("grid.tie_line.max_s_mva")
    checker.at_most("bid_capacity", np.abs(bid_mw), capacity, accepted_bid, within=POWER_MW)
    if (steps := records.clock.market_steps) > 1:
        held = Quantity("bid, which holds for its market period,", "MW", TIE_LINE)
        checker.equal("market_period", bid_mw, bid_mw[::steps].repeat(steps, axis=0), held, within=0.0)


def check_deciders(records: Records, checker: Checker) -> None:
    """Check that decisions are by the study's policy and coordination, or say why not.

    Under a policy without optimisation the microgrids decide their exchange alone.
    """
    decisions, coordinated = records["decisions"], len(records.lists["connections"]) > 0
    unplanned = decisions.values("status") == "unplanned"
    for column, wanted, excused in (
        ("policy", study_value(records.study, "policy"), decisions.values("reason") != ""),
        (
            "coordination",
            study_value(records.study, "coordination") if coordinated else "",
            unplanned | (decisions.values("coordination_note") != ""),
        ),
    ):
        other = (decisions.values(column) != wanted) & ~excused
        of = Quantity(f"{column} not the study's, without a reason (1: so)", "", ["decision"])
        checker.equal("deciders", other, 0, of, within=0.0)


def check_certificate(records: Records, checker: Checker) -> None:
    """Check that bids have the certificate's rounding, and those called exact or repaired agree with AC physics."""
    bids = records["bids"]
    status = bids.values("status")
    watts = np.where(status == "", 0.0, 1e6 * bids.numbers("bid_mw"))
    rounded = Quantity("bid with a certificate, which is one in whole watts,", "W", TIE_LINE)
    checker.equal("certificate", watts, np.round(watts), rounded, within=WATTS)
    vouched = np.isin(status, ("exact", "repaired"))
    for name, limit, unit in (
        ("cone_gap", 1e-2, ""),
        ("power_flow_mismatch_mw", 1e-4, "MW"),
        ("limit_excess_pu", 1e-5, "p.u."),
    ):
        stated = np.where(vouched, bids.numbers(name), 0.0)
        checker.at_most(
            "certificate", stated, limit, Quantity(f"{name} of a bid called exact", unit, TIE_LINE), within=0.0
        )


def check_settlement(records: Records, checker: Checker) -> None:
    """Check bid, band limits, imbalance energies and penalty (Eq. 15-16), of every settlement period at its end."""
    stored, bid_mw = records["settlements"], records["bids"].numbers("bid_mw")
    metered_mw, length_h = _mean_flow(records)
    half_width = _tiers(records)[0]["band"] * np.abs(bid_mw)
    lower, upper = bid_mw - half_width, bid_mw + half_width
    for check, column, unit, expected, within in (
        ("settled_bid", "bid_mw", "MW", bid_mw, 0.0),
        ("band", "lower_mw", "MW", lower, POWER_MW),
        ("band", "upper_mw", "MW", upper, POWER_MW),
        ("imbalance", "over_mwh", "MWh", length_h * np.maximum(lower - metered_mw, 0.0), POWER_MW),
        ("imbalance", "under_mwh", "MWh", length_h * np.maximum(metered_mw - upper, 0.0), POWER_MW),
        ("penalty", "penalty", "$", penalties(records), MONEY),
    ):
        checker.equal(check, stored.numbers(column), expected, Quantity(column, unit, TIE_LINE), within=within)


def check_plan(records: Records, checker: Checker) -> None:
    """Check the recorded mismatch of plan and meter, where there was a plan."""
    planned = records["decisions"].numbers("planned_tie_p_mw")
    stored = records["decisions"].numbers("power_flow_mismatch_mw")
    off = np.abs(records["settlements"].numbers("metered_mw") - planned)
    hours = np.flatnonzero(~np.isnan(planned[:, 0]))
    of = Quantity("mismatch of plan and meter", "MW", TIE_LINE, hours)
    checker.equal("plan", stored[hours], off[hours], of, within=POWER_MW)


def _mean_flow(records: Records) -> tuple[FloatArray, FloatArray]:
    """Return the mean flow of each settlement period at its last step, and its length there, shape (H, 1).

    Before the last step the length is 0. [MW], [h]
    """
    steps, flow = records.clock.settlement_steps, records["settlements"].numbers("metered_mw").copy()
    length_h = np.zeros_like(flow)
    for last in range(steps - 1, len(flow), steps):
        flow[last], length_h[last] = flow[last - steps + 1 : last + 1].mean(), steps * records.step_h
    return flow, length_h


def penalties(records: Records) -> FloatArray:
    """Return the penalty for the bids that count and the metered energy, in every step, shape (H, 1). [$]

    It stands at the last step of a settlement period. Rates refer to the mean magnitude of its prices, or of the
    largest price of the day: not of the price that is largest in magnitude, which may be one below zero.
    """
    price, clock = records.hourly_price("price_per_mwh")[:, 0], records.clock
    if study_value(records.study, "market.rule.base_price") == "day_peak":
        price = np.maximum.reduceat(price, clock.first)[clock.day_of]
    base = np.abs(price).reshape(-1, clock.settlement_steps).mean(axis=1).repeat(clock.settlement_steps)
    (metered_mw, length_h), bid_mw = _mean_flow(records), records["bids"].numbers("bid_mw")
    steps, tiers = zip(bid_mw[:, 0], metered_mw[:, 0], base, length_h[:, 0], strict=True), _tiers(records)
    return np.array([[h * penalty(float(b), float(m), base_price=float(p), tiers=tiers)] for b, m, p, h in steps])


def _tiers(records: Records) -> list[Tier]:
    return [
        {name: number(tier, name) for name in ("band", "over", "under")}
        for tier in study_value(records.study, "market.rule.tiers")
    ]


def penalty(bid_mw: float, metered_mw: float, *, base_price: float, tiers: Sequence[Tier]) -> float:
    """Return the penalty of an hour: every tier charges its rate for the part of the deviation inside it.

    Parameters
    ----------
    bid_mw, metered_mw : float
        Bid and metered flow, positive for import. [MW]
    base_price : float
        Price that the rates refer to. [$/MWh]
    tiers : sequence of mapping
        Tiers in the order of their bands: `band` where one begins, as a fraction of the bid, and its rates `over`
        and `under`, as fractions of the base price.
    """
    deviation = metered_mw - bid_mw
    side = "under" if deviation > 0 else "over"
    total = 0.0
    for k, tier in enumerate(tiers):
        begin = tier["band"] * abs(bid_mw)
        end = tiers[k + 1]["band"] * abs(bid_mw) if k + 1 < len(tiers) else np.inf
        inside_mwh = max(0.0, min(abs(deviation), end) - begin)
        total += tier[side] * base_price * inside_mwh
    return total
