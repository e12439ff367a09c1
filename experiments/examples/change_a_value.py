"""Change a value: what cheaper load curtailment, and twice the batteries, are worth over two days."""

import tieline as tl

study = tl.load_study("microgrid33").change({"name": "as_it_is", "days": 2})

# Any value of a study can be changed by its key (tieline show microgrid33 prints all); what is wrong is told.
cheap = study.change({"name": "cheap_curtailment", "market.tariff.load_curtailment_factor": 1})
sizes = {f"fleet.battery.{k}.max_e_mwh": 2 * unit.max_e_mwh for k, unit in enumerate(study.fleet.battery)}
stores = study.change({"name": "twice_the_batteries", **sizes})

runs = [tl.run(one) for one in (study, cheap, stores)]
for run in runs:
    curtailed = run.summary["energy_mwh"]["load_curtailed"]
    print(f"{run.study.name:20} profit ${run.money['profit']:8,.2f}, load curtailed {curtailed:.2f} MWh")
tl.compare(*runs).plot().savefig("change_a_value.png", dpi=120)

try:
    study.change({"market.tarif.loss_factor": 0})
except tl.TielineError as error:
    print(error)
