"""Agents that decide: microgrid operator, system operator, bid optimizer, DER agents, and their decision models."""
