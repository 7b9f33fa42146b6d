"""CDISC SDTM, read and written. `reading` says what is read; `responses` reads those that a trial reported."""

from turnpoint.formats.sdtm.reading import convert, inspect, recognises

__all__ = ["convert", "inspect", "recognises"]
