"""The exact AC equations, for Ipopt and BONMIN: the independent oracle, and the repair of inexact plans."""
