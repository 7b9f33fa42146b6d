"""Published models: their curves against the differential equations, their cohorts against the papers' own figures."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.integrate import solve_ivp

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.virtual.published import (
    PUBLISHED_MODELS,
    cohort_of,
    lung_first_line,
    lung_pooled,
    ovarian,
    prostate,
)

DAYS = np.array([0.0, 10.0, 21.0, 56.0, 84.0, 150.0, 273.0, 420.0])
COHORTS = 6  # of the paper's size each
FARTHEST_SE = 4.0


def some(model, patients=6, seed=3):
    return model.individuals(patients, np.random.default_rng(seed))


def one(individuals, index):
    return {name: values[index] for name, values in individuals.items()}


def solved(slope, start, breaks=()):
    """The equations solved step by step on `DAYS`, starting anew at each of the breaks; shape (states, days)."""
    edges = sorted({0.0, *breaks, DAYS[-1]})
    values, state = {0.0: np.asarray(start, dtype=float)}, np.asarray(start, dtype=float)
    for first, end in pairwise(edges):
        wanted = sorted({*(day for day in DAYS if first < day <= end), end})
        found = solve_ivp(
            lambda day, x, first=first: slope(day, x, first),
            (first, end),
            state,
            t_eval=wanted,
            rtol=1e-9,
            atol=1e-11,
        )
        values |= dict(zip(found.t, found.y.T, strict=True))
        state = found.y[:, -1]
    return np.stack([values[day] for day in DAYS], axis=1)


def test_first_line_lung_size_is_the_solution_of_its_equation():
    model = PUBLISHED_MODELS["carboplatin-paclitaxel-nsclc-ct"]
    individuals = some(model)
    sizes = lung_first_line.size_mm(individuals, DAYS)
    for index in range(6):
        own = one(individuals, index)

        def slope(day, size, _first, own=own):
            return size * (own["growth_per_day"] - own["kill_per_day"] * np.exp(-own["decay_per_day"] * day))

        assert sizes[index] == pytest.approx(solved(slope, [own["base_mm"]])[0], rel=1e-6)


def test_pooled_lung_size_is_the_solution_of_its_equation():
    individuals = some(PUBLISHED_MODELS["chemo-immunotherapy-nsclc-ct"])
    sizes = lung_pooled.size_mm(individuals, DAYS)
    for index in range(6):
        own = one(individuals, index)
        rates = np.array([own["growth_per_week"], -own["shrinkage_per_week"]]) / 7.0
        grown, left = solved(lambda _day, x, _first, rates=rates: rates * x, [own["base_mm"]] * 2)
        assert sizes[index] == pytest.approx(grown + left - own["base_mm"], rel=1e-6)


@pytest.mark.parametrize(
    ("size", "turns", "model"),
    [
        (lung_first_line.size_mm, lung_first_line.growth_day, "carboplatin-paclitaxel-nsclc-ct"),
        (lung_pooled.size_mm, lambda own: 7.0 * lung_pooled.growth_week(own), "chemo-immunotherapy-nsclc-ct"),
    ],
)
def test_time_to_growth_is_when_the_size_is_smallest(size, turns, model):
    individuals = some(PUBLISHED_MODELS[model], 40)
    days = np.arange(0.0, 3000.0)
    smallest = days[size(individuals, days).argmin(axis=1)]
    expected = np.maximum(turns(individuals), 0.0)
    within = expected < days[-1]
    assert within.sum() > 20
    assert smallest[within] == pytest.approx(expected[within], abs=1.0)


def test_psa_is_the_solution_of_its_equations():
    individuals = some(PUBLISHED_MODELS["docetaxel-prostate-psa-published"])
    psa = prostate.psa_ng_per_ml(individuals, DAYS)
    assert psa[:, 0] == pytest.approx(individuals["start_ng_per_ml"])
    for index in range(6):
        own = one(individuals, index)

        def slope(_day, x, first, own=own):
            effect = own["effectiveness"] if first < own["escape_day"] else 0.0
            cells = own["proliferation_per_day"] * (1 - effect) - prostate.DEATH_PER_DAY
            return [cells * x[0], x[0] - prostate.ELIMINATION_PER_DAY * x[1]]

        start = [prostate.ELIMINATION_PER_DAY * own["start_ng_per_ml"], own["start_ng_per_ml"]]
        breaks = [own["escape_day"]] if own["escape_day"] < DAYS[-1] else []
        assert psa[index] == pytest.approx(solved(slope, start, breaks)[1], rel=1e-6)


def test_size_and_ca_125_are_the_solution_of_their_equations_when_doses_are_given():
    individuals = some(PUBLISHED_MODELS["platinum-ovarian-ct-ca-125"])
    size, marker = ovarian.curves(individuals, DAYS, 0.0125)
    quick_size, quick_marker = ovarian.curves(individuals, DAYS)
    assert quick_size == pytest.approx(size, rel=1e-3)
    assert quick_marker == pytest.approx(marker, rel=0.05)
    for index in range(6):
        own = one(individuals, index)
        given = ovarian.DOSE_DAYS
        doses = len(given)

        def slope(day, x, first, own=own, doses=doses, given=given):
            """A1 and A2 of each dose by itself; x is they, then size and CA-125."""
            first_part, second_part = x[:doses], x[doses : 2 * doses]
            on = given <= first
            rate = own["drug_per_day"]
            effect = own["half_effect"] / (own["half_effect"] + second_part.sum())
            change = own["growth_mm_per_day"] * effect - own["loss_per_day"] * x[-2]
            produced = own["basal_u_per_ml_per_day"] + own["tumour_u_per_ml_per_day"] * np.exp(
                own["day_per_mm"] * change
            )
            return np.concatenate(
                [
                    np.where(on, -rate * first_part, 0.0),
                    np.where(on, rate * first_part - rate * second_part, 0.0),
                    [change, produced - own["elimination_per_day"] * x[-1]],
                ]
            )

        start = np.concatenate([np.ones(doses), np.zeros(doses), [own["start_mm"], own["start_u_per_ml"]]])
        reference = solved(slope, start, given)
        assert size[index] == pytest.approx(reference[-2], rel=1e-5)
        assert marker[index] == pytest.approx(reference[-1], rel=2e-3)


def test_untreated_typical_woman_comes_to_the_sizes_that_the_estimates_imply(monkeypatch):
    """KPROL/KREDUC = 66.8 mm and (KPROD1 + KPROD2)/KELIM = 28.8 U/mL."""
    monkeypatch.setattr(ovarian, "DOSE_DAYS", np.zeros(0))
    typical = {name: np.array([median]) for name, (median, _) in ovarian.MEDIAN_AND_CV.items()}
    size, marker = ovarian.curves(typical, np.array([0.0, 1500.0]))
    assert size[0] == pytest.approx([57.8, 66.85], abs=0.01)
    assert marker[0] == pytest.approx([167.0, 28.84], abs=0.01)


def test_every_woman_could_be_a_patient():
    individuals = some(PUBLISHED_MODELS["platinum-ovarian-ct-ca-125"], 100)
    size, marker = ovarian.curves(individuals, np.arange(0.0, ovarian.HORIZON_DAYS, 21.0))
    assert (individuals["start_mm"] < individuals["growth_mm_per_day"] / individuals["loss_per_day"]).all()
    assert size.max() <= ovarian.LARGEST_MM
    assert marker.max() <= ovarian.HIGHEST_U_PER_ML


@cache
def drawn(individuals, patients, seed):
    return individuals(patients, np.random.default_rng(seed))


def figures():
    for name, model in PUBLISHED_MODELS.items():
        for summary in model.summaries:
            if summary.compared:
                yield pytest.param(model.individuals, model.patients, summary, id=f"{name}: {summary.name}")
    for summary in lung_pooled.POOLED:
        if summary.compared:
            yield pytest.param(lung_pooled.all_arms, 786, summary, id=f"all arms: {summary.name}")


@pytest.mark.parametrize(("individuals", "patients", "summary"), [*figures()])
def test_cohort_has_the_papers_own_figure_within_what_its_size_allows(individuals, patients, summary):
    """Cohorts of the paper's size: the published value within four of their SDs, or between two arms' values."""
    found = [
        np.quantile(summary.of(drawn(individuals, patients, seed)), summary.level) for seed in range(COHORTS)
    ]
    allowed = FARTHEST_SE * np.std(found, ddof=1)
    low, high = summary.published
    assert low - allowed <= np.mean(found) <= high + allowed


@pytest.mark.parametrize("name", PUBLISHED_MODELS)
def test_cohort_is_a_study_of_the_papers_size_and_schedule(name):
    model = PUBLISHED_MODELS[name]
    study = cohort_of(model, patients=60).study
    assert len(study.patient_ids) == 60
    assert study.patients["tumour_type"].unique().to_list() == [model.tumour_type]
    assert set(study.doses["drug"]) == set(model.drugs)
    assert study.lesions.is_empty() == (SUM_OF_DIAMETERS not in model.days)
    for quantity, days in model.days.items():
        rows = study.lesions if quantity == SUM_OF_DIAMETERS else study.markers.filter(marker=quantity)
        assert set(rows["day"]) <= set(days)
        assert rows.group_by("patient_id").len()["len"].min() >= 2
    sizes = study.lesions["diameter_mm"].drop_nulls()
    assert (sizes >= TOO_SMALL_MM).all()
    assert (sizes == sizes.round()).all()


def test_cohort_is_the_same_for_the_same_seed_only():
    model = PUBLISHED_MODELS["carboplatin-paclitaxel-nsclc-ct"]
    first, again, other = (cohort_of(model, patients=30, seed=seed).study.lesions for seed in (1, 1, 2))
    assert_frame_equal(first, again)
    assert not first.equals(other)


def test_sizes_a_patient_are_as_many_as_published():
    study = cohort_of(PUBLISHED_MODELS["carboplatin-paclitaxel-nsclc-ct"]).study
    sizes = study.lesions.group_by("patient_id").len()["len"]
    assert sizes.median() == 4
    assert sizes.min() == 2


def test_half_of_the_women_have_left_at_the_horizon():
    model = PUBLISHED_MODELS["platinum-ovarian-ct-ca-125"]
    nobody_in_particular = {"start_mm": np.zeros(20_000)}
    last = model.last_days(nobody_in_particular, {}, np.random.default_rng(0))
    assert (last < model.horizon_days).mean() == pytest.approx(0.5, abs=0.015)


def test_men_with_higher_psa_die_sooner_and_a_quarter_lives_on():
    """Median PSA: a quarter alive at day 735 (Table II was made so); only the ranks of the rest are compared."""
    typical = {
        "proliferation_per_day": np.full(4000, 0.05),
        "effectiveness": np.full(4000, 0.3),
        "escape_day": np.full(4000, 140.0),
        "start_ng_per_ml": np.full(4000, 80.0),
    }
    day = prostate.death_day(typical, np.random.default_rng(0))
    assert (day == prostate.HORIZON_DAYS).mean() == pytest.approx(0.25, abs=0.04)
    higher = typical | {"start_ng_per_ml": np.full(4000, 240.0)}
    assert np.median(prostate.death_day(higher, np.random.default_rng(0))) < np.median(day)


def test_course_ends_with_the_first_size_that_meets_progression():
    study = cohort_of(PUBLISHED_MODELS["docetaxel-nsclc-ct-published"], patients=200).study
    sizes = study.lesions.with_columns(pl.col("diameter_mm").fill_null(TOO_SMALL_MM)).sort(
        "patient_id", "day"
    )
    before = pl.col("diameter_mm").cum_min().shift(1).over("patient_id")
    grown = (pl.col("diameter_mm") >= 1.25 * before + 1.0) & (
        pl.col("diameter_mm") >= before + 6.0
    )  # beyond rounding
    met = sizes.filter(grown)
    last = sizes.group_by("patient_id").agg(pl.col("day").max().alias("last"))
    assert met.height > 50
    assert met.join(last, on="patient_id").select(pl.col("day") == pl.col("last")).to_series().all()
