"""Contents of the paper (Energies 2016, 9(1), 48): its words for things, and the figures of its Table 5."""

from importlib.resources import files

import pandas as pd

STUDY = "microgrid33"
"""The packaged study of the paper's microgrid and day."""

CASES = {"case1": "Case I", "case2": "Case II"}
"""The paper's names of the imbalance rules in Table 3."""

STRATEGIES = {"basic": "basic", "anm_aware": "proposed"}
"""The paper's names of the bidding strategies."""
BASIC, PROPOSED = STRATEGIES

COLUMNS = tuple((rule, strategy) for rule in CASES for strategy in STRATEGIES)
"""The columns of Table 5: rule and strategy."""

UNDER_VOLTAGE = (*range(10, 19), *range(28, 34))
"""Buses that Section 5.2 finds below the voltage limit in Fig. 7a."""


def table5() -> pd.DataFrame:
    """Return Table 5: one row per term, one column per ``rule strategy``. [$]"""
    with files("experiments").joinpath("reproduce", "table5_paper.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, index_col="term")
