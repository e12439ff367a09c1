"""Networks, their limits, and AC power flow. Knows nothing of markets or agents."""
