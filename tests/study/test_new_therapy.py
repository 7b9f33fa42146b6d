"""A new anti-cancer therapy: told by its line, or a drug outside the regimen, which is asked about."""

import pytest

from tests.workflows.studies import study_of
from turnpoint.study.new_therapy import new_therapy_days
from turnpoint.workflows.respond import respond

# FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018), appendix C: progression after
# new anti-cancer therapy is censored at the last evaluable assessment before it.
LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status\n" + "\n".join(
    f"A,{day},T1,target,{mm},measured" for day, mm in ((0, 50), (42, 45), (84, 45), (126, 70))
)


def study_with(*rows, columns="day,drug", patients="patient_id\nA"):
    doses = "\n".join([f"patient_id,{columns}", *(f"A,{row}" for row in rows)])
    return study_of(lesions=LESIONS, doses=doses, patients=patients)


def questions(study):
    return [p.rule.split("; ")[1][:30] for p in study.problems if "not part of the regimen" in p.rule]


def days(study):
    return new_therapy_days(study.doses, study.patients)["new_therapy_day"].to_list()


READ_AS_NEW = ["none of the drugs before it is"]
READ_AS_ADDED = ["drugs before it are given on i"]


def test_progression_after_a_second_drug_without_a_line_is_censored_and_asked_about():
    study = study_with("0,docetaxel", "100,pemetrexed")
    found = respond(study).progression_free.row(0, named=True)
    assert (found["progression_free_days"], found["event"], found["reason"]) == (84, False, "new_therapy")
    assert questions(study) == READ_AS_NEW
    warning = next(p for p in study.problems if "not part of the regimen" in p.rule)
    assert (warning.file, warning.row, warning.value) == ("doses.csv", 3, "pemetrexed")
    assert "progression-free survival is censored" in warning.rule


@pytest.mark.parametrize(
    ("line", "expected"),
    [(1, (126, True, "progression")), (2, (84, False, "new_therapy"))],
)
def test_a_line_settles_the_question(line, expected):
    study = study_with("0,docetaxel,1", f"100,pemetrexed,{line}", columns="day,drug,line")
    found = respond(study).progression_free.row(0, named=True)
    assert (found["progression_free_days"], found["event"], found["reason"]) == expected
    assert questions(study) == []


def test_a_later_line_counts_where_the_first_drug_states_none():
    assert days(study_with("0,docetaxel,", "100,pemetrexed,2", columns="day,drug,line")) == [100]
    assert days(study_with("0,docetaxel,", "100,pemetrexed,1", columns="day,drug,line")) == []
    assert (
        days(
            study_with(
                "0,docetaxel,", "100,pemetrexed,2", columns="day,drug,line", patients="patient_id,line\nA,2"
            )
        )
        == []
    )


@pytest.mark.parametrize(("first", "expected"), [(28, []), (29, [29])])
def test_a_line_first_stated_after_day_28_is_not_the_courses_own(first, expected):
    assert days(study_with(f"{first},docetaxel,2", columns="day,drug,line")) == expected


@pytest.mark.parametrize(("day", "asked", "expected"), [(14, [], []), (15, READ_AS_NEW, [15])])
def test_a_drug_of_the_first_14_days_is_part_of_the_regimen(day, asked, expected):
    study = study_with("0,docetaxel", f"{day},pemetrexed")
    assert (questions(study), days(study)) == (asked, expected)


@pytest.mark.parametrize(
    ("last", "asked", "expected"),
    [(99, READ_AS_NEW, [100]), (100, READ_AS_ADDED, []), (105, READ_AS_NEW, [100])],
)
def test_a_drug_is_added_when_the_regimen_is_given_on_its_first_day_and_nothing_later_counts(
    last, asked, expected
):
    study = study_with("0,docetaxel", "42,docetaxel", f"{last},docetaxel", "100,bevacizumab")
    assert (questions(study), days(study)) == (asked, expected)


@pytest.mark.parametrize(
    ("stop", "asked", "expected"),
    [("100,erlotinib,stop", READ_AS_NEW, [100]), ("101,erlotinib,stop", READ_AS_ADDED, [])],
)
def test_a_daily_drug_goes_on_until_it_is_stopped(stop, asked, expected):
    study = study_with("0,erlotinib,start", stop, "100,osimertinib,start", columns="day,drug,action")
    assert (questions(study), days(study)) == (asked, expected)


def test_a_regimen_by_name_tells():
    columns = "day,drug,regimen"
    same = study_with("0,doxorubicin,AC-T", "63,paclitaxel,ac-t", columns=columns)
    assert (questions(same), days(same)) == ([], [])
    rows = (
        "0,fluorouracil,FOLFOX",
        "0,oxaliplatin,FOLFOX",
        "70,fluorouracil,FOLFIRI",
        "70,irinotecan,FOLFIRI",
    )
    other = study_with(*rows, columns=columns)
    assert (questions(other), days(other)) == (READ_AS_NEW, [70])


@pytest.mark.parametrize(
    "drug",
    [
        "ondansetron",
        "pegfilgrastim",
        "zoledronic acid",
        "denosumab",
        "dexamethasone",
        "leucovorin calcium",
        "Docetaxel trihydrate",
    ],
)
def test_what_supports_a_treatment_or_is_its_salt_is_no_new_drug(drug):
    study = study_with("0,docetaxel", f"60,{drug}")
    assert (questions(study), days(study)) == ([], [])


def test_a_drug_of_an_earlier_course_is_not_asked_about():
    study = study_with("-90,cisplatin", "0,docetaxel", "21,docetaxel")
    assert (questions(study), days(study)) == ([], [])
