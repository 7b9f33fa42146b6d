"""Responses that a trial reported, beside those derived from its measurements."""

from turnpoint.criteria.quality.reported import compare

__all__ = ["compare"]
