"""Search for the best bid with proof: Lagrangian bounds, branch and bound, decomposition by scenarios."""
