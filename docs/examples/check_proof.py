"""Proven bids: profit of the best bids found, and what no bid can exceed, of an exporting microgrid."""

import matplotlib.pyplot as plt

import tieline as tl

gaps = (0.1, 0.01, 0.001)  # where the search may stop
found = [tl.bid("microgrid33-export", scenarios=100, keep=3, gap=gap).search for gap in gaps]

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
names = [f"{gap:.1%}" for gap in gaps]
ax.vlines(names, [one["incumbent"] for one in found], [one["bound"] for one in found], color="0.7", linewidth=6)
ax.plot(names, [one["bound"] for one in found], "v", label="bound: no bid earns more")
ax.plot(names, [one["incumbent"] for one in found], "^", label="incumbent: these bids earn as much")
ax.set(xlabel="gap at which the search may stop", ylabel="expected profit [$]", title="How good a bid is proven to be")
ax.margins(x=0.3, y=0.3)
ax.legend(frameon=False)
figure.savefig("check_proof.png", dpi=110)

for name, one in zip(names, found, strict=True):
    proven = (one["bound"] - one["incumbent"]) / one["incumbent"]
    print(f"asked for {name}: proven to {proven:.4%}, {one['nodes']} problems")
assert found[-1]["bound"] - found[-1]["incumbent"] <= 0.001 * found[-1]["incumbent"]
