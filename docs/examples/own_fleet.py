"""A fleet of one's own: another battery, at bus 18, and what it earns."""

import tieline as tl

study = tl.load_study("microgrid33", policy="myopic", scenarios=10, keep=2)
batteries = [unit.model_dump() for unit in study.fleet.battery]
one_more = study.change({"fleet.battery": [*batteries, {"bus": 18, "max_s_mva": 0.3, "max_e_mwh": 0.6}]})

for name, one in {"as it is": study, "with a battery at bus 18": one_more}.items():
    run = tl.run(one)
    print(f"{name:26} {len(one.fleet.battery)} batteries, profit ${run.money['profit']:,.2f}")

assert len(one_more.fleet.battery) == len(study.fleet.battery) + 1
