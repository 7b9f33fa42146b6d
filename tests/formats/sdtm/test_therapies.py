"""CM and PR: other treatment of the cancer, which is a new therapy or is asked about, and what is none."""

import pytest

from tests.formats.transport import named, read_all, size, warnings
from turnpoint.workflows.respond import new_therapy, respond

# Sizes of ../shared's case: 50, 45, 45, 70 mm on days 0, 42, 84 and 126 (study days one more).
SCANS = {
    "tu": [named("T01", "TARGET")],
    "tr": [size("T01", day, mm) for day, mm in ((1, 50), (43, 45), (85, 45), (127, 70))],
}
EX = {"USUBJID": "P1", "EXTRT": "DOCETAXEL", "EXDOSE": 75.0, "EXDOSU": "mg/m2"}
DM = {"USUBJID": "P1", "RFSTDTC": "2024-01-10"}


def medication(treatment="PEMETREXED", start="2024-04-19", **other):
    return {"USUBJID": "P1", "CMTRT": treatment, "CMSTDTC": start} | other


def procedure(treatment, start="2024-04-19", **other):
    return {"USUBJID": "P1", "PRTRT": treatment, "PRSTDTC": start} | other


def doses_of(*days):
    return [EX | {"EXSTDTC": None, "EXSTDY": float(day)} for day in days]


def censored(study):
    """Day of the new therapy, and progression-free days with their reason."""
    found = respond(study).progression_free.row(0, named=True)
    return found["new_therapy_day"], found["progression_free_days"], found["reason"]


NEW = (100, 84, "new_therapy")
NONE = (None, 126, "progression")


@pytest.mark.parametrize(
    "category",
    [
        "SUBSEQUENT ANTI-CANCER THERAPY",
        "Follow-up anticancer therapy",
        "POST-TREATMENT CHEMOTHERAPY",
        "FURTHER SYSTEMIC THERAPY",
    ],
)
@pytest.mark.parametrize("exposure", [(), (1, 22, 43), (1, 22, 43, 106)])
def test_subsequent_therapy_of_cm_censors_whatever_ex_says(tmp_path, category, exposure):
    study = read_all(
        tmp_path,
        **SCANS,
        dm=[DM],
        cm=[medication("XYZ-123", CMCAT=category)],
        **({"ex": doses_of(*exposure)} if exposure else {}),
    )
    assert censored(study) == NEW
    assert study.doses.filter(line=2)["drug"].to_list() == ["xyz-123"]


@pytest.mark.parametrize(
    "record",
    [
        medication("PEMETREXED"),
        medication("trade name", CMDECOD="NIVOLUMAB"),
        medication("XYZ-123", CMCLASCD="L01EB"),
        medication("XYZ-123", CMCLAS="ANTINEOPLASTIC AGENTS"),
        medication("XYZ-123", CMCAT="ANTI-CANCER THERAPY"),
    ],
)
def test_drug_against_the_cancer_is_known_by_category_class_or_name(tmp_path, record):
    assert censored(read_all(tmp_path, **SCANS, dm=[DM], cm=[record])) == NEW


@pytest.mark.parametrize(
    "record",
    [
        medication("PARACETAMOL", CMCAT="CONCOMITANT MEDICATIONS"),
        medication("DENOSUMAB", CMCAT="GENERAL"),
        medication("PEMETREXED", CMOCCUR="N"),
        medication("INFLIXIMAB"),
    ],
)
def test_other_medications_are_counted_and_not_read(tmp_path, record):
    study = read_all(tmp_path, **SCANS, dm=[DM], cm=[record])
    assert censored(study) == NONE
    assert "1 record: medications that are no treatment of the cancer" in warnings(study)


@pytest.mark.parametrize(
    "record",
    [
        medication(start="2023-06-01"),
        medication(start="2023"),
        medication(start=None, CMCAT="PRIOR CANCER THERAPY"),
    ],
)
def test_treatment_before_the_course_is_counted_and_not_read(tmp_path, record):
    study = read_all(tmp_path, **SCANS, dm=[DM], cm=[record])
    assert censored(study) == NONE
    assert "1 record: treatments of the cancer before the course" in warnings(study)


@pytest.mark.parametrize("start", [None, "2024"])
def test_treatment_that_cannot_be_placed_is_named_with_what_it_does_to_survival(tmp_path, start):
    study = read_all(tmp_path, **SCANS, dm=[DM], cm=[medication(start=start, CMCAT="SUBSEQUENT THERAPY")])
    assert censored(study) == NONE
    found = next(p for p in study.problems if "not known to be after the start" in p.rule)
    assert "progression-free survival is not censored" in found.mend


def test_part_of_a_date_is_read_as_its_first_day(tmp_path):
    # 1 April 2024 is day 82.
    study = read_all(tmp_path, **SCANS, dm=[DM], cm=[medication(start="2024-04", CMCAT="SUBSEQUENT THERAPY")])
    assert censored(study) == (82, 42, "new_therapy")


@pytest.mark.parametrize(
    ("exposure", "expected"), [((1, 22), NEW), ((1, 22, 101), NONE), ((1, 22, 106), NEW)]
)
def test_a_drug_of_no_told_line_is_asked_about(tmp_path, exposure, expected):
    study = read_all(tmp_path, **SCANS, dm=[DM], ex=doses_of(*exposure), cm=[medication()])
    assert censored(study) == expected
    assert any("not part of the regimen so far" in p.rule for p in study.problems)


def test_a_drug_that_ex_has_too_is_counted_once(tmp_path):
    study = read_all(
        tmp_path,
        **SCANS,
        dm=[DM],
        ex=doses_of(1, 22),
        cm=[medication("Docetaxel", "2024-01-10", CMDOSE=75.0)],
    )
    assert study.doses["day"].to_list() == [0, 21]
    assert "1 record: treatments of the cancer that EX has too" in warnings(study)


def test_the_new_line_follows_the_courses_own(tmp_path):
    people = [DM | {"TRTLINE": "3"}]
    study = read_all(tmp_path, **SCANS, dm=people, cm=[medication(CMCAT="SUBSEQUENT THERAPY")])
    assert study.doses["line"].to_list() == [4]
    assert new_therapy(study)["new_therapy_day"].to_list() == [100]


@pytest.mark.parametrize(
    "record",
    [
        procedure("PALLIATIVE RADIOTHERAPY"),
        procedure("Stereotactic body radiation"),
        procedure("RESECTION", PRCAT="SUBSEQUENT ANTI-CANCER SURGERY"),
        procedure("LOBECTOMY", PRINDC="LUNG CANCER"),
    ],
)
def test_radiotherapy_and_surgery_of_the_cancer_are_new_therapy(tmp_path, record):
    assert censored(read_all(tmp_path, **SCANS, dm=[DM], pr=[record])) == NEW


@pytest.mark.parametrize(
    "record",
    [
        procedure("CT SCAN", PRINDC="LUNG CANCER"),
        procedure("LIVER BIOPSY", PRCAT="TUMOR"),
        procedure("APPENDECTOMY"),
    ],
)
def test_other_procedures_are_counted_and_not_read(tmp_path, record):
    study = read_all(tmp_path, **SCANS, dm=[DM], pr=[record])
    assert censored(study) == NONE
    assert "1 record: procedures that are no treatment of the cancer" in warnings(study)


def test_doses_of_all_domains_keep_their_records_apart(tmp_path):
    study = read_all(
        tmp_path,
        **SCANS,
        dm=[DM],
        ex=doses_of(1, 22),
        cm=[medication()],
        pr=[procedure("RADIOTHERAPY", "2024-05-01")],
    )
    assert study.doses.select("day", "drug", "source_row").rows() == [
        (0, "docetaxel", 2),
        (21, "docetaxel", 3),
        (100, "pemetrexed", 4),
        (112, "radiotherapy", 5),
        (114, "radiotherapy", 5),
    ]
