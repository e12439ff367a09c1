"""Sweep and plot: profit over the penalty rate, for two bidding strategies and three seeds each."""

import matplotlib.pyplot as plt

import tieline as tl

done = tl.sweep(
    {
        "name": "penalty",
        "study": "microgrid33",
        "set": {"uncertainty.scenarios": 100, "policy": "myopic"},
        "factors": {"penalty": {"paths": ["market.rule.tiers.0.over", "market.rule.tiers.0.under"]}},
        "axes": [{"values": {"bidding": ["basic", "anm_aware"]}}, {"values": {"penalty": [0.25, 0.5, 1.0]}}],
        "replications": 3,
    },
    out="sweeps/penalty",  # what is there already is not simulated again
)

assert len(done.results) == 18  # no run failed

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for bidding, runs in done.results.groupby("bidding"):
    mean = runs.groupby("penalty")["profit"].mean()
    ax.plot(100 * mean.index, mean, "o-", label=bidding)
ax.set_xlabel("penalty [% of price]")
ax.set_ylabel("mean profit [$ a day]")
ax.legend(title="bidding", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
figure.savefig("sweep_and_plot.png", dpi=160)
print(done.results.pivot_table(index="penalty", columns="bidding", values="profit").round(2))
