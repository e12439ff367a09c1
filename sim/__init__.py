"""The market world: studies, scenarios, market rules, settlement, ledger, audit, and the hourly market model."""
