"""Benchmark: promises of this program on speed, memory and proof, measured side by side in one run."""
