"""A sweep of one's own: profit over the size of the batteries, two seeds each."""

import tieline as tl

done = tl.sweep(
    {
        "name": "batteries",
        "study": "microgrid33",
        "set": {"uncertainty.scenarios": 10, "uncertainty.keep": 2, "policy": "myopic"},
        "factors": {"size": {"paths": ["fleet.battery.*.max_e_mwh"], "change": "times"}},
        "axes": [{"values": {"size": [0.5, 1, 2]}}],
        "replications": 2,
    },
    out="sweeps/batteries",
    workers=1,
)
print(done.results.pivot_table(index="size", columns="seed", values="profit").round(2))
assert len(done.results) == 6
