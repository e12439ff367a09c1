"""The audit: physics, limits, states of charge, settlement and money re-derived from the stored records alone.

It shares no code with optimiser, power flow, imbalance rules or settlement, and reads nothing but the stored tables
and the numbers of the study. What can't be derived from these it takes as given: impedances and ratings of the lines,
prices, forecasts, what was available, and when cars come and go; the solver's own figures (cone gap, violation,
optimality gap, residuals of coordination) it leaves out.
"""

from sim.audit.limits import LIMITS, voltages_outside
from sim.audit.referee import audit, audit_folder, limits_not_kept
from sim.audit.report import AuditReport, Finding, LimitCount

__all__ = [
    "LIMITS",
    "AuditReport",
    "Finding",
    "LimitCount",
    "audit",
    "audit_folder",
    "limits_not_kept",
    "voltages_outside",
]
