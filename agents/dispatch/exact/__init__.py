"""Exact AC equations, for Ipopt and BONMIN: an independent reference, and the repair of inexact plans."""
