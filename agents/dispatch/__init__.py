"""Dispatch problem: one hour as a Pyomo model, compiled once; many hours and scenarios as one cone program."""
