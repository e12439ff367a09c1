"""The 33-bus feeder of Baran and Wu (1989), https://doi.org/10.1109/61.25627, as the paper's microgrid uses it."""

from importlib.resources import files

import pandas as pd

from grids.cases import Tables


def tables() -> Tables:
    """Return the feeder with buses numbered 1..33 as in the paper, each line with the load at its end.

    The numbers are those of pandapower's ``case33bw``, without its traps: that one counts buses from 0, forbids export
    (``min_p_mw = 0``), gives the lines no usable rating, and keeps five open tie lines and a cost row of zeros.
    """
    with files("grids").joinpath("data", "feeder33.csv").open("rb") as file:
        data = pd.read_csv(file)
    buses = pd.RangeIndex(1, len(data) + 2)
    return Tables(
        name="case33bw",
        f_hz=60.0,
        sn_mva=10.0,
        bus=pd.DataFrame({"name": [f"bus {bus}" for bus in buses], "vn_kv": 12.66, "in_service": True}, index=buses),
        ext_grid=pd.DataFrame({"bus": [1], "vm_pu": 1.0, "va_degree": 0.0, "in_service": True}),
        line=pd.DataFrame(
            {
                "from_bus": data.from_bus,
                "to_bus": data.to_bus,
                "length_km": 1.0,
                "r_ohm_per_km": data.r_ohm,
                "x_ohm_per_km": data.x_ohm,
                "c_nf_per_km": 0.0,
                "max_i_ka": 99999.0,
                "df": 1.0,
                "parallel": 1,
                "in_service": True,
            }
        ).set_index(buses[:-1]),
        load=loads(data.to_bus, data.p_mw, data.q_mvar),
        switch=pd.DataFrame({"et": [], "closed": []}),
    )


def loads(bus: pd.Series, p_mw: pd.Series, q_mvar: pd.Series) -> pd.DataFrame:
    """Return the table of these loads. [MW], [Mvar]"""
    table = pd.DataFrame({"bus": bus, "p_mw": p_mw, "q_mvar": q_mvar, "scaling": 1.0, "in_service": True})
    return table.reset_index(drop=True)
