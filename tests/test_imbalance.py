"""Imbalance rules: by hand, then as properties of any rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sim.market.imbalance import RULES, ImbalanceRule, Tier


def one_hour(rule, bid, metered, price, **options):
    return float(rule.penalty([bid], [metered], rule.step_prices([price]), **options)[0])


# ---- by hand -------------------------------------------------------------------------------------------------

BY_HAND = [
    # rule, bid, metered, price: expected                      what happens
    ("shi", 10, 12, 30, 9.0),  # 2 MWh under x 15 % of 30
    ("shi", 10, 8, 30, 12.0),  # 2 MWh over x 20 % of 30
    ("shi", 10, 10, 30, 0.0),  # on the bid
    ("shi", -10, -8, 30, 9.0),  # exports 2 less than bid: draws more than bid, under-scheduled
    ("shi", -10, -12, 30, 12.0),  # exports 2 more: over-scheduled
    ("shi", 0, 1, 30, 4.5),  # no bid at all: 1 MWh under
    ("case1", 4, 4.2, 50, 0.0),  # on the edge of the band 3.8 .. 4.2
    ("case1", 4, 4.6, 50, 10.0),  # 0.4 beyond 4.2 x 50 % of 50
    ("case1", 4, 3.4, 50, 10.0),  # 0.4 beyond 3.8
    ("case1", -4, -4.1, 50, 0.0),  # inside -4.2 .. -3.8
    ("case1", -4, -3.9, 50, 0.0),
    ("case1", -4, -4.6, 50, 10.0),  # 0.4 beyond -4.2
    ("case1", -4, -3.4, 50, 10.0),  # 0.4 beyond -3.8
    ("case1", 0, 0.2, 50, 5.0),  # a bid of zero has no band: 0.2 x 25
    ("case1", -1, 1, 50, 48.75),  # bid export, drew import: 1.95 beyond -0.95 x 25
    ("case1", 4, 4.6, -50, 10.0),  # a negative price is no reward ...
    ("case1", 4, 3.4, -50, 10.0),  # ... in either direction
    ("case1", 4, 4.6, 0, 0.0),
    ("case2", 4, 4.6, 50, 15.0),  # 0.4 x 75 % of 50
    ("case2", 4, 3.4, 50, 15.0),
    ("caiso", 100, 104, 40, 0.0),  # inside 5 %
    ("caiso", 100, 108, 40, 30.0),  # 3 beyond 5 % x 10
    ("caiso", 100, 120, 40, 450.0),  # 5 in the first tier x 10, 10 in the second x 40
    ("caiso", 100, 92, 40, 30.0),  # 3 x 10
    ("caiso", 100, 80, 40, 250.0),  # 5 x 10 and 10 x 20
    ("caiso", -100, -80, 40, 450.0),  # under-scheduled as for the import
    ("caiso", -100, -120, 40, 250.0),
    ("caiso", 100, 120, -40, 450.0),
]


@pytest.mark.parametrize(("name", "bid", "metered", "price", "expected"), BY_HAND)
def test_penalty_by_hand(name, bid, metered, price, expected):
    assert one_hour(RULES[name], bid, metered, price) == pytest.approx(expected, abs=1e-9)


def test_nguyen_charges_the_peak_price_of_the_day():
    # Prices 20, 80, 50: the peak 80 counts in every hour. Off by +0.5, -0.25 and 0 MWh.
    rule = RULES["nguyen"]
    assert rule.penalty([1, 1, -1], [1.5, 0.75, -1], rule.step_prices([20, 80, 50])) == pytest.approx([40, 20, 0])


def test_the_peak_is_the_largest_price_and_not_the_largest_magnitude():
    rule = RULES["nguyen"]
    assert rule.penalty([1, 1, -1], [1.5, 0.75, -1], rule.step_prices([20, -80, 50])) == pytest.approx([25, 12.5, 0])


def test_nguyen_never_rewards_a_negative_price():
    # All prices are below zero: the highest, -10, counts with its magnitude.
    rule = RULES["nguyen"]
    assert rule.penalty([1, 1], [2, 0], rule.step_prices([-10, -30])) == pytest.approx([10, 10])


def test_penalty_is_for_energy_not_power():
    # 0.4 MW beyond the band for a quarter of an hour is 0.1 MWh, at 25 $/MWh.
    assert one_hour(RULES["case1"], 4, 4.6, 50, step_h=0.25) == pytest.approx(2.5)


def test_band_of_an_export_lies_around_it():
    lower, upper = RULES["caiso"].limits([100, -100, 0])
    assert lower == pytest.approx(np.array([[95, 90], [-105, -110], [0, 0]]))
    assert upper == pytest.approx(np.array([[105, 110], [-95, -90], [0, 0]]))


def test_energies_by_hand():
    over, under = RULES["caiso"].energies([100, 100], [80, 120], step_h=0.5)
    assert over == pytest.approx(np.array([[7.5, 5], [0, 0]]))  # 15 and 10 MW beyond 95 and 90, half an hour
    assert under == pytest.approx(np.array([[0, 0], [7.5, 5]]))


def test_step_prices_by_hand():
    over, under = RULES["caiso"].step_prices([40, -20])
    assert over == pytest.approx(np.array([[10, 10], [5, 5]]))  # 25 % then 25 % more
    assert under == pytest.approx(np.array([[10, 30], [5, 15]]))  # 25 % then 75 % more


def test_rules_in_words():
    assert RULES["nguyen"].in_words() == (
        "100% (over) and 100% (under) of any imbalance, at the day's peak price [Table 1, Nguyen et al.]"
    )
    assert ImbalanceRule(name="own", tiers=(Tier(band=0.05, over=0.25, under=0.5),)).in_words() == (
        "25% (over) and 50% (under) beyond ±5% of the bid, at the day-ahead price"
    )


def test_rules_are_those_of_tables_1_and_3():
    assert list(RULES) == ["shi", "nguyen", "caiso", "case1", "case2"]
    assert all(RULES[name].name == name and RULES[name].source for name in RULES)


# ---- properties of any rule ----------------------------------------------------------------------------------

mw = st.floats(-10, 10)
prices = st.floats(-200, 200)


@st.composite
def rules(draw):
    """Draw a rule of one to four tiers, with bands and rates in whole percents."""
    count = draw(st.integers(1, 4))
    bands = sorted(draw(st.sets(st.integers(0, 60), min_size=count, max_size=count)))
    rates = st.lists(st.integers(0, 150), min_size=count, max_size=count).map(sorted)
    tiers = [
        Tier(band=b / 100, over=o / 100, under=u / 100)
        for b, o, u in zip(bands, draw(rates), draw(rates), strict=True)
    ]
    return ImbalanceRule(name="any", tiers=tiers, base_price=draw(st.sampled_from(["hour", "day_peak"])))


any_rule = st.one_of(rules(), st.sampled_from(list(RULES.values())))


def naive_penalty(rule, bid, metered, price):
    """Walk outwards from the bid, tier by tier, and pay each tier's rate for what lies in it."""
    distance, total = abs(metered - bid), 0.0
    for k, tier in enumerate(rule.tiers):
        start = tier.band * abs(bid)
        end = rule.tiers[k + 1].band * abs(bid) if k + 1 < len(rule.tiers) else np.inf
        rate = tier.under if metered > bid else tier.over
        total += rate * abs(price) * max(0.0, min(distance, end) - start)
    return total


@given(rule=any_rule, bid=mw, metered=mw, price=prices)
def test_penalty_equals_naive_integration(rule, bid, metered, price):
    assert one_hour(rule, bid, metered, price) == pytest.approx(naive_penalty(rule, bid, metered, price), abs=1e-8)


@given(rule=any_rule, bid=mw, metered=mw, price=prices)
def test_penalty_is_never_negative(rule, bid, metered, price):
    assert one_hour(rule, bid, metered, price) >= 0


@given(rule=any_rule, bid=mw, price=prices, share=st.floats(-1, 1))
def test_penalty_is_zero_inside_the_band(rule, bid, price, share):
    metered = bid + share * rule.tiers[0].band * abs(bid)
    assert one_hour(rule, bid, metered, price) == pytest.approx(0, abs=1e-8)


@given(rule=any_rule, bid=mw, a=mw, b=mw, weight=st.floats(0, 1), price=prices)
def test_penalty_is_convex_in_the_metered_flow(rule, bid, a, b, weight, price):
    between = one_hour(rule, bid, weight * a + (1 - weight) * b, price)
    chord = weight * one_hour(rule, bid, a, price) + (1 - weight) * one_hour(rule, bid, b, price)
    assert between <= chord + 1e-8


@given(rule=any_rule, bid=mw, distances=st.tuples(st.floats(0, 10), st.floats(0, 10)), price=prices)
def test_penalty_does_not_fall_away_from_the_bid(rule, bid, distances, price):
    near, far = sorted(distances)
    for side in (-1, 1):
        assert one_hour(rule, bid, bid + side * near, price) <= one_hour(rule, bid, bid + side * far, price) + 1e-9


@given(rule=any_rule, bid=mw, metered=mw, price=prices, factor=st.floats(-3, 3))
def test_penalty_scales_with_the_price(rule, bid, metered, price, factor):
    scaled = one_hour(rule, bid, metered, factor * price)
    assert scaled == pytest.approx(abs(factor) * one_hour(rule, bid, metered, price), abs=1e-8)


@given(rule=any_rule, bid=mw, metered=mw, price=prices)
def test_turning_all_signs_swaps_over_and_under(rule, bid, metered, price):
    # For a rule with equal rates on both sides this says: exports are treated as imports are.
    mirrored = rule.model_copy(
        update={"tiers": tuple(Tier(band=t.band, over=t.under, under=t.over) for t in rule.tiers)}
    )
    assert one_hour(mirrored, -bid, -metered, price) == pytest.approx(one_hour(rule, bid, metered, price), abs=1e-9)


@given(rule=any_rule, day=st.lists(st.tuples(mw, mw, prices), min_size=1, max_size=24))
def test_step_prices_times_energies_is_the_penalty(rule, day):
    # What the optimiser is told (step prices, band limits) is what the settlement charges.
    bid, metered, price = (np.array(column) for column in zip(*day, strict=True))
    (over_price, under_price), (lower, upper) = rule.step_prices(price), rule.limits(bid)
    assert (over_price >= 0).all()
    assert (under_price >= 0).all()
    expected = over_price * np.maximum(0, lower - metered[:, None])
    expected += under_price * np.maximum(0, metered[:, None] - upper)
    assert rule.penalty(bid, metered, rule.step_prices(price)) == pytest.approx(expected.sum(axis=1), abs=1e-9)


# ---- refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ([(0.05, 0.5, 0.5), (0.10, 0.4, 0.5)], "must not fall"),
        ([(0.05, 0.5, 0.5), (0.10, 0.5, 0.4)], "must not fall"),
        ([(0.05, 0.5, 0.5), (0.05, 0.6, 0.6)], "must rise"),
        ([(0.10, 0.5, 0.5), (0.05, 0.6, 0.6)], "must rise"),
        ([], "at least 1"),
        ([(0.05, -0.5, 0.5)], "over"),
        ([(0.05, 0.5, np.nan)], "under"),
        ([(0.05, 0.5, np.inf)], "under"),
        ([(-0.05, 0.5, 0.5)], "band"),
        ([(np.nan, 0.5, 0.5)], "band"),
    ],
)
def test_bad_rule_is_refused(tiers, message):
    with pytest.raises(ValidationError, match=message):
        ImbalanceRule(name="bad", tiers=[{"band": b, "over": o, "under": u} for b, o, u in tiers])
