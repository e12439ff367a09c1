"""An imbalance rule of one's own: no penalty within 10 %, a steep one beyond 20 %."""

import tieline as tl

rule = tl.ImbalanceRule(
    name="steep",
    tiers=(
        tl.Tier(band=0.10, over=0.3, under=0.3),  # beyond 10 % of the bid, 30 % of the day-ahead price
        tl.Tier(band=0.20, over=1.5, under=1.5),  # what lies beyond 20 %, 150 %
    ),
)
print(rule.in_words())
print("packaged:", *tl.list_rules())

# The rule that settles is the rule the bid is optimised for: bids answer to it.
rules = tl.compare("microgrid33", vary={"rule": ["case1", rule]}, bidding="basic")
print(rules.money.loc[["imbalance", "profit"]].round(2).to_string())
rules.plot().savefig("own_rule.png", dpi=120)
