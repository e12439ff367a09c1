"""Networked microgrids: five agents on one feeder, coordinated by prices or not at all."""

import tieline as tl

study = tl.load_study("networked33", policy="myopic", bidding="basic")

for coordination in tl.list_coordinations():
    run = tl.run(study, coordination=coordination)
    costs = run.summary["costs"]
    below = run.summary["voltage"]["violations"]
    print(f"{coordination:14} all together pay ${costs['total']:8,.2f}; {below} bus-hours outside the voltage limits")

exchange = run.tables["trades"].pivot_table(index="hour", columns="connection", values="p_mw")
print(exchange.round(3).to_string())  # MW, positive is taken from the feeder
run.plot("exchange").savefig("networked_microgrids.png", dpi=120)
