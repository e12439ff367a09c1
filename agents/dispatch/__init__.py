"""The dispatch problem: one hour as a Pyomo model, compiled once, tiled over hours and scenarios, solved as cones."""
