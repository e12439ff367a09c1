"""Facts that the audit takes as given, by name: the records do not show whether they are true."""

ALWAYS = {
    "optimality": "how good bids and dispatch are: optimality gap, cone gap, violation, and why a solver failed",
    "bids": "that the bids are those the named strategy computes, and why one was refused",
    "orders": "why the operator ordered what it did; that units did it or could not, is checked",
    "plan": "that the planned tie-line flow and voltages are those of the solver",
    "profile": "that the profile is a good forecast, and what stands in files of the user's own",
    "study": "that it is the study you mean: its name, and limits and settings that left no trace in the tables",
    "seconds": "computing times, and the versions of libraries",
    "figures": "what the figures show; the manifest tells whether they are the ones that were drawn",
}

WITH_CONNECTIONS = {
    "agreement": "prices and quantities agreed with microgrids, rounds and residuals; that they are kept, is checked",
}


def without_inputs(inputs: object) -> dict[str, str]:
    """Return the inputs as a fact taken as given, if a text says why they could not be made anew."""
    return {"inputs": f"network, prices, forecasts, weather and cars: {inputs}"} if isinstance(inputs, str) else {}
