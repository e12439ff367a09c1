"""A feeder of the networked microgrids: the branches of Baran and Wu's 33 buses with loads of its own.

The bus loads are given as shares of the feeder's load (``data/networked_table2.csv``, Table 2 of the data) and that
as active and reactive power by the hour (``data/networked_table1.csv``, Table 1). The case holds the load at 1 MW, so
the demand profile of a study is Table 1 in MW. The ratio Q/P of Table 1 is the same in all hours but for rounding;
that of the sums over the day is taken.
"""

from importlib.resources import files

import pandas as pd

from grids.cases import Tables, microgrid33


def tables() -> Tables:
    """Return the feeder with buses numbered 1..33; a bus of ratio 0 has no load."""
    total, ratio = _table("networked_table1"), _table("networked_table2")
    ratio = ratio[ratio.load_ratio > 0]
    tan_phi = total.q_kvar.sum() / total.p_kw.sum()
    feeder = microgrid33.tables()
    feeder.name = "networked33"
    feeder.load = microgrid33.loads(ratio.bus, ratio.load_ratio, tan_phi * ratio.load_ratio)
    return feeder


def _table(name: str) -> pd.DataFrame:
    with files("grids").joinpath("data", f"{name}.csv").open("rb") as file:
        return pd.read_csv(file)
