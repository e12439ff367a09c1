"""An ANM policy of one's own: full output, and batteries that discharge in the four dearest hours."""

from dataclasses import replace

import numpy as np

import tieline as tl


class DearHours:
    """Follows the policy none, but for the batteries."""

    knowledge = tl.Knowledge.HOUR  # sees this hour as it is and none of those after it

    def __init__(self, instance, dispatcher):
        self.none = tl.policy("none")(instance, dispatcher)
        self.max_p_mw = np.array([unit.max_s_mva for unit in instance.grid.batteries])
        self.least_mwh = np.array([unit.min_soc * unit.max_e_mwh for unit in instance.grid.batteries])
        self.dear = np.argsort(instance.profiles.price_per_mwh)[-4:] + 1

    def decide(self, view):
        """Return the orders of the hour."""
        decision = self.none.decide(view)
        left_mwh = np.maximum(view.energy_mwh - self.least_mwh, 0)
        battery_p_mw = np.minimum(self.max_p_mw, left_mwh) * (view.hour in self.dear)
        return replace(decision, orders=replace(decision.orders, battery_p_mw=battery_p_mw))


runs = [tl.run("microgrid33", policy=policy) for policy in ("none", DearHours, "receding")]
for run in runs:
    below = run.summary["voltage"]["violations"]
    print(f"{run.study.policy:12} profit ${run.money['profit']:8,.2f}, {below} bus-hours outside the voltage limits")
tl.compare(*runs).plot().savefig("own_policy.png", dpi=120)
