"""HL7 FHIR R4, read and written. `reading` says what is read; assessments and studies are written."""

from turnpoint.formats.fhir.drugs import plain_name, treats_cancer
from turnpoint.formats.fhir.out import write_assessment
from turnpoint.formats.fhir.reading import convert, recognises
from turnpoint.formats.fhir.responses import reported_in_fhir
from turnpoint.formats.fhir.study_out import write_study_as_fhir

__all__ = [
    "convert",
    "plain_name",
    "recognises",
    "reported_in_fhir",
    "treats_cancer",
    "write_assessment",
    "write_study_as_fhir",
]
