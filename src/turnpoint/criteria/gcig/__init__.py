"""GCIG: ovarian cancer by CA-125, alone and together with RECIST 1.1."""

from turnpoint.criteria.gcig.ca_125 import judge as judge_ca_125
from turnpoint.criteria.gcig.combined import judge as judge_combined

__all__ = ["judge_ca_125", "judge_combined"]
