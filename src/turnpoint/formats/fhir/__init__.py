"""HL7 FHIR R4, read and written. `reading` says what is read; assessments and studies are written."""

from turnpoint.formats.fhir.reading import convert, inspect, recognises

__all__ = ["convert", "inspect", "recognises"]
