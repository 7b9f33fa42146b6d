"""One row a patient and quantity: when its criterion will be met."""

from dataclasses import replace

import polars as pl
import pytest

from tests.workflows.studies import both_study, study_of
from turnpoint.model.prior import named_prior
from turnpoint.workflows.ahead import PROGRESSION_AHEAD_SCHEMA, ahead
from turnpoint.workflows.forecast import forecast

CHANCES = ["p_progression_6w", "p_progression_12w", "p_progression_24w"]
DAYS = ["progression_day_q05", "progression_day_q50", "progression_day_q95"]
PRIOR = "docetaxel-prostate-psa"


def psa_study(*courses, step=21):
    rows = [
        f"P{row},{step * index},PSA,{value},ng/mL"
        for row, course in enumerate(courses, start=1)
        for index, value in enumerate(course)
    ]
    return study_of(markers="\n".join(["patient_id,day,marker,value,unit", *rows]))


def test_rows_are_those_of_the_last_visit_of_each_patient_and_quantity():
    found = ahead(both_study(with_marker=True), particles=2048)
    assert dict(found.schema) == PROGRESSION_AHEAD_SCHEMA
    assert found.select("patient_id", "day", "quantity").rows() == [
        ("P1", 168, "CEA"),
        ("P1", 168, "sum_of_diameters_mm"),
    ]
    # CEA has risen from 28 to 160, beyond twice its reference change, and no criterion calls that progression
    assert found.row(0, named=True)["p_progression_24w"] > 0.95
    assert found.row(0, named=True)["called_day"] is None
    assert all(chance is not None for chance in found.select(CHANCES).row(1))


def test_chances_and_days_are_in_order():
    found = ahead(psa_study([80, 60, 50, 46], [20, 24, 21, 23], [5, 4, 3, 2]), PRIOR, particles=2048)
    for row in found.iter_rows(named=True):
        chances = [row[name] for name in CHANCES]
        days = [row[name] if row[name] is not None else float("inf") for name in DAYS]
        assert chances == sorted(chances)
        assert days == sorted(days)
        assert min(days) > row["day"]


def test_rising_marker_is_called_sooner_than_a_falling_one():
    rising, falling = ahead(
        psa_study([50, 30, 20, 20, 22, 24], [50, 30, 20, 12, 8, 5]), PRIOR, particles=2048
    ).iter_rows(named=True)
    assert rising["p_progression_12w"] > falling["p_progression_12w"] + 0.3
    assert rising["progression_day_q50"] < (falling["progression_day_q50"] or float("inf"))


def test_later_values_do_not_change_what_was_forecast_before_them():
    course = [50, 40, 36, 35, 37, 36]
    whole = ahead(psa_study(course), PRIOR, every_visit=True, particles=2048)
    for seen in (2, 4, 6):
        earlier = ahead(psa_study(course[:seen]), PRIOR, particles=2048)
        same = whole.filter(pl.col("day") == 21 * (seen - 1))
        assert same.height == earlier.height == 1
        for name in CHANCES:
            assert same[name][0] == pytest.approx(earlier[name][0], abs=0.05)


def test_chance_is_missing_when_the_patient_comes_too_seldom_for_the_horizon():
    def lesions(step):
        rows = [f"P1,{step * index},T1,target,{mm},measured" for index, mm in enumerate((50, 44, 43, 43))]
        return study_of(lesions="\n".join(["patient_id,day,lesion_id,role,diameter_mm,status", *rows]))

    often, seldom = (ahead(lesions(step), "docetaxel-nsclc-ct") for step in (42, 63))
    assert often["p_progression_6w"][0] is not None
    assert seldom["p_progression_6w"][0] is None
    assert seldom["p_progression_12w"][0] is not None
    assert seldom["progression_day_q05"][0] == pytest.approx(3 * 63 + 63)


def test_next_visit_has_the_chance_that_the_forecast_of_it_has():
    study = both_study(with_marker=False)
    prior = named_prior("docetaxel-nsclc-ct")
    alone = replace(prior, error_regressions={}, filter_weight={})
    for chosen in (prior, alone):  # the noise is drawn anew, so not to the last digit
        found = ahead(study, chosen)
        assert found["p_progression_6w"][0] == pytest.approx(
            forecast(study, chosen, horizon_weeks=6.0)["p_progression"][0], abs=0.01
        )


def test_ca_125_that_was_normal_is_called_at_twice_its_own_upper_limit():
    def courses(limit):
        rows = [
            f"P1,{21 * index},CA-125,{value},U/mL,{limit}" for index, value in enumerate([90, 50, 28, 26, 27])
        ]
        return study_of(markers="\n".join(["patient_id,day,marker,value,unit,upper_limit", *rows]))

    low, high = (ahead(courses(limit), particles=2048) for limit in (30, 60))
    assert low["p_progression_24w"][0] > high["p_progression_24w"][0]


def test_same_seed_gives_the_same_rows():
    study = psa_study([50, 40, 36, 35])
    first, again = (ahead(study, PRIOR, particles=2048, seed=3) for _ in range(2))
    assert first.equals(again)


def test_progression_that_was_called_by_a_new_lesion_is_said_and_not_forecast():
    lesions = ["patient_id,day,lesion_id,role,site,diameter_mm,status"]
    lesions += [f"P1,{42 * visit},T1,target,lung,{mm},measured" for visit, mm in enumerate((60, 48, 38, 32))]
    lesions.append("P1,84,N1,new,brain,11,measured")
    called = study_of(lesions="\n".join(lesions))
    rows = ahead(called, every_visit=True, particles=512)
    assert rows.select("day", "called_day", "called_by").rows() == [
        (0, None, None),
        (42, None, None),
        (84, 84, "new_lesion"),
        (126, 84, "new_lesion"),
    ]
    numbers = [
        name for name in PROGRESSION_AHEAD_SCHEMA if name.startswith(("p_progression", "progression_day"))
    ]
    after = rows.filter(pl.col("day") >= 84).select(numbers)
    assert all(after[name].is_null().all() for name in numbers)
    assert rows.filter(pl.col("day") == 42)["p_progression_24w"].item() is not None


def test_psa_progression_leaves_the_forecast_of_the_scan():
    lesions = ["patient_id,day,lesion_id,role,diameter_mm,status"]
    lesions += [f"P1,{42 * visit},T1,target,{mm},measured" for visit, mm in enumerate((60, 48, 40, 38))]
    markers = ["patient_id,day,marker,value,unit"]
    markers += [
        f"P1,{21 * visit},PSA,{value},ng/mL" for visit, value in enumerate((40, 20, 10, 15, 22, 30, 40))
    ]
    both = study_of(lesions="\n".join(lesions), markers="\n".join(markers))
    by_quantity = {row["quantity"]: row for row in ahead(both, particles=512).iter_rows(named=True)}
    assert by_quantity["PSA"]["called_by"] == "marker"
    assert by_quantity["PSA"]["p_progression_24w"] is None
    assert by_quantity["sum_of_diameters_mm"]["called_day"] is None
    assert by_quantity["sum_of_diameters_mm"]["p_progression_24w"] is not None


@pytest.mark.parametrize(("new_day", "psa_called"), [(84, (63, "marker")), (42, (42, "new_lesion"))])
def test_what_was_called_first_is_said_of_a_marker(new_day, psa_called):
    """PSA has its own criterion from day 63 on; RECIST calls a new lesion after or before that."""
    lesions = ["patient_id,day,lesion_id,role,diameter_mm,status"]
    lesions += [f"P1,{42 * visit},T1,target,{mm},measured" for visit, mm in enumerate((60, 48, 40, 38))]
    lesions.append(f"P1,{new_day},N1,new,11,measured")
    markers = ["patient_id,day,marker,value,unit"]
    markers += [
        f"P1,{21 * visit},PSA,{value},ng/mL" for visit, value in enumerate((40, 20, 10, 15, 22, 30, 40))
    ]
    both = study_of(lesions="\n".join(lesions), markers="\n".join(markers))
    by_quantity = {row["quantity"]: row for row in ahead(both, particles=512).iter_rows(named=True)}
    psa, size = by_quantity["PSA"], by_quantity["sum_of_diameters_mm"]
    assert (psa["called_day"], psa["called_by"]) == psa_called
    assert (size["called_day"], size["called_by"]) == (new_day, "new_lesion")
