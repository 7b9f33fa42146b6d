import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.criteria.recist.sums import progression_sum_mm
from turnpoint.errors import MeasurementError
from turnpoint.kinetics.progression_gap import progression_gap


def test_single_10_mm_lesion_waits_for_15_mm():
    gap = progression_gap(10, 10)
    assert gap.progression_sum_mm == 15.0
    assert gap.to_go_mm == 5.0
    assert gap.volume_ratio == pytest.approx(3.375)
    assert gap.doublings == pytest.approx(math.log2(3.375))
    assert gap.doublings_from_nadir == pytest.approx(1.755, abs=5e-4)


def test_sum_above_its_nadir_has_less_to_go():
    gap = progression_gap(55, 50)
    assert (gap.progression_sum_mm, gap.to_go_mm) == (60.0, 5.0)
    assert gap.volume_ratio == pytest.approx((60 / 55) ** 3)
    assert gap.volume_ratio_from_nadir == pytest.approx(1.728)


def test_nothing_is_to_go_when_progression_is_reached():
    gap = progression_gap(60, 50)
    assert (gap.to_go_mm, gap.volume_ratio, gap.doublings) == (0.0, 1.0, 0.0)


def test_there_is_no_ratio_when_nothing_is_left():
    gap = progression_gap(0, 0)
    assert (gap.progression_sum_mm, gap.to_go_mm, gap.volume_ratio) == (5.0, 5.0, None)


@given(nadir=st.floats(0, 400))
def test_bar_is_that_of_the_criteria(nadir):
    assert (
        progression_gap(nadir, nadir).progression_sum_mm
        == pl.select(progression_sum_mm(pl.lit(nadir))).item()
    )


@pytest.mark.parametrize(("now", "nadir"), [(10, 11), (-1, -1), (math.nan, 5), (5, math.nan), (math.inf, 5)])
def test_gap_is_refused_when_the_numbers_cannot_be(now, nadir):
    with pytest.raises(MeasurementError):
        progression_gap(now, nadir)


def test_ratio_is_one_and_never_less_when_progression_is_long_passed():
    gap = progression_gap(80, 50)
    assert (gap.to_go_mm, gap.volume_ratio, gap.doublings) == (0.0, 1.0, 0.0)
    assert gap.volume_ratio_from_nadir == pytest.approx(1.728)
