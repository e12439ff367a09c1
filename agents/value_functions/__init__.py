"""What stored energy will be worth: value functions, trained offline, that make one hour a problem of its own."""
