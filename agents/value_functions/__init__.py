"""Value functions of stored energy, trained offline, that make one hour a problem of its own."""
