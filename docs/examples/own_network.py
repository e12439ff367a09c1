"""A network of one's own: five buses made with pandapower, stored as JSON, and run."""

import pandapower as pp

import tieline as tl

net = pp.create_empty_network(name="feeder5", sn_mva=1.0)
for bus in range(1, 6):
    pp.create_bus(net, vn_kv=12.66, name=f"bus {bus}", index=bus)
pp.create_ext_grid(net, bus=1)
for start, end in ((1, 2), (2, 3), (2, 4), (4, 5)):
    pp.create_line_from_parameters(
        net, start, end, length_km=1.0, r_ohm_per_km=0.3, x_ohm_per_km=0.2, c_nf_per_km=0.0, max_i_ka=0.3
    )
    pp.create_load(net, end, p_mw=0.6, q_mvar=0.2)
pp.to_json(net, "feeder5.json")

fleet = {
    "wind": [{"bus": 3, "max_s_mva": 0.5}],
    "pv": [{"bus": 5, "max_s_mva": 0.5}],
    "battery": [{"bus": 4, "max_s_mva": 0.2, "max_e_mwh": 0.4}],
}
study = tl.load_study("microgrid33", policy="myopic", scenarios=10, keep=2)
study = study.change({"name": "feeder5", "grid.case": "feeder5.json", "fleet": fleet})
run = tl.run(study)
print(run)
assert len(run.tables["buses"]) == 24 * 5
run.plot("network").savefig("feeder5.png", dpi=110)
