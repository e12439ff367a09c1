"""Altered tables: one number of a stored run is changed, and the audit finds it."""

from dataclasses import replace

import tieline as tl

run = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)
print("as it was stored: ", "clean" if run.audit().clean else run.audit().findings)

for table, column, change in (
    ("settlements", "metered_mw", 0.001),  # MW
    ("dispatch", "p_mw", 0.001),  # MW
    ("buses", "vm_pu", 0.0001),  # p.u.
    ("payments", "amount", 0.01),  # $
):
    altered = run.tables[table].copy()
    altered.loc[altered.index[len(altered) // 2], column] += change
    report = replace(run, tables={**run.tables, table: altered}).audit()
    print(f"{table}.{column} + {change}: {len(report.findings)} finding(s), such as {report.findings[0]}")
    assert not report.clean
