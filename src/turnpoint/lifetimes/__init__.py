"""Survival given growth: links from the literature or fitted here, their predictions, and how to judge them."""
