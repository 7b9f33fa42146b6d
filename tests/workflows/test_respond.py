import polars as pl
import pytest

import turnpoint as tp
from tests.workflows.studies import study_of
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.workflows.respond import new_therapy, respond

LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status\n" + "\n".join(
    f"P1,{day},T1,target,{mm},measured" for day, mm in ((-5, 60), (42, 40), (84, 35), (126, 50))
)


def doses(*rows):
    return "patient_id,day,drug,line\n" + "\n".join(f"P1,{day},{drug},{line}" for day, drug, line in rows)


def test_study_is_judged_by_recist_when_nothing_else_is_asked_for():
    found = respond(study_of(lesions=LESIONS))
    assert found.responses["overall_response"].to_list() == [None, "PR", "PR", "PD"]
    assert found.best_responses.row(0) == ("P1", None, "PR", "PR", 126, 126)
    assert found.problems == ()


def test_unknown_criteria_are_refused_with_the_names_there_are():
    with pytest.raises(tp.UsageError, match=r"recist-2.*recist-1\.1"):
        respond(study_of(lesions=LESIONS), "recist-2")


def test_visits_after_a_later_line_do_not_count():
    study = study_of(lesions=LESIONS, doses=doses((0, "docetaxel", 2), (60, "pemetrexed", 3)))
    assert new_therapy(study).rows() == [("P1", 60)]
    best = respond(study).best_responses.row(0, named=True)
    assert (best["best_response"], best["confirmed_best_response"]) == ("PR", "SD")
    assert (best["progression_day"], best["last_evaluable_day"]) == (None, 42)


def test_the_courses_own_line_is_no_new_therapy():
    assert new_therapy(study_of(lesions=LESIONS, doses=doses((0, "a", 2), (60, "b", 2)))).is_empty()
    assert new_therapy(study_of(lesions=LESIONS, doses=doses((-90, "a", 1), (0, "b", 2)))).is_empty()


def test_the_patients_line_is_the_courses_own():
    patients = "patient_id,line\nP1,2"
    study = study_of(
        lesions=LESIONS, patients=patients, doses=doses((-90, "a", 1), (10, "b", 2), (90, "c", 3))
    )
    assert new_therapy(study).rows() == [("P1", 90)]


def test_rules_of_the_protocol_are_followed():
    rules = ProtocolRules(confirmation_days=56)
    best = respond(study_of(lesions=LESIONS), rules=rules).best_responses
    assert best["confirmed_best_response"].to_list() == ["SD"]


def test_targets_recist_would_not_allow_are_warned_of_and_kept():
    small = LESIONS.replace("60,measured", "9,measured")
    found = respond(study_of(lesions=small))
    assert [problem.severity for problem in found.problems] == ["warning"]
    assert found.responses["sum_of_diameters_mm"].to_list() == [9.0, 40.0, 35.0, 50.0]


def test_study_of_markers_only_gives_empty_tables():
    found = respond(study_of(markers="patient_id,day,marker,value,unit\nP1,0,PSA,20,ng/mL"))
    assert found.responses.is_empty()
    assert found.best_responses.is_empty()


def test_readers_are_judged_side_by_side():
    rows = [(-5, 60, "A"), (42, 40, "A"), (-5, 60, "B"), (42, 55, "B")]
    text = "patient_id,day,lesion_id,role,diameter_mm,status,reader\n" + "\n".join(
        f"P1,{day},T1,target,{mm},measured,{reader}" for day, mm, reader in rows
    )
    best = respond(study_of(lesions=text)).best_responses
    assert best.select("reader", "best_response").rows() == [("A", "PR"), ("B", "SD")]


def test_bundled_trial_has_one_best_response_a_patient():
    study = tp.read(pytest.importorskip("pathlib").Path(tp.__file__).parent / "datasets" / "oak-docetaxel")
    found = respond(study)
    assert found.best_responses["patient_id"].to_list() == study.patient_ids
    visits = (
        found.responses.filter(pl.col("overall_response") == "PD")
        .group_by("patient_id")
        .agg(pl.col("day").min())
    )
    first_pd = found.best_responses.drop_nulls("progression_day").select(
        "patient_id", pl.col("progression_day")
    )
    assert visits.sort("patient_id").rows() == first_pd.rows()
