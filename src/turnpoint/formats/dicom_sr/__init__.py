"""DICOM structured reports of measurements (TID 1500), read."""

from turnpoint.formats.dicom_sr.reading import convert, recognises

__all__ = ["convert", "recognises"]
