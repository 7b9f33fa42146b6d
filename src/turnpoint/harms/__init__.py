"""What treatment costs: the dose ledger, adverse events, and what the next cycle adds, beside what it may bring."""
