"""Formats of hospitals and trials, each read into the study folder: one file a format."""
