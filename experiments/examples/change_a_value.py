"""Change a value: what cheaper load curtailment, and twice the batteries, are worth over two days."""

import tieline as tl

study = tl.load_study("microgrid33").change({"days": 2})

# Any value of a study can be changed by its key (tieline show microgrid33 prints all); what is wrong is told.
cheap = study.change({"market.tariff.load_curtailment_factor": 1})
stores = study.change(
    {f"fleet.battery.{k}.max_e_mwh": 2 * unit.max_e_mwh for k, unit in enumerate(study.fleet.battery)}
)

for name, one in {"as it is": study, "cheap curtailment": cheap, "twice the batteries": stores}.items():
    run = tl.run(one)
    curtailed = run.summary["energy_mwh"]["load_curtailed"]
    print(f"{name:20} profit ${run.money['profit']:8,.2f}, load curtailed {curtailed:.2f} MWh")

try:
    study.change({"market.tarif.loss_factor": 0})
except tl.TielineError as error:
    print(error)
