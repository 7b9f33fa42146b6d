"""Responses that a trial reported, beside those derived from its measurements."""
