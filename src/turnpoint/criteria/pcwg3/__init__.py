"""PCWG3: prostate cancer by PSA."""

from turnpoint.criteria.pcwg3.psa import judge

__all__ = ["judge"]
