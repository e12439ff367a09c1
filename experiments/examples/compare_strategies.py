"""Two strategies compared: bids on the same weather, and why one earns more."""

import tieline as tl

both = tl.compare("microgrid33", vary={"bidding": ["basic", "anm_aware"]}, seeds=3)

print(both.money.round(2).to_string())  # $, the mean over three seeds

gain = both.differences["bidding=anm_aware"]["profit"]
print(f"anm_aware earns ${gain.mean:,.2f} ± {gain.reach:,.2f} more a day (95 %, paired)")

hours = both.hourly_differences.loc["bidding=anm_aware"]
print(hours.loc[hours["profit"].abs().nlargest(5).index].round(3).to_string())

both.plot().savefig("compare_strategies.png", dpi=160)
