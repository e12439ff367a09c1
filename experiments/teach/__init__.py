"""Teaching page: two runs of a study side by side in the browser, hour by hour, with lessons."""
