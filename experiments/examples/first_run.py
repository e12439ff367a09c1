"""First run: a day of the 33-bus microgrid, its money, and the figure of the day."""

import tieline as tl

day = tl.run("microgrid33")

print(day)
print(day.money.round(2).to_string())  # $, costs are positive

settled = day.tables["settlements"].set_index("hour")
print(settled[["bid_mw", "metered_mw", "penalty"]].round(3).to_string())

assert day.audit().clean  # physics, limits and money, re-derived from the records alone
print("saved to", day.save("runs/first"))  # tables, figures and summary; tieline plot runs/first draws them again
