"""A virtual study: right by our own rules, the same for the same seed, and with the truth that made it."""

import numpy as np
import polars as pl
import pytest

from turnpoint.errors import UsageError
from turnpoint.model.parameters import DYNAMICS_NAMES
from turnpoint.model.prior import named_prior
from turnpoint.model.series import readings_of
from turnpoint.study.markers import MARKERS
from turnpoint.workflows.check import check
from turnpoint.workflows.respond import respond
from turnpoint.workflows.simulate import _resistant_share_of_what_stays, simulate

CT, PSA = "docetaxel-nsclc-ct", "docetaxel-prostate-psa"


@pytest.fixture(scope="module")
def found():
    return simulate(CT, 150, markers={"cea": 3}, lesions=2, seed=1)


def test_simulated_folder_passes_the_check_and_reads_back(found, tmp_path):
    written = found.save(tmp_path)
    assert {path.name for path in written} == {
        "patients.csv",
        "lesions.csv",
        "markers.csv",
        "doses.csv",
        "truth.csv",
        "truth_visits.csv",
    }
    result = check(tmp_path)
    assert result.ok
    assert not [problem for problem in result.problems if problem.file.startswith("truth")]
    assert pl.read_csv(tmp_path / "truth.csv").height == 150


def test_patients_are_numbered_from_1_with_four_digits_or_more(found):
    assert list(found.study.patient_ids[:2]) == ["V0001", "V0002"]
    assert found.study.patient_ids[-1] == "V0150"


def test_marker_values_have_four_significant_digits_and_the_unit_and_limit_of_the_marker(found):
    values = found.study.markers["value"]
    assert values.equals(values.round_sig_figs(4))
    assert not values.equals(values.round_sig_figs(3))
    assert found.study.markers.select("marker", "unit", "upper_limit").unique().rows() == [
        ("CEA", "ng/mL", MARKERS["CEA"].usual_upper_limit)
    ]


def test_simulated_study_is_the_same_for_the_same_seed_and_another_for_another(found):
    again, other = (simulate(CT, 150, markers={"cea": 3}, lesions=2, seed=seed) for seed in (1, 2))
    assert again.study.lesions.equals(found.study.lesions)
    assert again.truth.equals(found.truth)
    assert not other.truth.equals(found.truth)


def test_course_ends_with_the_scan_that_meets_recist_progression(found):
    best = respond(found.study).best_responses.drop_nulls("progression_day")
    last = found.study.lesions.group_by("patient_id").agg(pl.col("day").max())
    joined = best.join(last, on="patient_id")
    assert joined.height > 50
    assert (joined["progression_day"] == joined["day"]).all()


def test_course_goes_on_after_progression_when_asked():
    days = simulate(CT, 40, weeks=48, after_progression=True).study.lesions.group_by("patient_id").len()
    assert (days["len"] == 9).all()


def test_truth_follows_the_formulas_of_the_model(found):
    truth = found.truth
    d, g, phi = (
        truth[name].to_numpy() for name in ("kill_per_week", "regrowth_per_week", "resistant_fraction")
    )
    rests = g < 1e-20
    turning = np.clip(7.0 * np.log(d * (1 - phi) / (g * phi)) / (g + d), 0.0, 3650.0)
    turning[rests] = 3650.0  # never, as far as dates go
    assert 0 < rests.sum() < len(rests) / 4
    assert truth["turning_day"].to_numpy() == pytest.approx(turning, rel=1e-6, abs=1e-6)
    visits = found.truth_visits.join(truth, on="patient_id", suffix="_at_start")
    weeks = visits["day"].to_numpy() / 7.0
    sensitive = (1 - visits["resistant_fraction_at_start"].to_numpy()) * np.exp(
        -visits["kill_per_week"].to_numpy() * weeks
    )
    resistant = visits["resistant_fraction_at_start"].to_numpy() * np.exp(
        visits["regrowth_per_week"].to_numpy() * weeks
    )
    assert visits["living_burden"].to_numpy() == pytest.approx(sensitive + resistant, rel=1e-6)
    assert visits["resistant_fraction"].to_numpy() == pytest.approx(
        resistant / (sensitive + resistant), rel=1e-6
    )


def test_cause_is_scar_where_little_lives(found):
    visits = found.truth_visits.join(found.truth.select("patient_id", "scar_share"), on="patient_id")
    assert set(visits["cause"]) == {"resistant", "scar"}
    last = found.truth_visits.sort("day").group_by("patient_id").agg(pl.col("cause").last())
    assert (
        last.join(found.truth, on="patient_id")
        .select((pl.col("cause") == pl.col("cause_right")).all())
        .item()
    )


def test_every_visit_of_the_study_has_its_truth(found):
    days = pl.concat(
        [table.select("patient_id", "day") for table in (found.study.lesions, found.study.markers)]
    ).unique()
    assert days.join(found.truth_visits, on=["patient_id", "day"], how="anti").is_empty()


def test_psa_courses_end_with_the_markers_own_criterion_when_there_are_no_scans():
    own = simulate(PSA, 60, visits_every=3, weeks=60, seed=3)
    assert own.study.lesions.is_empty()
    values = readings_of(own.study).sort("patient_id", "day")
    nadir = pl.col("value").cum_min().shift(1).over("patient_id")
    met = values.with_columns(
        ((pl.col("value") >= 1.25 * nadir) & (pl.col("value") >= nadir + 2.0) & (pl.col("day") > 0)).alias(
            "met"
        ),
        (pl.col("day") == pl.col("day").max().over("patient_id")).alias("last"),
    )
    assert not met.filter(~pl.col("last"))["met"].fill_null(value=False).any()
    assert met.filter("last")["met"].mean() > 0.4


def test_simulate_names_every_number_that_means_nothing():
    with pytest.raises(UsageError) as caught:
        simulate(CT, 0, visits_every=0, lesions=6, markers={"CEA": 0})
    assert all(
        part in str(caught.value) for part in ("patients=0", "visits-every=0", "lesions=6", "markers CEA=0")
    )


def test_resistant_share_of_what_stays_is_all_without_scar_none_without_resistance_and_half_where_they_are_alike():
    prior = named_prior(CT)
    start = len(DYNAMICS_NAMES)
    particles = np.tile(prior.mean, (3, 1))
    particles[:, DYNAMICS_NAMES.index("log_regrowth_per_week")] = -40.0  # the resistant part stays as it is
    logit_resistant, scar = DYNAMICS_NAMES.index("logit_resistant_fraction"), start
    particles[0, [logit_resistant, scar]] = 0.0, -30.0
    particles[1, [logit_resistant, scar]] = -30.0, 0.0
    particles[2, [logit_resistant, scar]] = 0.0, -np.log(2.0)  # half resist, a third is scar: (2/3)/2 and 1/3
    share = _resistant_share_of_what_stays(prior, particles, np.array([0.0, 700.0]))
    assert share == pytest.approx(np.array([[1.0, 1.0], [0.0, 0.0], [0.5, 0.5]]), abs=1e-6)
