"""Executors of work on threads, processes or the workers of a Dask cluster, on which no result depends."""
