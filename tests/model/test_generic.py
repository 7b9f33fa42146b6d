"""The generic prior's blocks: which populations tell of which, and what is taken where none does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from turnpoint.model.generic import Source, generic_moments, read_as
from turnpoint.model.hierarchy import new_disease
from turnpoint.model.parameters import DORMANCY, DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import ANY_MARKER, GENERIC, Card

START = starting_prior(GENERIC, [SUM_OF_DIAMETERS, ANY_MARKER])
FIRST = len(DYNAMICS_NAMES)


def prior(quantities, shift=0.0, dormancy=-1.5):
    own = starting_prior("own", quantities)
    mean = own.mean + shift
    mean[DORMANCY] = dormancy
    covariance = own.covariance.copy()
    covariance[DORMANCY] = covariance[:, DORMANCY] = 0.0
    covariance[DORMANCY, DORMANCY] = 1.0
    covariance[0, 2] = covariance[2, 0] = 0.3
    return replace(own, mean=mean, covariance=covariance, card=Card(data="", patients=10**9))


def ct(disease, shift=0.0, read_by="people"):
    return Source(prior([SUM_OF_DIAMETERS], shift), disease, read_by)


def psa(disease, shift=0.0, read_by="people"):
    return Source(prior(["PSA"], shift), disease, read_by)


def at(name, position=0):
    return FIRST + position * len(READING_NAMES) + READING_NAMES.index(name)


def test_dynamics_are_of_every_population_with_their_correlation():
    sources = [ct("a"), psa("b", 1.0), ct("c", 2.0, "chosen residual")]
    mean, covariance = generic_moments(sources, START)
    found = new_disease([own.population(np.arange(FIRST)) for own in sources])
    rates = np.array([0, 1, 2, 3])
    assert mean[rates] == pytest.approx(found.mean[rates])
    assert covariance[np.ix_(rates, rates)] == pytest.approx(found.covariance[np.ix_(rates, rates)])
    assert covariance[0, 2] != 0.0


def test_share_that_never_regrows_is_kept_with_sd_1():
    sources = [Source(prior(["PSA"], dormancy=-2.0), "a"), Source(prior(["PSA"], dormancy=-0.5), "b")]
    mean, covariance = generic_moments(sources, START)
    assert covariance[DORMANCY, DORMANCY] == 1.0
    assert covariance[DORMANCY].sum() == 1.0
    between = 2 * 0.75**2 * 1.5  # ((m1 - m2)/2)² / (1 - 1/2) · (1 + 1/2)
    assert ndtr(mean[DORMANCY]) == pytest.approx(ndtr(-1.25 / np.sqrt(1.0 + between)))


@pytest.mark.parametrize(
    ("name", "read_by", "counts"),
    [
        ("background", "chosen residual", True),
        ("log_sd_reading", "estimated residual", True),
        ("log_sd_reading", "chosen residual", False),
        ("logit_repeat", "estimated residual", False),
        ("log_surge", "estimated residual", False),
    ],
)
def test_reading_is_of_those_that_tell_of_it(name, read_by, counts):
    two = [ct("a"), ct("b")]
    alone, _ = generic_moments(two, START)
    with_third, _ = generic_moments([*two, ct("c", 3.0, read_by)], START)
    assert (with_third[at(name)] != pytest.approx(alone[at(name)])) == counts


def test_starting_spread_is_added_where_one_disease_was_read():
    _, covariance = generic_moments([ct("a"), psa("b")], START)
    here = at("log_sd_reading")
    assert covariance[here, here] == pytest.approx(2 * START.covariance[here, here])


def test_start_is_taken_where_nobody_read_the_quantity():
    mean, covariance = generic_moments([ct("a"), ct("b", 2.0)], START)
    marker = slice(at("background", 1), at("log_surge", 1) + 1)
    assert mean[marker] == pytest.approx(START.mean[marker])
    assert covariance[marker, marker] == pytest.approx(START.covariance[marker, marker])


def test_surge_of_a_marker_stays_as_in_the_start():
    mean, covariance = generic_moments([psa("a", 2.0), psa("b", 3.0)], START)
    here = at("log_surge", 1)
    assert (mean[here], covariance[here, here]) == (START.mean[here], START.covariance[here, here])
    assert mean[at("log_sd_drift", 1)] != START.mean[at("log_sd_drift", 1)]


def test_covariance_is_positive_definite():
    _, covariance = generic_moments([ct("a"), psa("b", 4.0), ct("c", -3.0, "estimated residual")], START)
    assert np.linalg.eigvalsh(covariance).min() > 0.0


def test_prior_read_as_another_keeps_its_course_and_takes_the_reading():
    own, readers = prior([SUM_OF_DIAMETERS, "PSA"], 0.7), prior([SUM_OF_DIAMETERS, "PSA"], -0.4)
    own.covariance[0, at("background")] = own.covariance[at("background"), 0] = 0.2
    readers.covariance[at("log_sd_drift"), at("log_sd_jump")] = 0.05
    readers.covariance[at("log_sd_jump"), at("log_sd_drift")] = 0.05
    found = read_as(own, replace(readers, new_lesions_per_exposed_week=0.04, floor_persistence={"PSA": 0.5}))
    course = [*range(FIRST), at("background"), at("background", 1)]
    reading = [column for column in range(found.dimensions) if column not in course]
    assert found.mean[course] == pytest.approx(own.mean[course])
    assert found.mean[reading] == pytest.approx(readers.mean[reading])
    assert found.covariance[np.ix_(course, course)] == pytest.approx(own.covariance[np.ix_(course, course)])
    assert found.covariance[np.ix_(reading, reading)] == pytest.approx(
        readers.covariance[np.ix_(reading, reading)]
    )
    assert not found.covariance[np.ix_(course, reading)].any()
    assert (found.new_lesions_per_exposed_week, found.floor_persistence) == (0.04, {"PSA": 0.5})
    assert found.visit_gap_weeks == own.visit_gap_weeks
