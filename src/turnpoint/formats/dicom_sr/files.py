"""Files of DICOM: which of a folder are reports, and each report read without trusting it.

Pixel data is never loaded, a file that claims to be a report but is far too large is not opened, and what unpacks to
far more than it is long is not unpacked.
"""

from __future__ import annotations

import itertools
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from turnpoint.errors import MissingExtraError
from turnpoint.formats.dicom_sr import tree
from turnpoint.formats.dicom_sr.tree import Group, TooManyItemsError
from turnpoint.study.findings import Findings

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PREAMBLE: Final = 128
_HEAD: Final = 144
# Looked at in a folder to tell whether it holds DICOM.
_LOOKED_AT: Final = 2000
# The largest report: a thousand times the size of an honest one.
MOST_BYTES: Final = 128 * 2**20
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_UNDEFINED_LENGTH: Final = 0xFFFFFFFF
# Basic Text, Enhanced, Comprehensive, Comprehensive 3D, Extensible SR.
_REPORTS: Final = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{part}" for part in (11, 22, 33, 34, 35))
_SOP_CLASS: Final = 0x00080016
# What damaged bytes make of a file, beside pydicom's own errors: it ends too early (EOFError, OSError, struct.error), a
# value is not what its type says (ValueError, NotImplementedError for a type that DICOM does not have), a number or an
# index is out of its range (ArithmeticError, LookupError), it cannot be inflated, or it is nested without end. Faults
# of our own code (TypeError, AttributeError) are not among them.
_RAISED_BY_DAMAGE: Final = (
    EOFError, OSError, struct.error, ValueError, NotImplementedError, ArithmeticError, LookupError, zlib.error,
    RecursionError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """One measurement report.

    Attributes:
        file: its name.
        patient_id: PatientID, or the subject of a trial; None when there is neither.
        sex, birth_year: of the patient.
        day: date of the imaging study; of the report when `day_is_of_report`.
        start: date of the event that the trial counts days from, where the report says.
        written: date and time of the report, which sort.
        uid: its own identifier.
        replaced: those of the reports that it replaces.
        observer: who read the images.
        groups: its measurement groups.
        time_point: of the whole report.
    """

    file: str
    patient_id: str | None
    sex: str | None
    birth_year: int | None
    day: date | None
    day_is_of_report: bool
    start: date | None
    written: str
    uid: str
    replaced: tuple[str, ...]
    observer: str | None
    groups: tuple[Group, ...]
    time_point: str | None


def is_dicom(file: Path) -> bool:
    """True for a DICOM file: by its mark, or by its first element where the mark is left out."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or _starts_bare(head)


def holds_dicom(path: Path) -> bool:
    """True for a DICOM file, and for a folder with one among its first files."""
    return any(is_dicom(file) for file in itertools.islice(_files(path), _LOOKED_AT))


def reports(path: Path, findings: Findings) -> Iterator[Report]:
    """Every measurement report of a file or of a folder and the folders in it.

    Raises:
        MissingExtraError: pydicom is not installed.
    """
    try:
        import pydicom  # noqa: F401, PLC0415 - heavy, and only these files need it
    except ImportError as error:
        raise MissingExtraError(
            "DICOM files need pydicom. Install it: pip install 'turnpoint[dicom]'"
        ) from error
    skipped: dict[str, list[str]] = {}
    for file in _files(path):
        if not _safely(is_dicom, file, findings):
            skipped.setdefault("not DICOM", []).append(file.name)
            continue
        kind = _safely(_sop_class, file, findings)
        if kind is None:
            continue
        if kind not in _REPORTS:
            skipped.setdefault("DICOM objects that are no structured report (images)", []).append(file.name)
            continue
        report = _safely(_report, file, findings)
        if isinstance(report, str):
            findings.add(file.name, report, "Export the report again.")
        elif report is not None:
            yield report
    for what, names in skipped.items():
        findings.add(
            names[0],
            f"{len(names):,} {'file is' if len(names) == 1 else 'files are'} not read: {what}",
            "Nothing to do unless sizes were expected from them.",
            severity="warning",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom from warning and logging: it quotes the values it doubts, and they may be a patient's name."""
    from pydicom import config  # noqa: PLC0415

    mode, off = config.settings.reading_validation_mode, config.logger.disabled
    config.settings.reading_validation_mode, config.logger.disabled = config.IGNORE, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode, config.logger.disabled = mode, off


def _safely(read: Callable[[Path], Any], file: Path, findings: Findings) -> Any:
    """What a file gives; a damaged file is one error, and a fault of ours stays a fault."""
    from pydicom.errors import BytesLengthException, InvalidDicomError  # noqa: PLC0415

    try:
        with _quiet():
            return read(file)
    except (*_RAISED_BY_DAMAGE, BytesLengthException, InvalidDicomError) as error:
        why = "it has more items than any report" if isinstance(error, TooManyItemsError) else "it is damaged"
        findings.add(file.name, f"the DICOM file cannot be read: {why}", "Export it again, or leave it out.")
        return None


def _report(file: Path) -> Report | str:
    """A report; or what is wrong with the file."""
    import pydicom  # noqa: PLC0415

    if file.stat().st_size > MOST_BYTES:
        return f"a report of more than {MOST_BYTES // 2**20} MB is no measurement report"
    with file.open("rb") as stream:
        if _unpacks_too_large(stream):
            return f"the report unpacks to more than {MOST_BYTES // 2**20} MB"
    root = pydicom.dcmread(file, stop_before_pixels=True, defer_size=2**20, force=True)
    if _ends_too_early(root, file.stat().st_size):
        return "the report is cut short: its last element is longer than the file"
    if "ContentSequence" not in root:
        encrypted = "EncryptedAttributesSequence" in root
        return (
            "the report is encrypted"
            if encrypted
            else "the report has no content: it is cut short or damaged"
        )
    return _from(root, file.name)


def _ends_too_early(root: Dataset, size_bytes: int) -> bool:
    """Whether an element says that it goes on beyond the file: pydicom reads what is there and says nothing.

    A deflated report stands elsewhere in the file than its elements say, and is damaged when it cannot be inflated.
    """
    from pydicom.dataelem import RawDataElement  # noqa: PLC0415

    if str(getattr(root, "file_meta", {}).get("TransferSyntaxUID", "")) == _DEFLATED:
        return False
    return any(
        isinstance(element, RawDataElement)
        and element.length != _UNDEFINED_LENGTH
        and element.value_tell + element.length > size_bytes
        for element in root._dict.values()  # reading an element would end its raw form
    )


def _from(root: Dataset, file: str) -> Report:
    study, content = _date(root.get("StudyDate")), _date(root.get("ContentDate"))
    day = study or content
    offset = root.get("LongitudinalTemporalOffsetFromEvent")
    start = day - timedelta(days=round(float(offset))) if day and study and offset is not None else None
    identifier = str(root.get("PatientID") or root.get("ClinicalTrialSubjectID") or "").strip("\x00 ")
    born = _date(root.get("PatientBirthDate"))
    return Report(
        file=file,
        patient_id=identifier or None,
        sex={"F": "female", "M": "male", "O": "other"}.get(str(root.get("PatientSex") or "").strip()),
        birth_year=None if born is None else born.year,
        day=day,
        day_is_of_report=study is None,
        start=start,
        written=f"{root.get('ContentDate') or ''}{root.get('ContentTime') or ''}",
        uid=str(root.get("SOPInstanceUID") or ""),
        replaced=tuple(_references(root.get("PredecessorDocumentsSequence") or ())),
        observer=tree.observer(root),
        groups=tree.groups(root),
        time_point=tree.time_point(root),
    )


def _references(studies: Sequence[Dataset]) -> Iterator[str]:
    for study in studies:
        for series in study.get("ReferencedSeriesSequence") or ():
            for instance in series.get("ReferencedSOPSequence") or ():
                yield str(instance.get("ReferencedSOPInstanceUID") or "")


def _sop_class(file: Path) -> str:
    """Which kind of object a file is, from its first elements alone."""
    from pydicom.filereader import read_partial  # noqa: PLC0415

    with file.open("rb") as stream:
        if _is_deflated(stream):
            stream.seek(0)
            return _meta(stream).get("MediaStorageSOPClassUID", "")
        stream.seek(0)
        found = read_partial(stream, stop_when=lambda tag, _vr, _length: tag > _SOP_CLASS, force=True)
        meta = getattr(found, "file_meta", None)
        return str(found.get("SOPClassUID") or (meta.get("MediaStorageSOPClassUID") if meta else "") or "")


def _meta(stream: BinaryIO) -> dict[str, str]:
    from pydicom.filereader import _read_file_meta_info, read_preamble  # noqa: PLC0415

    stream.seek(0)
    read_preamble(stream, force=True)
    meta = _read_file_meta_info(stream)
    return {name: str(meta.get(name) or "") for name in ("MediaStorageSOPClassUID", "TransferSyntaxUID")}


def _is_deflated(stream: BinaryIO) -> bool:
    return _meta(stream)["TransferSyntaxUID"] == _DEFLATED


def _unpacks_too_large(stream: BinaryIO) -> bool:
    if not _is_deflated(stream):
        return False
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    return len(unpacking.decompress(stream.read(), MOST_BYTES + 1)) > MOST_BYTES


def _starts_bare(head: bytes) -> bool:
    """True when a file begins with an early element, as files without a preamble do."""
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00") or head[3] != 0 or head[2] > 0x20:
        return False
    vr, length = head[4:6], int.from_bytes(head[4:8], "little")
    explicit = vr.isalpha() and vr.isupper()
    return explicit or (length <= 64 and head[:2] == b"\x08\x00")


def _date(value: object) -> date | None:
    text = str(value or "").strip().replace(".", "")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
    except ValueError:
        return None


def _files(path: Path) -> Iterator[Path]:
    """The file itself; of a folder every file in it and below it, in order, hidden ones left out."""
    if path.is_file():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.is_file():
            yield entry
