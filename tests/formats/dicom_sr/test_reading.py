"""Structured reports of measurements become lesions over time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("pydicom")

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from tests.formats.dicom_sr.structured_reports import (
    DIAMETER,
    FINDING,
    LENGTH,
    LONG_AXIS,
    LUNG,
    NODE,
    NON_TARGET,
    SHORT_AXIS,
    SITE,
    TARGET,
    VOLUME,
    group,
    item,
    number,
    report,
    said,
    saved,
)
from turnpoint.errors import Problem
from turnpoint.formats import FORMATS, dicom_sr
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study


def inspect(path: Path) -> tuple[Study | None, tuple[Problem, ...]]:
    return FORMATS["dicom-sr"].inspect(path, tuple(TABLES))


def test_lesions_are_followed_over_dates_when_reports_share_tracking_identifiers(tmp_path: Path) -> None:
    saved(
        report(group("T1", said(SITE, LUNG), number(LONG_AXIS, "31.5"), uid="1.2.3")), tmp_path / "a", "1.dcm"
    )
    late = report(
        group("T1", said(SITE, LUNG), number(LONG_AXIS, "2.4", "cm"), uid="1.2.3"), study="20240216"
    )
    saved(late, tmp_path / "b" / "c", "2.dcm")

    study, _ = inspect(tmp_path)

    assert study is not None
    shown = study.lesions.select("patient_id", "day", "lesion_id", "role", "site", "diameter_mm", "status")
    assert shown.rows() == [
        ("P1", 0, "T1", "target", "Lung", 31.5, "measured"),
        ("P1", 42, "T1", "target", "Lung", 24.0, "measured"),
    ]
    assert study.patients["sex"].to_list() == ["female"]


def test_short_axis_is_the_size_when_the_site_is_a_lymph_node(tmp_path: Path) -> None:
    axes = (number(LONG_AXIS, "30"), number(SHORT_AXIS, "18"))
    saved(report(group("N", said(SITE, NODE), *axes), group("L", said(SITE, LUNG), *axes)), tmp_path, "1.dcm")

    found = dicom_sr.convert(tmp_path)

    assert found.study is not None
    assert found.study.lesions.select("lesion_id", "node", "diameter_mm").sort("lesion_id").rows() == [
        ("L", False, 30.0),
        ("N", True, 18.0),
    ]
    assert sorted(found.unmapped["value"].to_list()) == ["18", "30"]


@pytest.mark.parametrize(
    "name", [LENGTH, DIAMETER, ("G-A185", "99SDM", "Long Axis"), ("103339001", "SCT", "")]
)
def test_size_is_read_when_older_schemes_name_it(tmp_path: Path, name: tuple[str, str, str]) -> None:
    saved(report(group("T1", number(name, "22"))), tmp_path, "1.dcm")

    study, _ = inspect(tmp_path)

    assert study is not None
    assert study.lesions["diameter_mm"].to_list() == [22.0]


def test_role_is_that_of_the_report_at_every_visit_when_one_report_says_it(tmp_path: Path) -> None:
    kind = ("112031", "DCM", "Attribute")
    first = report(
        group("T1", number(LONG_AXIS, "20"), said(kind, TARGET)),
        group("X", said(kind, NON_TARGET)),
        group("Y", number(LONG_AXIS, "9"), said(kind, ("1", "99LOCAL", "New Lesion"))),
    )
    saved(first, tmp_path, "1.dcm")
    saved(report(group("X", number(LONG_AXIS, "12")), study="20240301"), tmp_path, "2.dcm")

    study, _ = inspect(tmp_path)

    assert study is not None
    rows = study.lesions.select("lesion_id", "day", "role", "status").sort("lesion_id", "day").rows()
    assert rows == [
        ("T1", 0, "target", "measured"),
        ("X", 0, "non_target", "present"),
        ("X", 56, "non_target", "measured"),
        ("Y", 0, "new", "measured"),
    ]


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((number(LONG_AXIS, None, missing=("114006", "DCM", "Measurement failure")),), "not_evaluable"),
        ((number(LONG_AXIS, None, missing=("1", "99X", "Too small to measure")),), "too_small"),
        ((said(("1", "99X", "State"), ("2", "99X", "Disappeared")),), "absent"),
        ((number(LONG_AXIS, "0"),), "absent"),
    ],
)
def test_status_says_why_when_there_is_no_size(
    tmp_path: Path, parts: tuple[Dataset, ...], status: str
) -> None:
    saved(report(group("T1", number(LONG_AXIS, "20"))), tmp_path, "1.dcm")
    saved(report(group("T1", *parts), study="20240301"), tmp_path, "2.dcm")

    study, problems = inspect(tmp_path)

    assert study is not None, problems
    assert study.lesions["status"].to_list() == ["measured", status]


def test_what_is_no_lesion_is_kept_when_it_is_not_read(tmp_path: Path) -> None:
    aorta = group(
        "Aorta",
        said(("276214006", "SCT", "Finding category"), ("91723000", "SCT", "Anatomical structure")),
        said(FINDING, ("15825003", "SCT", "Aorta")),
        number(DIAMETER, "20"),
    )
    saved(
        report(group("T1", number(LONG_AXIS, "20"), number(VOLUME, "900", "mm3")), aorta), tmp_path, "1.dcm"
    )

    found = dicom_sr.convert(tmp_path)

    assert found.study is not None
    assert found.study.lesions["lesion_id"].to_list() == ["T1"]
    assert found.unmapped.select("name", "value", "unit").sort("name").rows() == [
        ("Diameter", "20", "mm"),
        ("Volume", "900", "mm3"),
    ]


def test_size_is_not_read_when_it_is_in_pixels(tmp_path: Path) -> None:
    saved(report(group("T1", number(LONG_AXIS, "20", "{pixels}"))), tmp_path, "1.dcm")

    study, problems = inspect(tmp_path)

    assert study is None
    assert any("no diameter of a lesion" in problem.rule for problem in problems)


def test_later_report_counts_when_two_measure_the_same_day(tmp_path: Path) -> None:
    saved(report(group("T1", number(LONG_AXIS, "20"), uid="1.2.3")), tmp_path, "1.dcm")
    saved(
        report(group("T1", number(LONG_AXIS, "21"), uid="1.2.3"), ContentDate="20240402"), tmp_path, "0.dcm"
    )

    found = dicom_sr.convert(tmp_path)

    assert found.study is not None
    assert found.study.lesions["diameter_mm"].to_list() == [21.0]
    assert found.unmapped["value"].to_list() == ["20"]


def test_replaced_report_is_left_out_when_a_later_one_names_it(tmp_path: Path) -> None:
    first, second = report(group("T1", number(LONG_AXIS, "20"))), report(group("T1", number(LONG_AXIS, "25")))
    reference, series, study = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        first.SOPClassUID,
        first.SOPInstanceUID,
    )
    series.ReferencedSOPSequence = Sequence([reference])
    study.ReferencedSeriesSequence = Sequence([series])
    second.PredecessorDocumentsSequence = Sequence([study])
    saved(first, tmp_path, "2.dcm")
    saved(second, tmp_path, "1.dcm")

    found, _ = inspect(tmp_path)

    assert found is not None
    assert found.lesions["diameter_mm"].to_list() == [25.0]


def test_one_lesion_is_read_when_each_report_made_its_own_unique_identifier(tmp_path: Path) -> None:
    saved(report(group("T1", number(LONG_AXIS, "20"), uid="1.1")), tmp_path, "1.dcm")
    saved(report(group("T1", number(LONG_AXIS, "15"), uid="1.2"), study="20240301"), tmp_path, "2.dcm")

    study, problems = inspect(tmp_path)

    assert study is not None
    assert study.lesions["lesion_id"].to_list() == ["T1", "T1"]
    assert any("another unique identifier" in problem.rule for problem in problems)


def test_two_lesions_are_read_when_one_report_uses_a_name_twice(tmp_path: Path) -> None:
    twice = (
        group("Lesion", number(LONG_AXIS, size), uid=uid) for size, uid in (("20", "1.1"), ("30", "1.2"))
    )
    saved(report(*twice), tmp_path, "1.dcm")

    study, _ = inspect(tmp_path)

    assert study is not None
    assert study.lesions.select("lesion_id", "diameter_mm").rows() == [("Lesion", 20.0), ("Lesion (2)", 30.0)]


def test_readers_are_numbered_not_named_when_several_read_a_scan(tmp_path: Path) -> None:
    for name in ("Doe^Ann", "Roe^Bob"):
        saved(
            report(group("T1", number(LONG_AXIS, "20"), uid="1.1"), observer=name),
            tmp_path,
            f"{name[:3]}.dcm",
        )

    study, problems = inspect(tmp_path)

    assert study is not None, problems
    assert study.lesions["reader"].to_list() == ["reader 1", "reader 2"]


def test_day_zero_is_the_trials_when_the_report_says_the_offset(tmp_path: Path) -> None:
    made = report(group("T1", number(LONG_AXIS, "20")), LongitudinalTemporalOffsetFromEvent=-7.0)
    saved(made, tmp_path, "1.dcm")

    study, problems = inspect(tmp_path)

    assert study is not None
    assert study.lesions["day"].to_list() == [-7]
    assert not any("when treatment began" in problem.rule for problem in problems)


def test_several_time_points_of_one_report_are_left_out_when_it_has_one_date(tmp_path: Path) -> None:
    point = ("C2348792", "UMLS", "Time Point")
    groups = [
        group(f"T{number_}", item("TEXT", point, TextValue=f"TP{number_}"), number(LONG_AXIS, "20"))
        for number_ in (1, 2)
    ]
    saved(report(*groups), tmp_path, "1.dcm")

    found = dicom_sr.convert(tmp_path)

    assert found.study is None
    assert set(found.unmapped["reason"]) == {
        "the report holds several time points, so its date is not that of each"
    }


@pytest.mark.parametrize(
    ("change", "column"), [({"patient": ""}, "PatientID"), ({"study": None, "ContentDate": ""}, "StudyDate")]
)
def test_report_is_an_error_when_it_has_no_patient_or_date(
    tmp_path: Path, change: dict[str, str], column: str
) -> None:
    saved(report(group("T1", number(LONG_AXIS, "20")), **change), tmp_path, "1.dcm")

    study, problems = inspect(tmp_path)

    assert study is None
    assert column in {problem.column for problem in problems}


def test_name_of_the_patient_is_nowhere_when_a_folder_is_read(tmp_path: Path) -> None:
    saved(report(group("T1", number(LONG_AXIS, "20"), number(VOLUME, "1", "cm3"))), tmp_path, "1.dcm")

    found = dicom_sr.convert(tmp_path)

    assert found.study is not None
    assert "Secret" not in str(
        [found.study.patients.rows(), found.study.lesions.rows(), found.unmapped.rows(), found.problems]
    )


def test_images_are_counted_when_they_lie_between_reports(tmp_path: Path) -> None:
    saved(report(group("T1", number(LONG_AXIS, "20"))), tmp_path, "1.dcm")
    image = report()
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2")
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    for name in ("2.dcm", "3.dcm"):
        saved(image, tmp_path, name)

    study, problems = inspect(tmp_path)

    assert study is not None
    assert any(problem.rule.startswith("2 files are not read: DICOM objects") for problem in problems)


def test_file_is_read_when_its_preamble_is_left_out(tmp_path: Path) -> None:
    whole = saved(report(group("T1", number(LONG_AXIS, "20"))), tmp_path, "1.dcm").read_bytes()
    bare = tmp_path / "bare" / "1"
    bare.parent.mkdir()
    bare.write_bytes(whole[132:])

    assert dicom_sr.recognises(bare)
    study, problems = inspect(bare)
    assert study is not None, problems


@pytest.mark.parametrize("text", ["patient_id,day,marker\n", "{}", "", "PK\x03\x04", "[rows]\n" * 40])
def test_other_files_are_not_recognised_when_they_are_no_dicom(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)

    assert not dicom_sr.recognises(tmp_path)
    assert not dicom_sr.recognises(tmp_path / "missing")


def test_every_cut_is_one_clear_error_when_a_file_is_truncated(tmp_path: Path) -> None:
    whole = saved(report(group("T1", number(LONG_AXIS, "20"))), tmp_path, "1.dcm").read_bytes()
    cut = tmp_path / "cut" / "1.dcm"
    cut.parent.mkdir()
    for size in range(140, len(whole), 37):
        cut.write_bytes(whole[:size])
        study, problems = inspect(cut)
        assert study is None
        assert sum(problem.severity == "error" for problem in problems) == 1


def test_no_byte_crashes_the_reader_when_files_are_hostile(tmp_path: Path) -> None:
    whole = bytearray(saved(report(group("T1", number(LONG_AXIS, "20"))), tmp_path, "1.dcm").read_bytes())
    rng = random.Random(7)  # noqa: S311
    broken = tmp_path / "broken" / "1.dcm"
    broken.parent.mkdir()
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(132, len(damaged))] = rng.randrange(256)
        broken.write_bytes(damaged)
        study, problems = inspect(broken)
        assert study is not None or any(problem.severity == "error" for problem in problems)


@pytest.mark.parametrize("fault", [TypeError("ours"), AttributeError("ours"), AssertionError("ours")])
def test_fault_of_our_own_code_is_not_taken_for_a_damaged_file(
    fault: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = saved(report(group("T1", number(LONG_AXIS, "20"))), tmp_path, "1.dcm")

    def faulty(*_: object) -> None:
        raise fault

    monkeypatch.setattr("turnpoint.formats.dicom_sr.tree.groups", faulty)
    with pytest.raises(type(fault), match="ours"):
        inspect(place)


@pytest.mark.parametrize(
    "damage",
    [EOFError(), OSError(), ValueError(), NotImplementedError(), KeyError(), OverflowError(), MemoryError()],
)
def test_damaged_file_is_one_error_when_its_bytes_mean_nothing(
    damage: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = saved(report(group("T1", number(LONG_AXIS, "20"))), tmp_path, "1.dcm")

    def damaged(*_: object, **__: object) -> None:
        raise damage

    monkeypatch.setattr("pydicom.dcmread", damaged)
    study, problems = inspect(place)
    assert study is None
    assert [str(problem) for problem in problems if "cannot be read: it is damaged" in str(problem)]


def test_tree_is_one_error_when_it_is_nested_too_deep(tmp_path: Path) -> None:
    # Items of undefined length, 20,000 deep: bytes by hand, since no writer makes them.
    start = saved(report(), tmp_path, "1.dcm").read_bytes()
    deep = b"\x40\x00\x30\xa7SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 20_000
    place = tmp_path / "deep.dcm"
    at = start.index(b"\x40\x00\x30\xa7SQ")
    place.write_bytes(start[:at] + deep)

    study, problems = inspect(place)

    assert study is None
    assert sum(problem.severity == "error" for problem in problems) == 1


def test_report_is_refused_when_it_unpacks_to_far_more_than_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = report(group("T1", number(LONG_AXIS, "20")))
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    place = saved(made, tmp_path, "1.dcm")
    assert inspect(place)[0] is not None
    monkeypatch.setattr("turnpoint.formats.dicom_sr.files.MOST_BYTES", 1000)

    study, problems = inspect(place)

    assert study is None
    assert "unpacks to more than" in problems[0].rule or "more than" in problems[0].rule
