"""Search for the best bid and prove how good it is: bounds by prices, branch and bound, bundles of scenarios."""
