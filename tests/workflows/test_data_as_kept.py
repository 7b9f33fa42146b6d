"""Data as clinics and trials keep it: small studies that were once answered wrongly, each with its right answer."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import turnpoint as tp
from tests.workflows.studies import study_of
from turnpoint.cli.commands import app
from turnpoint.workflows.metrics import metrics
from turnpoint.workflows.respond import respond

LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status"
MARKERS = "patient_id,day,marker,value,unit,upper_limit"


def lesions_of(*rows, columns=LESIONS, **tables):
    return study_of(lesions="\n".join([columns, *(f"A,{row}" for row in rows)]), **tables)


def markers_of(*rows, **tables):
    return study_of(markers="\n".join([MARKERS, *(f"A,{row}" for row in rows)]), **tables)


def rules(study):
    return [problem.rule for problem in study.problems]


# Zeros


def test_psa_that_falls_to_zero_is_a_confirmed_psa90():
    study = markers_of(*(f"{day},PSA,{value},ng/mL,4" for day, value in ((0, 20), (28, 0), (56, 0), (84, 0))))
    best = respond(study, "pcwg3-psa").best_responses.row(0, named=True)
    assert (best["confirmed_best_response"], best["psa90_confirmed"]) == ("PR", True)
    assert best["best_decline_pct"] == pytest.approx(99.5)
    assert best["nadir_ng_per_ml"] == 0.1


def test_ca_125_that_falls_to_zero_is_normal_and_its_relapse_is_progression():
    # GCIG, category B: from normal, twice the upper limit (70 U/mL), confirmed a week later.
    values = ((0, 400), (28, 100), (56, 0), (84, 0), (140, 80), (154, 90))
    study = markers_of(*(f"{day},CA-125,{value},U/mL,35" for day, value in values))
    best = respond(study, "gcig-ca125").best_responses.row(0, named=True)
    assert (best["best_response"], best["progression_day"]) == ("CR", 140)


def test_zero_is_a_limit_to_the_model_too():
    zeros = markers_of(*(f"{day},CEA,{value},ng/mL,5" for day, value in ((0, 40), (42, 5), (84, 0))))
    limits = markers_of(*(f"{day},CEA,{value},ng/mL,5" for day, value in ((0, 40), (42, 5), (84, "<0.5"))))
    one, other = (tp.assess(study, particles=128).frame for study in (zeros, limits))
    assert one.equals(other)


# Several values of a marker on one day


def test_last_of_several_values_of_a_day_is_read_with_a_warning():
    study = markers_of(
        *(f"{day},CA-125,{value},U/mL,35" for day, value in ((-2, 400), (31, 150), (31, 160), (62, 140)))
    )
    assert study.markers["value"].to_list() == [400, 160, 140]
    (problem,) = study.problems
    assert (problem.row, problem.value) == (3, "150")
    assert "Keep this row or row 4" in problem.mend


# A baseline that is too old


@pytest.mark.parametrize(("day", "warned"), [(-28, False), (-29, True), (-60, True)])
def test_baseline_more_than_four_weeks_before_treatment_is_warned_of(day, warned):
    study = lesions_of(f"{day},T1,target,50,measured", "42,T1,target,30,measured")
    assert any("more than 28 days before day 0" in rule for rule in rules(study)) is warned


def test_an_older_scan_beside_a_timely_baseline_is_not_too_old():
    study = lesions_of("-60,T1,target,50,measured", "-7,T1,target,50,measured", "42,T1,target,30,measured")
    assert not any("more than 28 days before day 0" in rule for rule in rules(study))


# KELIM


@pytest.mark.parametrize(
    ("tables", "readings"),
    [
        ({}, 5),
        ({"events": "patient_id,day,term,grade\nA,70,Interval debulking surgery,1"}, 4),
        ({"doses": "patient_id,day,drug\nA,0,carboplatin\nA,70,interval debulking surgery"}, 4),
        ({"events": "patient_id,day,term,grade\nA,-10,Primary debulking surgery,1"}, 5),
        ({"events": "patient_id,day,term,grade\nA,30,Interval debulking surgery,1"}, None),
        ({"events": "patient_id,day,term,grade\nA,70,Nausea,1"}, 5),
    ],
)
def test_kelim_leaves_out_what_follows_an_operation_on_the_tumour(tables, readings):
    values = ((-3, 400), (21, 200), (42, 100), (63, 50), (84, 40))
    study = markers_of(*(f"{day},CA-125,{value},U/mL,35" for day, value in values), **tables)
    assert metrics(study)["kelim_readings"].to_list() == [readings]


# Doses in mg, without body size


@pytest.mark.parametrize(("size", "said"), [("", True), (",bsa_m2\nA,1.8", False)])
def test_harm_says_which_shares_lack_a_body_surface(tmp_path, size, said):
    doses = "patient_id,day,drug,dose,unit\n" + "".join(
        f"A,{day},doxorubicin,120,mg\n" for day in (0, 21, 42)
    )
    (tmp_path / "doses.csv").write_text(doses)
    (tmp_path / "lesions.csv").write_text(
        f"{LESIONS}\nA,0,T1,target,50,measured\nA,42,T1,target,40,measured\n"
    )
    if size:
        (tmp_path / "patients.csv").write_text(f"patient_id{size}\n")
    shown = CliRunner().invoke(app, ["harm", str(tmp_path)]).output
    expected = "shares of 2 limits or thresholds could not be computed: body surface is missing"
    assert (expected in " ".join(shown.split())) is said


# iRECIST after iCPD


def test_after_icpd_a_visit_is_listed_as_it_is_and_counts_for_nothing():
    # Seymour 2017: progression is that of the confirmed iUPD; a later response is not the best response.
    sizes = ((0, 50), (42, 70), (84, 80), (126, 30), (168, 30))
    found = respond(lesions_of(*(f"{day},T1,target,{mm},measured" for day, mm in sizes)), "irecist")
    assert found.responses["overall_response"].to_list() == [None, "iUPD", "iCPD", "iPR", "iPR"]
    best = found.best_responses.row(0, named=True)
    assert (best["best_response"], best["progression_day"], best["last_evaluable_day"]) == ("iCPD", 42, 84)


# Days that begin at 1


def ca_125_from(day, *, doses=True, patients=("A",), column="day", before=True):
    """CA-125 that falls by half for good, from a sample on a day; doses begin with it."""
    rows = [(day, 400), (day + 28, 100), (day + 56, 90)] + ([(-20, 420)] if before else [])
    markers = [f"{one},{own},CA-125,{value},U/mL,35" for one in patients for own, value in sorted(rows)]
    tables = {"markers": "\n".join([MARKERS.replace("day", column), *markers])}
    if doses:
        given = [f"{one},{day + 21 * cycle},carboplatin" for one in patients for cycle in range(4)]
        tables["doses"] = "\n".join([f"patient_id,{column},drug", *given])
    return study_of(**tables)


@pytest.mark.parametrize(
    "study",
    [
        ca_125_from(1),
        ca_125_from(1, column="study_day"),
        ca_125_from(1, column="ADY", doses=False),
        ca_125_from(1, doses=False, patients=("A", "B", "C")),
    ],
)
def test_days_that_begin_at_1_are_days_of_the_course(study):
    # GCIG: the last sample up to day 0, at most 14 days old, is the baseline.
    best = respond(study, "gcig-ca125").best_responses
    assert set(best["best_response"]) == {"PR"}
    assert study.markers["day"].unique().sort().to_list() == [-20, 0, 28, 56]


def test_days_counted_from_1_are_said_to_be_unless_the_column_says_so():
    assert sum("day 1 is read as day 0" in rule for rule in rules(ca_125_from(1))) == 1
    assert not any("day 0" in rule for rule in rules(ca_125_from(1, column="study_day")))


@pytest.mark.parametrize("patients", [("A",), ("A", "B")])
def test_few_patients_without_doses_are_asked_about_and_left(patients):
    study = ca_125_from(1, doses=False, patients=patients, before=False)
    assert any("are days counted from 1?" in rule for rule in rules(study))
    assert study.markers["day"].min() == 1


@pytest.mark.parametrize("day", [0, 2])
def test_days_that_begin_otherwise_are_left(day):
    study = ca_125_from(day)
    assert study.markers["day"].to_list() == [-20, day, day + 28, day + 56]
    assert not any("day 0" in rule for rule in rules(study))


def test_one_row_on_day_0_settles_that_days_begin_there():
    doses = "patient_id,day,drug\nA,1,carboplatin\nA,22,carboplatin"
    study = markers_of("0,CA-125,400,U/mL,35", "29,CA-125,100,U/mL,35", doses=doses)
    assert study.markers["day"].to_list() == [0, 29]


def test_dates_are_not_study_days():
    doses = "patient_id,date,drug\nA,2024-01-02,carboplatin\nA,2024-01-23,carboplatin"
    study = markers_of("1,CA-125,400,U/mL,35", doses=doses, patients="patient_id,start_date\nA,2024-01-01")
    assert study.markers["day"].to_list() == [1]
    assert study.doses["day"].to_list() == [1, 22]


def test_day_0_in_a_column_of_study_days_is_an_error():
    with pytest.raises(tp.StudyError, match="study days have no day 0"):
        ca_125_from(0, column="study_day")


def test_ends_and_deaths_are_counted_from_1_with_the_days():
    study = lesions_of(
        "1,T1,target,50,measured",
        doses="patient_id,day,drug\nA,1,docetaxel",
        events="patient_id,day,end_day,term,grade\nA,5,9,Nausea,2",
        patients="patient_id,death_day\nA,90",
    )
    assert study.events.select("day", "end_day").rows() == [(4, 8)]
    assert study.patients["death_day"].to_list() == [89]


# Sizes in cm


@pytest.mark.parametrize(
    ("sizes", "asked"),
    [
        ((3.2, 2.4), True),
        ((9.9, 15), True),
        ((9.9, 15.1), False),
        ((10, 8), False),
        ((32, 24), False),
        ((2.4, 11.5), True),  # grows from 2.4 to 11.5 cm
    ],
)
def test_sizes_in_cm_are_asked_about_from_few_rows_and_never_converted(sizes, asked):
    study = lesions_of(f"0,T1,target,{sizes[0]},measured", f"42,T1,target,{sizes[1]},measured")
    (problem,) = [p for p in study.problems if "are they in cm?" in p.rule] or [None]
    assert (problem is not None) is asked
    assert study.lesions["diameter_mm"].to_list() == list(sizes)
    if problem is not None:
        assert "Name the column diameter_cm" in problem.mend


def test_one_target_of_usual_size_settles_that_sizes_are_in_mm():
    study = lesions_of("0,T1,target,9,measured", "0,T2,target,12,measured", "42,T1,target,4,measured")
    assert not any("in cm" in rule for rule in rules(study))


def test_a_column_in_cm_is_read_as_cm():
    columns = LESIONS.replace("diameter_mm", "diameter_cm")
    study = lesions_of("0,T1,target,3.2,measured", "42,T1,target,2.2,measured", columns=columns)
    assert study.lesions["diameter_mm"].to_list() == [32, 22]
    assert respond(study).responses["overall_response"].to_list() == [None, "PR"]
    assert study.problems == ()
    with pytest.raises(tp.StudyError, match="above 500 mm"):
        lesions_of("0,T1,target,50.1,measured", columns=columns)


@pytest.mark.parametrize(("name", "old_baselines"), [("oak-docetaxel", 8), ("ascent2-docetaxel-psa", 0)])
def test_of_the_bundled_data_only_old_baselines_are_warned_of(name, old_baselines):
    said = rules(tp.read(Path(tp.__file__).parent / "datasets" / name))
    assert sum("more than 28 days before day 0" in rule for rule in said) == len(said) == old_baselines
