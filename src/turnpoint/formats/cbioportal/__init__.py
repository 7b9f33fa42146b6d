"""Timelines of cBioPortal studies (`data_timeline_*.txt`), read: markers, drugs and deaths."""

from turnpoint.formats.cbioportal.reading import convert, inspect, recognises

__all__ = ["convert", "inspect", "recognises"]
