"""CDISC ADaM, written: ADSL, ADTR, ADRS and ADTTE. `variables` has the rules that they share."""

from turnpoint.formats.adam.adrs import response_results
from turnpoint.formats.adam.adsl import subject_level
from turnpoint.formats.adam.adtr import tumour_results
from turnpoint.formats.adam.adtte import time_to_event
from turnpoint.formats.adam.variables import USUAL_CODES, ParameterCodes

__all__ = [
    "USUAL_CODES",
    "ParameterCodes",
    "response_results",
    "subject_level",
    "time_to_event",
    "tumour_results",
]
