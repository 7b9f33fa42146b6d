"""Batches of work, wherever they run; knows nothing of what is in them."""
