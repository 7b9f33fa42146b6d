"""The regression of forecast errors: its law, its fit, its features, its JSON."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from tests.reference import error_regression as reference
from turnpoint.errors import PriorError
from turnpoint.model import error_regression_fit as fitting
from turnpoint.model.error_features import FEATURES, Origins
from turnpoint.model.error_regression import (
    CONSTANTS,
    PREDICTORS,
    TERMS,
    ErrorLaw,
    ErrorRegression,
    error_regression_from_dict,
    law_of,
)
from turnpoint.model.error_regression_fit import FEWEST_ORIGINS, fit_error_regression

CHANGES = np.array([-3.0, -0.4, -0.05, -1e-6, 0.0, 1e-6, 0.03, 0.2, 1.5])


def regression(rng=None, is_diameter=True, **intercepts):
    """A plausible regression: a third repeats, SD about 0.15; small random slopes with `rng`."""
    slopes = np.zeros((len(PREDICTORS), len(TERMS)))
    slopes[:, 0] = [-0.7, 0.1, -2.5, 1.0, 0.5]
    for name, value in intercepts.items():
        slopes[PREDICTORS.index(name), 0] = value
    if rng is not None:
        slopes[:, 1:] = 0.2 * rng.standard_normal((len(PREDICTORS), len(FEATURES)))
    return ErrorRegression(is_diameter, slopes, np.array([0.8, -4.0, -1.0]), 500, 120.0)


def origins(count, rng, is_diameter=True):
    """Origins with random features, no change known yet."""
    features = rng.standard_normal((count, len(FEATURES)))
    if not is_diameter:
        features[:, FEATURES.index("log_size")] = 0.0
    return Origins(
        features=features,
        last_value=np.round(25 * np.exp(0.6 * rng.standard_normal(count))) + 1,
        smallest_value=np.full(count, 1.0 if is_diameter else 0.0),
        gap_days=np.full(count, 42.0),
        change=np.full(count, np.nan),
        usable=np.ones(count, dtype=bool),
    )


def simulated(truth, count, rng):
    """Origins with changes drawn from a regression's law."""
    found = origins(count, rng, truth.is_diameter)
    law = truth.law(found.features, found.last_log_value)
    levels = rng.uniform(size=count)
    change = np.array([row_law(law, i).quantiles(np.array([levels[i]]))[0, 0] for i in range(count)])
    return replace(found, change=np.maximum(change, -found.last_log_value))  # disappeared: 1 mm


def row_law(law, row):
    return ErrorLaw(*(getattr(law, name)[[row]] for name in ErrorLaw.__slots__))


# --- the law


def test_law_agrees_with_the_slow_reference_when_coefficients_are_random():
    rng = np.random.default_rng(0)
    made, known = regression(rng), origins(40, rng)
    fast = made.law(known.features, known.last_log_value).cdf(CHANGES)
    document = made.to_dict()
    slow = [
        [reference.cdf(x, document, list(row), last) for x in CHANGES]
        for row, last in zip(known.features, known.last_value, strict=True)
    ]
    np.testing.assert_allclose(fast, slow, atol=2e-6)  # JSON keeps six decimals


def test_law_has_exactly_the_repeats_chance_at_no_change():
    law = regression(is_diameter=False, logit_repeat=0.0).law(np.zeros((1, 9)), np.zeros(1))
    below, at = law.cdf(np.array([-1e-7, 0.0]))[0]
    assert at - below == pytest.approx(0.5, abs=1e-5)
    assert (law.quantiles(np.linspace(below + 0.001, at - 0.001, 50)) == 0.0).all()
    assert law.quantiles(np.array([below - 0.001]))[0, 0] < 0.0 < law.quantiles(np.array([at + 0.001]))[0, 0]


def test_law_gives_disappearance_its_chance_below_every_change():
    law = regression().law(np.zeros((1, 9)), np.log([5.0]))
    vanish = law.vanish[0]
    assert vanish == pytest.approx(1 / (1 + math.exp(4 - math.log(5))))
    assert law.cdf(np.array([-50.0]))[0, 0] == pytest.approx(vanish)
    assert law.quantiles(np.array([vanish * 0.99]))[0, 0] == -np.inf
    assert np.isfinite(law.quantiles(np.array([vanish * 1.01])))[0, 0]


def test_law_of_a_marker_never_disappears():
    law = regression(is_diameter=False).law(np.zeros((3, 9)), np.log([0.1, 1.0, 1000.0]))
    assert (law.vanish == 0.0).all()


def test_law_chance_of_reaching_no_change_includes_the_repeats():
    law = regression().law(np.zeros((1, 9)), np.log([25.0]))
    at, above = law.chance_at_least(np.array([0.0])), law.chance_at_least(np.array([1e-6]))
    assert (at - above)[0] == pytest.approx(law.repeat[0] * (1 - law.vanish[0]), abs=1e-4)
    beyond = 1.0 - law.cdf(np.array([0.3]))[0]
    np.testing.assert_allclose(law.chance_at_least(np.array([0.3])), beyond, atol=1e-12)


@given(
    st.lists(st.floats(-4, 4), min_size=9, max_size=9),
    st.floats(1.0, 300.0),
    st.lists(st.floats(1e-4, 1 - 1e-4), min_size=2, max_size=8, unique=True),
    st.integers(0, 20),
)
@settings(max_examples=60, deadline=None)
def test_law_quantiles_rise_with_the_level_and_invert_the_distribution(features, last, levels, seed):
    law = regression(np.random.default_rng(seed)).law(np.array([features]), np.log([last]))
    levels = np.sort(levels)
    found = law.quantiles(levels)[0]
    assert (np.diff(found[np.isfinite(found)]) >= 0.0).all()
    assert (np.isneginf(found) == (levels <= law.vanish[0])).all()
    moved = np.isfinite(found) & (found != 0.0)
    np.testing.assert_allclose(law.cdf(found[moved])[0], levels[moved], atol=2e-3)


# --- the fit


@pytest.mark.parametrize("is_diameter", [True, False])
def test_gradient_agrees_with_finite_differences(is_diameter):
    rng = np.random.default_rng(1)
    made = regression(rng, is_diameter)
    problem = fitting._Problem.of(simulated(made, 60, rng), is_diameter, None, 1.0)
    place = problem.start + 0.1 * rng.standard_normal(len(problem.start))
    _, gradient = problem.value_and_gradient(place)
    numeric = approx_fprime(place, lambda x: problem.value_and_gradient(x)[0], 1e-7)
    np.testing.assert_allclose(gradient, numeric, atol=3e-6)
    assert np.abs(gradient).max() > 1e-3


def test_score_agrees_with_the_slow_reference():
    rng = np.random.default_rng(2)
    made = regression(rng)
    known = simulated(made, 12, rng)
    problem = fitting._Problem.of(known, is_diameter=True, centre=None, ridge=0.0)  # no ridge
    value, _ = problem.value_and_gradient(np.concatenate([made.slopes.ravel(), made.constants]))
    points = fitting._GRID
    inner = (points[1:] + points[:-1]) / 2
    low, high = [points[0], *inner], [*inner, points[-1]]
    score = no_change = 0.0
    for i in range(12):
        last, features = known.last_value[i], list(known.features[i])
        cells = [cell for cell in zip(low, high, points, strict=True) if last * math.exp(cell[2]) >= 1 - 1e-9]
        score += reference.crps(
            lambda x, features=features, last=last: reference.cdf(x, made.to_dict(), features, last),
            known.change[i],
            cells,
        )
        no_change += reference.crps(lambda x: float(x >= 0), known.change[i], cells)
    assert value == pytest.approx(score / no_change, rel=1e-4)


def test_fit_recovers_a_simulated_law():
    rng = np.random.default_rng(3)
    truth = regression(np.random.default_rng(9))
    found = fit_error_regression(simulated(truth, 2000, rng), is_diameter=True)
    fresh = origins(400, rng)
    grid = np.array([-0.5, -0.2, -0.1, -0.03, -1e-6, 1e-6, 0.03, 0.1, 0.2, 0.5])
    true_law, law = (one.law(fresh.features, fresh.last_log_value) for one in (truth, found))
    assert np.abs(law.cdf(grid) - true_law.cdf(grid)).mean() < 0.03
    assert np.abs(law.repeat - true_law.repeat).mean() < 0.05
    assert law.vanish.mean() == pytest.approx(true_law.vanish.mean(), rel=0.3)


def test_fit_beats_no_slopes_on_origins_left_out():
    rng = np.random.default_rng(4)
    truth = regression(np.random.default_rng(9))
    train, test = simulated(truth, 600, rng), simulated(truth, 600, rng)
    found = fit_error_regression(train, is_diameter=True)
    flat = fit_error_regression(train, is_diameter=True, ridge=1e6)
    scores = [
        fitting._Problem.of(test, is_diameter=True, centre=None, ridge=0.0).value_and_gradient(
            np.concatenate([one.slopes.ravel(), one.constants])
        )[0]
        for one in (found, flat)
    ]
    assert scores[0] < scores[1] - 0.02


def test_fit_of_few_origins_is_the_centre_and_of_one_more_is_not():
    rng = np.random.default_rng(5)
    truth = regression()
    some = simulated(truth, FEWEST_ORIGINS, rng)
    few = some.only(np.arange(FEWEST_ORIGINS - 1))
    assert fit_error_regression(few, is_diameter=True) is None
    assert fit_error_regression(few, is_diameter=True, centre=truth) is truth
    assert fit_error_regression(some, is_diameter=True).origins == FEWEST_ORIGINS


def test_fit_leaves_out_origins_that_are_not_usable_or_have_no_change():
    rng = np.random.default_rng(6)
    known = simulated(regression(), 220, rng)
    usable, change = known.usable.copy(), known.change.copy()
    usable[:60], change[60:110] = False, np.nan
    assert fit_error_regression(replace(known, usable=usable, change=change), is_diameter=True).origins == 110


def test_fit_goes_to_its_centre_when_the_ridge_is_strong():
    rng = np.random.default_rng(7)
    centre = regression(np.random.default_rng(9), logit_narrow=0.3)
    found = fit_error_regression(
        simulated(regression(), 300, rng), is_diameter=True, centre=centre, ridge=1e7
    )
    np.testing.assert_allclose(found.slopes[:, 1:], centre.slopes[:, 1:], atol=1e-3)
    np.testing.assert_allclose(found.constants, centre.constants, atol=1e-3)
    assert abs(found.slopes[0, 0] - centre.slopes[0, 0]) > 1e-3  # intercepts stay the study's own


def test_fit_serves_gaps_of_up_to_twice_the_longest_it_has_seen():
    rng = np.random.default_rng(8)
    known = simulated(regression(), 200, rng)
    found = fit_error_regression(replace(known, gap_days=np.linspace(20, 120, 200)), is_diameter=True)
    asked = replace(known.only(np.arange(3)), gap_days=np.array([50.0, 230.0, 241.0]))
    assert found.can_forecast(asked).tolist() == [True, True, False]
    assert not found.can_forecast(replace(asked, usable=np.zeros(3, dtype=bool))).any()


def test_fit_stands_a_study_in_which_nothing_ever_changes():
    known = replace(origins(150, np.random.default_rng(0)), change=np.zeros(150))
    law = fit_error_regression(known, is_diameter=True).law(known.features, known.last_log_value)
    assert (law.cdf(np.array([-0.05]))[:, 0] < 0.05).all()
    assert (law.cdf(np.array([0.05]))[:, 0] > 0.95).all()


def test_regression_of_a_marker_does_not_depend_on_its_unit():
    rng = np.random.default_rng(10)
    known = simulated(regression(is_diameter=False), 200, rng)
    other = replace(known, last_value=known.last_value / 1000)
    one, two = (fit_error_regression(own, is_diameter=False) for own in (known, other))
    np.testing.assert_array_equal(one.slopes, two.slopes)


# --- the JSON


def test_regression_survives_the_way_through_json():
    import json

    made = regression(np.random.default_rng(0))
    document = json.loads(json.dumps(made.to_dict()))
    read = error_regression_from_dict(document, "x.json")
    assert read.to_dict() == made.to_dict()
    np.testing.assert_allclose(read.slopes, made.slopes, atol=1e-6)
    assert document["predictors"]["log_scale"]["intercept"] == -2.5
    assert list(document["constants"]) == list(CONSTANTS)


def _without(document, *path):
    for name in path[:-1]:
        document = document[name]
    del document[path[-1]]


def _with(document, value, *path):
    for name in path[:-1]:
        document = document[name]
    document[path[-1]] = value


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: _without(d, "predictors"),
        lambda d: _without(d, "predictors", "location"),
        lambda d: _without(d, "predictors", "location", "early_visit"),
        lambda d: _without(d, "constants", "logit_vanish"),
        lambda d: _without(d, "is_diameter"),
        lambda d: _with(d, 1.0, "predictors", "location", "age"),
        lambda d: _with(d, math.nan, "predictors", "location", "intercept"),
        lambda d: _with(d, "much", "predictors", "location", "intercept"),
        lambda d: _with(d, None, "constants", "logit_vanish"),
        lambda d: _with(d, [], "predictors"),
        lambda d: _with(d, "yes", "is_diameter"),
        lambda d: _with(d, 0.0, "longest_gap_days"),
        lambda d: _with(d, math.inf, "longest_gap_days"),
    ],
)
def test_regression_says_so_when_its_json_is_damaged(damage):
    document = copy.deepcopy(regression().to_dict())
    damage(document)
    with pytest.raises(PriorError, match=r"x\.json: its regression of errors is damaged"):
        error_regression_from_dict(document, "x.json")


@pytest.mark.parametrize("document", [None, [], "regression", {"predictors": 3}])
def test_regression_says_so_when_it_is_no_regression(document):
    with pytest.raises(PriorError, match="damaged"):
        error_regression_from_dict(document, "x.json")


def test_law_of_a_row_does_not_depend_on_the_rows_beside_it():
    """To the last bit: what is said of a patient is the same alone and in a folder."""
    rng = np.random.default_rng(0)
    terms, slopes = rng.standard_normal((200, len(TERMS))), rng.standard_normal((5, len(TERMS)))
    together = law_of(slopes, np.zeros(3), terms, None)
    for row in range(200):
        alone = law_of(slopes, np.zeros(3), terms[row : row + 1], None)
        assert (alone.location[0], alone.scale[0]) == (together.location[row], together.scale[row])
