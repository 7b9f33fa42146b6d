"""CDISC SDTM, read and written. `reading` says what is read; `responses` reads those that a trial reported."""

from turnpoint.formats.sdtm.days import relative_day
from turnpoint.formats.sdtm.out import sdtm_datasets
from turnpoint.formats.sdtm.reading import convert, inspect, recognises
from turnpoint.formats.sdtm.responses import reported_responses

__all__ = ["convert", "inspect", "recognises", "relative_day", "reported_responses", "sdtm_datasets"]
