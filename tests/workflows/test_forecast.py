"""Forecasts: lesions, the average of two forecasters, new lesions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from tests.workflows.studies import study_of
from turnpoint.model.forecast import QUANTILE_NAMES, weighted_quantiles
from turnpoint.model.prior import Prior
from turnpoint.model.series import readings_of
from turnpoint.turning.criterion_ahead import progression_thresholds
from turnpoint.workflows.forecast import forecast_targets
from turnpoint.workflows.forecast_draws import forecast_draws

HEADER = "patient_id,day,lesion_id,role,diameter_mm,status\n"
TWO = HEADER + "".join(
    f"P1,{day},{lesion},target,{mm},{'measured' if mm else 'not_evaluable'}\n"
    for lesion, sizes in {"T1": (40, 33, 30, 28, 28), "T2": (20, 18, "", 17, 19)}.items()
    for day, mm in zip((0, 42, 84, 126, 168), sizes, strict=True)
)


@pytest.fixture(scope="module")
def ct_study() -> tp.Study:
    from importlib import resources

    study = tp.read(Path(str(resources.files("turnpoint") / "datasets" / "oak-docetaxel")))
    return study.only(study.patient_ids[:60])


@pytest.fixture(scope="module")
def fitted(ct_study) -> Prior:
    return tp.fit(ct_study, name="sixty", courses=0)


def filter_alone(prior: Prior) -> Prior:
    return replace(prior, error_regressions={}, filter_weight={})


def weighted(prior: Prior, filter_weight: float) -> Prior:
    return replace(prior, filter_weight=dict.fromkeys(prior.error_regressions, filter_weight))


def test_sum_is_forecast_from_and_to_the_visits_where_it_can_be_computed():
    frame = tp.forecast(study_of(lesions=TWO))
    assert frame.select("origin_day", "target_day").rows() == [(42, 126), (126, 168)]
    assert frame["q50"].is_between(35, 60).all()


def test_lesion_read_alone_still_moves_the_forecast_of_the_sum():
    grown = TWO.replace("P1,84,T1,target,30", "P1,84,T1,target,45").replace(
        "P1,126,T1,target,28", "P1,126,T1,target,28"
    )
    usual, other = (tp.forecast(study_of(lesions=text)).filter(origin_day=126) for text in (TWO, grown))
    # same sums at every visit that has one; a lesion that once read 45 mm is less certain
    spread = pl.col("q90") / pl.col("q10")
    assert other.select(spread).item() > usual.select(spread).item()


def test_regression_of_errors_is_fitted_and_averaged_in(ct_study, fitted):
    both, one, other = (
        tp.forecast(ct_study, prior) for prior in (fitted, filter_alone(fitted), weighted(fitted, 0.0))
    )
    assert not both["q50"].equals(one["q50"])
    inside = both["p_progression"].is_between(
        pl.min_horizontal(one["p_progression"], other["p_progression"]) * 0.5,
        pl.max_horizontal(one["p_progression"], other["p_progression"]) + 0.03,
    )
    assert inside.drop_nulls().mean() > 0.95


def test_forecast_with_all_weight_on_the_filter_is_the_filters(ct_study, fitted):
    few = ct_study.only(ct_study.patient_ids[:10])
    assert_frame_equal(
        tp.forecast(few, weighted(fitted, 1.0)), tp.forecast(few, filter_alone(fitted)), abs_tol=1e-6
    )


def test_regression_is_not_asked_beyond_the_gaps_it_has_seen(ct_study, fitted):
    few = ct_study.only(ct_study.patient_ids[:10])
    near, far = (
        [tp.forecast(few, prior, horizon_weeks=weeks) for prior in (fitted, filter_alone(fitted))]
        for weeks in (6, 52)
    )
    assert not near[0].equals(near[1])
    assert_frame_equal(far[0], far[1], abs_tol=1e-6)


def test_regression_is_not_asked_in_courses_with_long_pauses(ct_study, fitted):
    patient = ct_study.patient_ids[0]
    rows = [f"{patient},{day},X,{action}" for day, action in ((0, "start"), (30, "stop"), (200, "start"))]
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        Path(folder, "doses.csv").write_text(
            "patient_id,day,drug,action\n" + "\n".join(rows), encoding="utf-8"
        )
        lesions = ct_study.lesions.filter(pl.col("patient_id") == patient)
        lesions.select("patient_id", "day", "lesion_id", "role", "diameter_mm", "status").write_csv(
            Path(folder, "lesions.csv")
        )
        paused = tp.read(folder)
    assert_frame_equal(tp.forecast(paused, fitted), tp.forecast(paused, filter_alone(fitted)), abs_tol=1e-6)


def test_quantiles_and_chance_come_from_one_distribution(ct_study, fitted):
    readings = readings_of(ct_study)
    frame = tp.forecast(ct_study, fitted).join(
        progression_thresholds(readings, ct_study.markers).rename({"day": "origin_day"}),
        on=["patient_id", "quantity", "origin_day"],
    )
    bar, chance = frame["threshold"].to_numpy(), frame["p_progression"].to_numpy()
    levels = frame.select(QUANTILE_NAMES).to_numpy()
    known = np.isfinite(bar)
    below = (levels < bar[:, None] - 1e-6).sum(axis=1) / 20
    assert known.sum() > 50
    assert (np.abs(1 - chance - below)[known] <= 0.051).all()


def test_draws_have_masses_that_add_up_to_one_and_give_the_quantiles(ct_study, fitted):
    few = ct_study.only(ct_study.patient_ids[:5])
    targets = forecast_targets(readings_of(few), few)
    (found,) = forecast_draws(few, targets, fitted)
    np.testing.assert_allclose(found.mass.sum(axis=1), 1.0, atol=1e-9)
    frame = tp.forecast(few, fitted)
    medians = weighted_quantiles(found.draws, found.mass, np.array([0.5]))[:, 0]
    joined = found.keys.with_columns(pl.Series("median", medians)).join(
        frame, on=["patient_id", "origin_day", "target_day", "quantity"]
    )
    assert joined["median"].to_list() == pytest.approx(joined["q50"].to_list())


NEW = TWO + "P1,126,N1,new,,present\n"


def test_chance_of_a_new_lesion_is_null_where_none_is_recorded_and_after_the_first():
    prior = replace(_shipped(), new_lesions_per_exposed_week=0.05)
    none = tp.forecast(study_of(lesions=TWO), prior)
    some = tp.forecast(study_of(lesions=NEW), prior)
    assert none["p_new_lesion"].null_count() == none.height
    assert some.filter(origin_day=42)["p_new_lesion"].item() > 0.0
    assert some.filter(origin_day=126)["p_new_lesion"].item() is None


def test_chance_of_a_new_lesion_grows_with_the_hazard_and_the_time_to_the_target():
    late = NEW.replace("P1,126,", "P1,140,")
    chances = [
        tp.forecast(study_of(lesions=text), replace(_shipped(), new_lesions_per_exposed_week=hazard)).sort(
            "origin_day"
        )["p_new_lesion"][0]
        for text, hazard in ((NEW, 0.01), (NEW, 0.1), (late, 0.1))
    ]
    assert chances[0] < chances[1] < chances[2]


def _shipped() -> Prior:
    from turnpoint.model.prior import shipped_priors

    return shipped_priors()["chemotherapy-colorectal-ct"]


def test_weighted_quantiles_are_the_smallest_values_that_reach_the_level():
    draws = np.array([[3.0, 1.0, 2.0]])
    mass = np.array([[0.2, 0.5, 0.3]])
    found = weighted_quantiles(draws, mass, np.array([0.1, 0.5, 0.51, 0.8, 0.81, 1.0]))
    assert found.tolist() == [[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]]
