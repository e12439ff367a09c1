"""The audit: physics, limits, states of charge, settlement and money re-derived from the stored records alone.

It shares no code with optimiser, power flow, imbalance rules or settlement, and reads nothing but the stored tables
and the numbers of the study. The inputs of a run (network, prices, forecasts, weather, cars) are passed to it, made
anew from the study, its files and its seed by :mod:`sim.inputs`. What no record shows, such as the optimality gap,
it takes as given, and lists by name: :mod:`sim.audit.given`.
"""

from sim.audit.audit import audit, audit_folder, limits_not_kept
from sim.audit.inputs import Inputs
from sim.audit.limits import LIMITS, counts_in_words, voltages_outside
from sim.audit.report import AuditReport, Finding, LimitCount

__all__ = [
    "LIMITS",
    "AuditReport",
    "Finding",
    "Inputs",
    "LimitCount",
    "audit",
    "audit_folder",
    "counts_in_words",
    "limits_not_kept",
    "voltages_outside",
]
