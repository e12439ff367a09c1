"""Dispatch problem: one hour as a Pyomo model, compiled once; many hours and scenarios as one cone program."""

import mesa  # noqa: F401  (before Pyomo: it looks through all modules that are there, and wakes those put off)
