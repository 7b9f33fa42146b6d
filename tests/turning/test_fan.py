"""The fan: its bands hold what they say, of the very draws that the forecast is made from."""

import numpy as np
import polars as pl
import pytest

from tests.workflows.studies import study_of
from turnpoint.model.forecast import readings_ahead
from turnpoint.model.prior import named_prior
from turnpoint.turning.fan import fan
from turnpoint.turning.progression_ahead import exposure_ahead
from turnpoint.workflows.course import course_of

LEVELS = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


@pytest.fixture(scope="module")
def course():
    rows = ["patient_id,day,lesion_id,role,diameter_mm,status"]
    rows += [f"P1,{42 * visit},T1,target,{mm},measured" for visit, mm in enumerate((60, 45, 38, 36, 37))]
    return course_of(study_of(lesions="\n".join(rows) + "\n"), named_prior("docetaxel-nsclc-ct"))


def test_forecast_band_holds_these_shares_of_the_readings_drawn(course):
    prior, last = named_prior("docetaxel-nsclc-ct"), course.posterior.at(np.array([4]))
    ahead = np.array([[42.0, 84.0, 126.0, 168.0]])
    days = last.day[:, None] + ahead
    drawn = readings_ahead(last, prior, "sum_of_diameters_mm", days, exposure_ahead(last, ahead), seed=3)
    shown = fan(course.posterior, prior, seed=3).filter(kind="forecast")
    assert shown["day"].to_list() == days[0].astype(int).tolist()
    for name, level in LEVELS.items():
        assert shown[name].to_list() == pytest.approx(np.quantile(drawn[0], level, axis=1).tolist())
    widest = shown.select((pl.col("q95") - pl.col("q05")).alias("w"))["w"]
    assert widest.is_sorted()


def test_fitted_size_is_known_better_than_the_next_reading_and_lies_at_what_was_read(course):
    prior = named_prior("docetaxel-nsclc-ct")
    shown = fan(course.posterior, prior).filter(kind="fitted")
    assert shown["day"].to_list() == [0, 42, 84, 126, 168]
    assert shown["q50"].to_list() == pytest.approx([60, 45, 38, 36, 37], rel=0.06)
    ordered = shown.select("q05", "q25", "q50", "q75", "q95").to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    ahead = fan(course.posterior, prior).filter(kind="forecast")
    assert (shown["q95"][-1] - shown["q05"][-1]) < (ahead["q95"][0] - ahead["q05"][0])
