"""Growth metrics: what a series of sizes or marker values says by arithmetic alone, without a prior."""
