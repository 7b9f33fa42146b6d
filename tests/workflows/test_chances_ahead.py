"""The chance that a patient's criterion is met soon: one number, in `assess` as in `ahead`; and what alerts follow."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import turnpoint as tp
from tests.workflows.studies import study_of
from turnpoint.model.prior import named_prior
from turnpoint.workflows.left_out import folds_of, left_out_visits, progression_days

CHANCES = ["p_progression_12w", "p_progression_24w"]
PARTICLES = 512


def bundled(name, patients):
    with resources.as_file(resources.files("turnpoint") / "datasets" / name) as folder:
        whole = tp.read(Path(folder))
    return whole.only(whole.patient_ids[:patients])


def patient(
    *,
    ct=(),
    every_ct=42,
    markers=(),
    marker="CEA",
    unit="ng/mL",
    every=21,
    new_lesion=None,
    who="NSCLC,docetaxel",
):
    lesions = ["patient_id,day,lesion_id,role,site,diameter_mm,status"]
    lesions += [f"P,{every_ct * index},T1,target,lung,{size},measured" for index, size in enumerate(ct)]
    if new_lesion is not None:
        lesions.append(f"P,{new_lesion},N1,new,brain,11,measured")
    rows = ["patient_id,day,marker,value,unit"]
    rows += [f"P,{every * index},{marker},{value},{unit}" for index, value in enumerate(markers)]
    tables = {"lesions": lesions} if ct else {}
    if markers:
        tables["markers"] = rows
    tables["patients"] = ["patient_id,tumour_type,arm", f"P,{who}"]
    return study_of(**{name: "\n".join(lines) for name, lines in tables.items()})


def assessed(study):
    found = tp.assess(study, particles=PARTICLES)
    return found.frame.join(found.diagnostics, on=["patient_id", "day"])


@pytest.mark.parametrize(("name", "patients"), [("oak-docetaxel", 30), ("ascent2-docetaxel-psa", 15)])
def test_assess_and_ahead_give_the_same_chance_at_every_visit(name, patients):
    study = bundled(name, patients)
    ahead = tp.ahead(study, every_visit=True, particles=PARTICLES)
    both = assessed(study).join(ahead, on=["patient_id", "day"], suffix="_ahead")
    assert both.height > 100
    for chance in CHANCES:
        np.testing.assert_array_equal(both[chance].to_numpy(), both[f"{chance}_ahead"].to_numpy())


def test_chance_is_of_recist_once_lesions_have_been_read_and_of_the_marker_before():
    study = patient(ct=(60, 50, 44), every_ct=42, markers=(85, 60, 40, 30, 22))
    alone = patient(markers=(85, 60, 40, 30, 22))
    frame = assessed(study)
    ahead = tp.ahead(study, every_visit=True, particles=PARTICLES)
    sums = ahead.filter(pl.col("quantity") == "sum_of_diameters_mm")
    joined = frame.join(sums, on=["patient_id", "day"], suffix="_ahead")
    assert joined.height == 3
    assert joined["p_progression_24w"].to_list() == joined["p_progression_24w_ahead"].to_list()
    by_marker = tp.ahead(alone, every_visit=True, particles=PARTICLES)
    assert assessed(alone)["p_progression_24w"].to_list() == by_marker["p_progression_24w"].to_list()


def test_between_two_scans_the_next_is_due_a_gap_after_the_last_one():
    # the scan after next is due within 24 weeks of a scan, and of a marker value three weeks later
    frame = assessed(patient(ct=(60, 50, 44), every_ct=84, markers=(85, 60, 50, 45, 40, 38, 37, 36, 35)))
    between = frame.filter(pl.col("day") == 105)
    assert between["p_progression_12w"].item() > 0.0  # a scan is due on day 168, 63 days later
    # read every sixteen weeks, nothing is due within twelve weeks of a scan, but within twelve of a value between two
    seldom = patient(
        ct=(60, 50, 44),
        every_ct=112,
        markers=(85, 60, 50, 45, 40, 38, 37, 36, 35),
        who="colorectal cancer,FOLFOX",
    )
    chances = dict(assessed(seldom).select("day", "p_progression_12w").rows())
    assert chances[112] is None
    assert chances[147] > 0.0


def test_met_criterion_is_not_forecast_and_its_alert_stands():
    frame = assessed(patient(ct=(60, 42, 38, 38, 41, 46, 52)))
    met = frame["met"].to_list()
    assert met == [False] * 5 + [True, True]  # 38 * 1.2 = 45.6
    assert frame.filter("met").select(CHANCES).null_count().row(0) == (2, 2)
    assert frame.filter("met")["alert"].all()


def test_new_lesion_meets_the_criterion():
    frame = assessed(patient(ct=(60, 48, 38, 32), new_lesion=126))
    assert frame["met"].to_list() == [False, False, False, True]
    assert frame["alert"].to_list() == [False, False, False, True]


@pytest.mark.parametrize("sizes", [(83, 51, 51, 5), (60, 45, 34, 26, 20), (12, 10, 10, 10, 11, 11)])
def test_no_alert_at_a_new_smallest_or_from_changes_within_error(sizes):
    assert not assessed(patient(ct=sizes))["alert"].any()


def test_a_clear_rise_at_the_second_reading_may_raise_an_alert():
    frame = assessed(patient(ct=(60, 70)))  # +17 % and 10 mm; RECIST waits for 72 mm
    assert frame["alert"].to_list() == [False, True]


def test_no_marker_alone_raises_an_alert_in_the_first_eight_weeks():
    rises = patient(markers=(20, 24, 30, 40, 52), marker="CEA")
    frame = assessed(rises)
    assert not frame.filter((pl.col("day") < 56) & ~pl.col("met"))["alert"].any()


@pytest.mark.parametrize("values", [(20, 45, 60, 40, 26, 17, 11), (20, 45, 60, 30, 15, 8, 4)])
def test_no_alert_stands_for_long_while_a_marker_falls_again_after_a_surge(values):
    surged = assessed(patient(markers=values, marker="CEA"))
    assert not surged.filter(pl.col("day") >= 84)["alert"].any()


def test_unconfirmed_rise_of_psa_is_forecast_and_a_confirmed_one_is_not():
    flare = patient(markers=(40, 58, 44, 28, 17), marker="PSA")
    assert not assessed(flare)["met"].any()
    assert assessed(flare)["p_progression_24w"].null_count() == 0
    risen = patient(markers=(40, 20, 10, 10, 9, 12, 15, 19, 25), marker="PSA")
    assert assessed(risen)["met"].to_list()[-1]


def test_folds_leave_every_patient_out_once():
    study = bundled("oak-docetaxel", 23)
    pairs = folds_of(study, 5)
    out = [patient_id for _, test in pairs for patient_id in test.patient_ids]
    assert sorted(out) == sorted(study.patient_ids)
    for train, test in pairs:
        assert set(train.patient_ids) | set(test.patient_ids) == set(study.patient_ids)
        assert not set(train.patient_ids) & set(test.patient_ids)


def test_left_out_visits_are_judged_by_the_prior_of_the_other_folds():
    study, seen = bundled("oak-docetaxel", 20), []

    def fit(train):
        seen.append(set(train.patient_ids))
        return replace(named_prior("docetaxel-nsclc-ct"), name=f"fold {len(seen) - 1}")

    visits = left_out_visits(study, fit, folds=4)
    assert set(visits["patient_id"]) == set(study.patient_ids)
    assert (visits["prior"] == "fold " + visits["fold"].cast(pl.String)).all()
    for number, trained in enumerate(seen):
        assert not set(visits.filter(pl.col("fold") == number)["patient_id"]) & trained
    assert (visits["last_day"] == visits.select(pl.col("day").max().over("patient_id"))["day"]).all()


def test_progression_days_are_those_that_respond_calls():
    study = bundled("oak-docetaxel", 60)
    called = tp.respond(study).best_responses.drop_nulls("progression_day")
    found = progression_days(study).sort("patient_id")
    assert found.rows() == called.select("patient_id", "progression_day").sort("patient_id").rows()
