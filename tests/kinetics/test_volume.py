import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.errors import MeasurementError
from turnpoint.kinetics.volume import (
    cell_number_estimate,
    diameter_after_doublings,
    doublings,
    sphere_volume_cm3,
    volume_ratio,
)

diameters = st.floats(0.1, 500.0)


def test_ten_to_twelve_mm_is_73_percent_more_volume():
    assert volume_ratio(10, 12) == pytest.approx(1.728)


def test_ten_to_fifteen_mm_is_1_75_doublings():
    assert doublings(10, 15) == pytest.approx(1.755, abs=5e-4)


def test_doublings_are_minus_infinity_when_the_lesion_disappears():
    assert doublings(10, 0) == -math.inf
    assert volume_ratio(10, 0) == 0.0


@given(first=diameters, second=diameters)
def test_doublings_undo_themselves(first, second):
    assert diameter_after_doublings(first, doublings(first, second)) == pytest.approx(second)
    assert doublings(first, second) == pytest.approx(-doublings(second, first), abs=1e-9)
    assert volume_ratio(first, second) == pytest.approx(sphere_volume_cm3(second) / sphere_volume_cm3(first))


def test_one_cm_holds_half_a_cm3_and_5e8_cells():
    assert sphere_volume_cm3(10) == pytest.approx(math.pi / 6)
    assert cell_number_estimate(10) == pytest.approx(5.236e8, rel=1e-4)
    assert math.log2(cell_number_estimate(10)) == pytest.approx(28.96, abs=0.01)


@pytest.mark.parametrize("first", [0, -1, math.nan, math.inf])
def test_volume_ratio_is_refused_when_the_first_diameter_is_not_above_zero(first):
    with pytest.raises(MeasurementError, match="diameter_mm"):
        volume_ratio(first, 10)


def test_negative_diameter_is_refused():
    with pytest.raises(MeasurementError, match="below 0 mm"):
        sphere_volume_cm3(-1)


def test_later_diameter_is_refused_when_it_is_negative():
    with pytest.raises(MeasurementError, match="later_diameter_mm"):
        doublings(10, -1)
