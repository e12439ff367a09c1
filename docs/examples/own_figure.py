"""A figure of one's own: how far every bus is from the lower voltage limit, hour by hour."""

import matplotlib.pyplot as plt

import tieline as tl

run = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)
margin = run.tables["buses"].pivot(index="bus", columns="hour", values="vm_pu") - run.study.grid.voltage.min_vm_pu

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
image = ax.pcolormesh(margin.columns, margin.index, margin, cmap="viridis", vmin=0)
figure.colorbar(image, label="above the lower limit [p.u.]")
ax.set(xlabel="hour ending", ylabel="bus", title="Voltage margin")
figure.savefig("voltage_margin.png", dpi=110)

assert margin.to_numpy().min() > -1e-6
print("least margin", margin.min(axis=1).nsmallest(3).round(5).to_dict())
