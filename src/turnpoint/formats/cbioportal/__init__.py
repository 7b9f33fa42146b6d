"""Timelines of cBioPortal studies (`data_timeline_*.txt`), read: markers, drugs and deaths."""

from turnpoint.formats.cbioportal.reading import convert, recognises

__all__ = ["convert", "recognises"]
