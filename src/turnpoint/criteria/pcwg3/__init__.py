"""PCWG3: prostate cancer by PSA."""

from turnpoint.criteria.pcwg3.psa import PSA50_RATIO, judge

__all__ = ["PSA50_RATIO", "judge"]
