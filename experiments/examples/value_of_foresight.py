"""Value of foresight: what a stochastic bid is worth, and what policies earn that know less and less."""

import tieline as tl

study = tl.load_study("microgrid33", scenarios=100)

worth = tl.value(study, sizes=[1, 5], count=10)
print(f"perfect information of the day: EVPI ${worth.solution.evpi:.2f}")
print(f"scenarios instead of the forecast alone: VSS ${worth.solution.vss:.2f}")
worth.plot().savefig("value_of_foresight.png", dpi=160)

for policy in ("hindsight", "receding", "myopic"):  # the whole day, forecasts, this hour only
    profit = tl.evaluate(study, on="test", count=4, policy=policy).estimates["profit"]
    print(f"{policy:10} expected profit ${profit.mean:,.2f} ± {profit.reach:,.2f}")
