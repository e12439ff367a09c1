"""DER agents: one per load bus, wind turbine, PV plant and battery."""
