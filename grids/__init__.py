"""The board: networks, their limits, and AC power flow. Knows nothing of markets or agents."""
