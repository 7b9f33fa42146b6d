"""Survival at landmarks: who is there, what is known, what a link is fitted to."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turnpoint as tp
from benchmarks.survival_simulation import TRUE_COEFFICIENTS, TRUE_LOG_SCALE, simulated_trial
from tests.workflows.studies import study_of
from turnpoint.errors import StudyError, SurvivalLinkError, UsageError
from turnpoint.lifetimes.fitting import fit_link
from turnpoint.lifetimes.follow_up import follow_up, patient_values
from turnpoint.lifetimes.published import STRUEMPER
from turnpoint.model.prior import shipped_priors
from turnpoint.workflows.fit_survival import observed_rows, until_death
from turnpoint.workflows.landmark_curves import curves, followed_at, known_by_day
from turnpoint.workflows.survival import SURVIVAL_SCHEMA

LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status\n" + "".join(
    f"{patient},{day},T1,target,{mm},measured\n"
    for patient, sizes in {
        "A": ((-5, 60), (42, 44), (84, 38), (126, 37)),
        "B": ((-3, 90), (43, 80), (85, 120)),
        "C": ((0, 50), (40, 30)),
        "D": ((0, 70), (60, 60)),
    }.items()
    for day, mm in sizes
)
PATIENTS = """patient_id,tumour_type,death_day,last_alive_day
A,lung cancer,,400
B,lung cancer,160,
C,lung cancer,56,
D,lung cancer,,
"""
FAST: dict[str, Any] = {"particles": 512}


def study(patients=PATIENTS, lesions=LESIONS, **tables):
    return study_of(patients=patients, lesions=lesions, **tables)


def people(columns, **rows):
    """The patients table; a patient who is not given has nothing in the columns."""
    empty = "," * columns.count(",")
    lines = [f"{patient},{rows.get(patient, empty)}" for patient in "ABCD"]
    return "\n".join([f"patient_id,{columns}", *lines, ""])


@pytest.fixture(scope="module")
def found():
    return tp.survival(study(), landmark_weeks=(8, 16), **FAST)


@pytest.fixture(scope="module")
def trial():
    """A simulated trial of few patients with informative death."""
    return simulated_trial(shipped_priors()["docetaxel-nsclc-ct"], 60, np.random.default_rng(5)).study


def test_follow_up_ends_with_death_or_the_last_day_known_to_be_alive():
    assert follow_up(study()).rows() == [
        ("A", 400, False),
        ("B", 160, True),
        ("C", 56, True),
        ("D", 60, False),
    ]


def test_row_after_the_last_day_alive_shows_that_the_patient_lived_then():
    assert follow_up(study(people("last_alive_day", A="100"))).filter(patient_id="A")[
        "follow_up_day"
    ].to_list() == [126]


def test_event_of_grade_5_is_a_death():
    events = "patient_id,day,end_day,term,grade\nA,130,140,Sepsis,5\n"
    assert follow_up(study(events=events)).row(0) == ("A", 140, True)


@pytest.mark.parametrize(("day", "expected"), [(55, "ABCD"), (56, "ABD"), (60, "ABD"), (61, "AB")])
def test_who_dies_on_a_day_is_not_alive_there_and_whose_follow_up_ends_on_it_is(day, expected):
    assert "".join(followed_at(follow_up(study()), day)) == expected


def test_one_row_a_patient_and_landmark_of_those_alive(found):
    assert found.frame.columns == list(SURVIVAL_SCHEMA)
    shown = found.frame.select("patient_id", "landmark_week", "last_visit_day").rows()
    assert shown == [("A", 8, 42), ("A", 16, 84), ("B", 8, 43), ("B", 16, 85), ("D", 8, 0)]
    assert found.not_followed == {8: 1, 16: 2}
    assert found.without_size == {8: 0, 16: 0}


def test_chances_lie_in_their_intervals_and_fall_with_time(found):
    for name in ("survival_6m", "survival_12m"):
        low, middle, high = (found.frame[f"{name}{level}"] for level in ("_q05", "", "_q95"))
        assert ((low >= 0.0) & (low <= middle) & (middle <= high) & (high <= 1.0)).all()
    assert (found.frame["survival_12m"] < found.frame["survival_6m"]).all()


def test_patient_who_grows_fares_worse_than_one_who_shrinks(found):
    late = found.frame.filter(landmark_week=16).sort("patient_id")
    assert late["survival_12m"][0] > late["survival_12m"][1] + 0.05


def test_what_comes_after_the_landmark_changes_nothing(found):
    more = LESIONS + "".join(f"A,{day},T1,target,{mm},measured\n" for day, mm in ((140, 90), (200, 150)))
    died = PATIENTS.replace("A,lung cancer,,400", "A,lung cancer,210,")
    later = tp.survival(study(died, more), landmark_weeks=(8, 16), **FAST)
    assert later.frame.rows() == found.frame.rows()


def test_nobody_else_in_the_study_changes_a_patient(found):
    alone = tp.survival(study().only(["B"]), landmark_weeks=(8, 16), **FAST)
    assert alone.frame.rows() == found.frame.filter(patient_id="B").rows()


def test_terms_that_the_study_lacks_are_named_and_those_it_has_are_used():
    columns = "last_alive_day,albumin_g_per_l,neutrophil_to_lymphocyte_ratio"
    known = people(columns, A="400,30,4", B="400,45,", C="400,40,4", D="400,40,4")
    own = tp.survival(study(known), "struemper", landmark_weeks=(8,), **FAST)
    assert own.at_reference == ("total_protein_g_per_l", "neutrophil_to_lymphocyte_ratio")
    unknown = people("last_alive_day", **dict.fromkeys("ABCD", "400"))
    plain = tp.survival(study(unknown), "struemper", landmark_weeks=(8,), **FAST)
    chance = {
        name: dict(r.frame.filter(landmark_week=8).select("patient_id", "survival_12m").rows())
        for name, r in (("own", own), ("plain", plain))
    }
    assert chance["own"]["A"] < chance["plain"]["A"]
    assert chance["own"]["B"] > chance["plain"]["B"]


def test_link_may_be_given_as_itself_and_by_its_file(tmp_path):
    by_name, by_itself, by_file = (
        tp.survival(study(), link, landmark_weeks=(8,), **FAST).frame
        for link in ("struemper", STRUEMPER, STRUEMPER.save(tmp_path / "link.json"))
    )
    assert by_name.rows() == by_itself.rows() == by_file.rows()


@pytest.mark.parametrize(
    ("name", "value", "is_read"),
    [
        ("albumin_g_per_l", "4.9", False),
        ("albumin_g_per_l", "5", True),
        ("albumin_g_per_l", "high", False),
        ("asian", "TRUE", True),
        ("asian", "no", True),
        ("asian", "2", False),
        ("ever_smoked", "", True),
    ],
)
def test_values_of_patients_are_numbers_in_range(name, value, is_read):
    values, lacking, problems = patient_values(study(people(name, A=value)).patients, [name])
    assert (problems == []) == is_read
    assert lacking == (name,)  # of B, C and D nothing is known
    if is_read:
        expected = {"TRUE": 1.0, "no": 0.0, "": None}.get(value, 5.0)
        assert values.filter(patient_id="A")[name].to_list() == [expected]
    else:
        assert (problems[0].row, problems[0].column, problems[0].value) == (2, name, value.lower())


def test_wrong_values_are_all_said_at_once():
    wrong = people("albumin_g_per_l,total_protein_g_per_l", A="3.9,70", B="40,7")
    with pytest.raises(StudyError) as raised:
        tp.survival(study(wrong), "struemper", **FAST)
    assert [problem.column for problem in raised.value.problems] == [
        "albumin_g_per_l",
        "total_protein_g_per_l",
    ]


def test_patients_without_a_size_by_the_landmark_are_counted():
    late = LESIONS + "E,70,T1,target,50,measured\n"
    own = tp.survival(study(PATIENTS + "E,lung cancer,,500\n", late), landmark_weeks=(8, 16), **FAST)
    assert own.without_size == {8: 1, 16: 0}
    assert own.frame.filter(patient_id="E")["landmark_week"].to_list() == [16]


def test_markers_alone_give_no_prediction():
    markers = "patient_id,day,marker,value,unit\nA,0,CEA,10,ng/mL\nA,60,CEA,8,ng/mL\n"
    with pytest.raises(StudyError, match="nobody with a sum of diameters"):
        tp.survival(study_of(markers=markers), landmark_weeks=(8,))


def test_landmark_that_nobody_reaches_is_an_error_that_says_what_to_do():
    with pytest.raises(StudyError, match=r"known to be alive at week 100.*last_alive_day"):
        tp.survival(study(), landmark_weeks=(100,))


@pytest.mark.parametrize("weeks", [(), (0,), (1044,), (8, -1)])
def test_landmark_is_a_week_of_a_course(weeks):
    with pytest.raises(UsageError, match="from 1 to 1043"):
        tp.survival(study(), landmark_weeks=weeks)


def test_link_that_is_not_there_is_wrong_usage_and_names_those_that_are():
    with pytest.raises(UsageError, match="claret or struemper"):
        tp.survival(study(), "clarett")


@pytest.mark.parametrize(("method", "rows"), [("shared", 60), ("landmark", None)])
def test_fitted_link_says_what_it_was_fitted_to_and_predicts(trial, method, rows):
    link = tp.fit_survival(trial, method, prior="docetaxel-nsclc-ct", name="own", **FAST)
    assert (link.name, link.card.method, link.card.prior) == ("own", method, "docetaxel-nsclc-ct")
    assert (
        link.card.deaths
        == trial.patients.filter(pl.col("death_day") > (0 if rows else 56))["death_day"].count()
    )
    assert link.card.landmark_weeks == (() if rows else (8, 16, 24))
    weeks = link.card.landmark_weeks
    observed, _ = observed_rows(trial, weeks, prior="docetaxel-nsclc-ct", **FAST)
    fitted = fit_link(observed, "log-normal", is_clustered=method == "landmark")
    assert link.parameters == pytest.approx(fitted.parameters)
    assert link.standard_errors == pytest.approx(np.sqrt(np.diag(fitted.covariance)))
    own = tp.survival(trial, link, landmark_weeks=(16,), prior="docetaxel-nsclc-ct", **FAST)
    watched = follow_up(trial).filter(pl.col("follow_up_day") > 112)
    six_months = own.frame.join(watched, on="patient_id")
    lived = six_months.filter(pl.col("follow_up_day") > 112 + 183)["survival_6m"].mean()
    died = six_months.filter((pl.col("follow_up_day") <= 112 + 183) & pl.col("died"))["survival_6m"].mean()
    assert lived > died


def test_fitted_link_may_be_weibull(trial):
    link = tp.fit_survival(trial, prior="docetaxel-nsclc-ct", family="weibull", **FAST)
    assert (link.family, link.name) == ("weibull", "simulated")
    assert (
        tp.survival(trial, link, landmark_weeks=(16,), **FAST)
        .frame["survival_12m"]
        .is_between(0.0, 1.0)
        .all()
    )


def test_landmark_rows_are_those_alive_and_enter_there(trial):
    rows, _ = observed_rows(trial, (8, 24), prior="docetaxel-nsclc-ct", **FAST)
    assert set(rows.entry_day) == {56.0, 168.0}
    assert (rows.day >= rows.entry_day).all()
    counts = [len(followed_at(follow_up(trial), day)) for day in (56, 168)]
    assert [int((rows.entry_day == day).sum()) for day in (56.0, 168.0)] == counts


def test_warning_says_when_deaths_are_few(trial):
    few, many = (
        tp.fit_survival(trial.only(trial.patient_ids[:patients]), prior="docetaxel-nsclc-ct", **FAST)
        for patients in (40, 60)
    )
    assert few.card.deaths < 50 <= many.card.deaths
    assert f"Fitted to {few.card.deaths} deaths only" in few.card.warnings[0]
    assert many.card.warnings == ()


def test_study_without_deaths_cannot_be_fitted_to():
    nobody = study(people("last_alive_day", **dict.fromkeys("ABCD", "400")))
    with pytest.raises(StudyError, match=r"no death is recorded.*death_day"):
        tp.fit_survival(nobody)


def test_few_deaths_cannot_be_fitted_to():
    with pytest.raises(SurvivalLinkError, match="2 patients died, and the link has 5 numbers"):
        tp.fit_survival(study(), **FAST)


def test_deaths_before_every_landmark_leave_nobody_to_fit_to():
    with pytest.raises(StudyError, match="at any landmark"):
        tp.fit_survival(study(), "landmark", landmark_weeks=(100,))


@pytest.mark.parametrize(("option", "value"), [("method", "joint"), ("family", "gamma")])
def test_method_or_family_that_is_none_is_wrong_usage(option, value):
    with pytest.raises(UsageError, match=f"--{option}: '{value}' is not one of"):
        tp.fit_survival(study(), **{option: value})


def test_scan_dated_after_the_death_is_not_read():
    late = study(lesions=LESIONS + "B,300,T1,target,10,measured\n")
    assert until_death(late, follow_up(late)).lesions.filter(patient_id="B")["day"].to_list() == [-3, 43, 85]


def test_baseline_is_the_sum_on_the_last_day_before_treatment():
    lesions = "patient_id,day,lesion_id,role,diameter_mm,status\n" + "".join(
        f"A,{day},{lesion},target,{mm},measured\n"
        for day, sizes in ((-20, (90, 40)), (-2, (60, 30)), (40, (10, 10)))
        for lesion, mm in zip(("T1", "T2"), sizes, strict=True)
    )
    own = curves(study_of(lesions=lesions), **FAST).curve.baseline_mm
    assert np.median(own) == pytest.approx(90.0, rel=0.01)
    assert 0.01 < np.log(own).std() < 0.1


def test_first_sum_is_the_baseline_where_none_is_before_treatment():
    lesions = "patient_id,day,lesion_id,role,diameter_mm,status\nA,5,T1,target,70,measured\nA,50,T1,target,60,measured\n"
    assert np.median(curves(study_of(lesions=lesions), **FAST).curve.baseline_mm) == pytest.approx(
        70.0, rel=0.01
    )


@settings(max_examples=5)
@given(day=st.integers(0, 130))
def test_study_known_by_a_day_has_nothing_after_it(day):
    own = known_by_day(study(), day, ["A", "B"])
    assert own.lesions.filter(pl.col("day") > day).is_empty()
    assert set(own.patient_ids) == {"A", "B"}
    assert (
        own.lesions.height == study().lesions.filter(pl.col("day") <= day, pl.col("patient_id") < "C").height
    )


@pytest.mark.slow
def test_shared_link_recovers_the_truth_of_trials_with_informative_death_and_two_stages_do_not():
    prior = shipped_priors()["docetaxel-nsclc-ct"]
    truth = np.array([*TRUE_COEFFICIENTS, TRUE_LOG_SCALE])
    shared, two_stage = [], []
    for trial in range(6):
        simulated = simulated_trial(prior, 200, np.random.default_rng((9, trial))).study
        rows, _ = observed_rows(simulated, (), prior=prior)
        shared.append(fit_link(rows, "log-normal"))
        plugged = replace(rows, design=rows.design.mean(axis=1, keepdims=True))
        two_stage.append(fit_link(plugged, "log-normal"))

    def apart(fits):
        """Mean distance from the truth in its own standard errors."""
        mean = np.mean([own.parameters for own in fits], axis=0)
        error = np.sqrt(np.mean([np.diag(own.covariance) for own in fits], axis=0) / len(fits))
        return (mean - truth) / error

    assert (np.abs(apart(shared)) < 3.0).all()
    assert apart(two_stage)[-1] > 4.0
