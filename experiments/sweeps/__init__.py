"""Sweeps: one file, thousands of runs on any executor, one store from which a report is made."""
