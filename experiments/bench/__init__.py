"""The benchmark: what this program promises about speed, memory and proof, measured side by side in one run."""
