"""Structured reports made by hand, for the tests of DICOM SR."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

COMPREHENSIVE_SR = UID("1.2.840.10008.5.1.4.1.1.88.33")
LONG_AXIS, SHORT_AXIS = ("103339001", "SCT", "Long Axis"), ("103340004", "SCT", "Short Axis")
LENGTH, DIAMETER = ("G-D7FE", "SRT", "Length"), ("81827009", "SCT", "Diameter")
VOLUME = ("118565006", "SCT", "Volume")
LUNG, NODE = ("39607008", "SCT", "Lung"), ("62683002", "SCT", "Mediastinal lymph node")
TARGET, NON_TARGET = (
    ("112074", "DCM", "Target Lesion at Baseline"),
    ("112075", "DCM", "Non-Target Lesion at Baseline"),
)
FINDING, SITE = ("121071", "DCM", "Finding"), ("363698007", "SCT", "Finding Site")


def coded(code: tuple[str, str, str]) -> Sequence:
    entry = Dataset()
    entry.CodeValue, entry.CodingSchemeDesignator, entry.CodeMeaning = code
    return Sequence([entry])


def item(kind: str, name: tuple[str, str, str], *children: Dataset, **values: object) -> Dataset:
    made = Dataset()
    made.ValueType, made.ConceptNameCodeSequence = kind, coded(name)
    for attribute, value in values.items():
        setattr(made, attribute, value)
    if children:
        made.ContentSequence = Sequence(children)
    return made


def said(name: tuple[str, str, str], value: tuple[str, str, str]) -> Dataset:
    return item("CODE", name, ConceptCodeSequence=coded(value))


def number(
    name: tuple[str, str, str],
    value: str | None,
    unit: str = "mm",
    missing: tuple[str, str, str] | None = None,
) -> Dataset:
    made = item("NUM", name)
    if value is not None:
        measured = Dataset()
        measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, coded((unit, "UCUM", unit))
        made.MeasuredValueSequence = Sequence([measured])
    else:
        made.MeasuredValueSequence = Sequence([])
    if missing is not None:
        made.NumericValueQualifierCodeSequence = coded(missing)
    return made


def group(identifier: str | None, *parts: Dataset, uid: str | None = None) -> Dataset:
    tracked = (
        [item("TEXT", ("112039", "DCM", "Tracking Identifier"), TextValue=identifier)] if identifier else []
    )
    tracked += [item("UIDREF", ("112040", "DCM", "Tracking Unique Identifier"), UID=uid)] if uid else []
    return item("CONTAINER", ("125007", "DCM", "Measurement Group"), *tracked, *parts)


def report(
    *groups: Dataset, patient: str = "P1", study: str | None = "20240105", **values: object
) -> FileDataset:
    measurements = item("CONTAINER", ("126010", "DCM", "Imaging Measurements"), *groups)
    observers = (
        [item("PNAME", ("121008", "DCM", "Person Observer Name"), PersonName=values.pop("observer"))]
        if "observer" in values
        else []
    )
    library = item(
        "CONTAINER", ("111028", "DCM", "Image Library"), group("not a lesion", number(LONG_AXIS, "99"))
    )
    made = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = COMPREHENSIVE_SR
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.PatientName, made.PatientID, made.PatientSex = "Secret^Name", patient, "F"
    if study is not None:
        made.StudyDate = study
    made.ContentDate, made.ContentTime, made.Modality = "20240401", "101500", "SR"
    made.ValueType, made.ConceptNameCodeSequence = (
        "CONTAINER",
        coded(("126000", "DCM", "Imaging Measurement Report")),
    )
    made.ContentSequence = Sequence([*observers, library, measurements])
    for attribute, value in values.items():
        setattr(made, attribute, value)
    return made


def saved(made: FileDataset, folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made.save_as(folder / name, enforce_file_format=True)
    return folder / name
