"""Every version of the store, forward from the first."""
