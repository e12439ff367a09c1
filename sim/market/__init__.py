"""Market rules: tariff, imbalance rule, and the money terms of settlement."""
