import numpy as np
import pytest

from tests.model.courses import readings
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.turning.evidence import gather_evidence

ENOUGH = {"informative_values": 4.0, "shrinkage": 0.5}


def facts(days, values, quantity=SUM_OF_DIAMETERS, diagnostics=ENOUGH, paused=None, censoring=None):
    prior = starting_prior("any", [quantity])
    found = gather_evidence(readings(days, values, quantity, censoring=censoring), prior, diagnostics, paused)
    return {fact.code: fact for fact in found}


def test_two_scans_within_reading_error_are_said_to_be_so():
    fact = facts([0, 42, 84], [60, 41, 42])["sum_within_error"]
    assert fact.numbers["scans"] == 2
    assert fact.numbers["weeks"] == 6
    assert fact.numbers["change_pct"] == pytest.approx(100 / 41, rel=1e-6)


def test_flat_scans_are_described_by_their_whole_spread_not_by_first_and_last():
    fact = facts([0, 42, 84, 126], [33, 34, 32, 33])["sum_within_error"]
    assert fact.numbers["scans"] == 4
    assert fact.numbers["change_pct"] == pytest.approx(100 * (34 / 32 - 1))


@pytest.mark.parametrize(("last", "code"), [(54, "sum_within_error"), (56, "sum_change")])
def test_sum_has_changed_only_beyond_reading_error(last, code):
    # 1.645·√2·0.04 on the log scale: 9.75 % of 50 mm is 4.9 mm
    assert code in facts([0, 42], [50, last])


def test_rise_since_the_smallest_sum_is_reported_even_when_the_last_step_is_small():
    fact = facts([0, 42, 84, 126], [60, 40, 44, 47])["sum_change"]
    assert fact.numbers["change_pct"] == pytest.approx(17.5)
    assert fact.numbers["weeks"] == 12


def test_marker_that_fell_then_flattened_gives_both_slopes():
    fact = facts([0, 21, 42, 63, 84], [100, 50, 25, 26, 27], "PSA")["marker_slope"]
    assert fact.numbers["until_week"] == 6
    assert fact.numbers["before_pct_per_week"] == pytest.approx(100 * (0.25 ** (1 / 6) - 1))
    assert fact.numbers["since_pct_per_week"] == pytest.approx(100 * ((27 / 25) ** (1 / 6) - 1))


def test_marker_still_falling_is_said_to_fall():
    assert set(facts([0, 21, 42], [100, 50, 25], "PSA")) == {"marker_falling"}


@pytest.mark.parametrize(("day", "early"), [(55, True), (56, False)])
def test_rise_of_a_marker_in_the_first_eight_weeks_is_called_early(day, early):
    found = facts([0, 21, day], [20, 10, 60], "PSA")
    assert "marker_rising" in found
    assert ("early_rise" in found) is early


def test_marker_below_its_limit_is_at_the_floor():
    assert set(facts([0, 21], [5, 0.1], "PSA", censoring=[0, -1])) == {"marker_at_floor"}


def test_limits_of_the_data_come_first():
    prior = starting_prior("any", [SUM_OF_DIAMETERS])
    found = gather_evidence(
        readings([0, 42], [50, 40]), prior, {"informative_values": 2.0, "shrinkage": 0.01}, 5.0
    )
    assert [fact.code for fact in found] == ["few_values", "near_prior", "paused", "sum_change"]


def test_every_number_is_finite():
    for values in ([0.01, 1e5, 0.01], [5, 5, 5]):
        for fact in facts([0, 1, 2], values, "CEA").values():
            assert all(np.isfinite(number) for number in fact.numbers.values())
