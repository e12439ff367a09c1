"""Two formulations: the same bids by the conic relaxation and by the paper's own AC equations."""

import matplotlib.pyplot as plt
import numpy as np

import tieline as tl

study = tl.load_study("microgrid33", scenarios=20, keep=1)
conic = tl.bid(study)
exact = tl.bid(study, formulation="ac", solver="ipopt")

hour = np.arange(1, 25)
figure, (above, below) = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
above.step(hour, conic.bid_mw, where="mid", label="conic, Clarabel", linewidth=3, alpha=0.5)
above.step(hour, exact.bid_mw, where="mid", label="polar AC, Ipopt", linestyle="--", color="black")
above.set(ylabel="bid [MW]", title="Bids of two formulations")
above.legend(frameon=False)
below.bar(hour, 1e3 * (conic.bid_mw - exact.bid_mw))
below.set(xlabel="hour ending", ylabel="difference [kW]")
figure.savefig("check_oracle.png", dpi=110)

gap = abs(conic.search["incumbent"] - exact.search["incumbent"])
print(f"expected profit differs by ${gap:.4f}, bids by at most {np.abs(conic.bid_mw - exact.bid_mw).max():.1e} MW")
assert gap < 0.05
