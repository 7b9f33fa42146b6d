"""iRECIST: RECIST 1.1 for immunotherapy, where a progression must be confirmed."""

from turnpoint.criteria.irecist.visit_response import judge

__all__ = ["judge"]
