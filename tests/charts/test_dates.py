from __future__ import annotations

import pytest

from turnpoint.charts.dates import interval_text, week_or_never
from turnpoint.charts.language import Language
from turnpoint.pictures.dates import DateInterval

_TEN_YEARS = 3650.0 / 7.0


def _interval(
    q05: float | None, q50: float | None, q95: float | None, last_week: float = 36.0
) -> DateInterval:
    return DateInterval(q05, q50, q95, last_week)


def test_bounds_are_none_when_the_interval_covers_90_percent_of_course_and_horizon() -> None:
    # 36 weeks of course and 24 ahead: 60 weeks, of which 54 are 90 %
    assert _interval(3.0, 20.0, 57.0).bounds is None


def test_bounds_are_given_when_the_interval_covers_just_less() -> None:
    assert _interval(3.0, 20.0, 56.9).bounds == (3.0, 20.0, 56.9)


def test_bounds_are_given_when_the_interval_is_wide_but_far_ahead() -> None:
    assert _interval(50.0, 90.0, _TEN_YEARS).bounds == (50.0, 90.0, _TEN_YEARS)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_bounds_are_none_when_a_quantile_is_missing(missing: int) -> None:
    quantiles: list[float | None] = [10.0, 20.0, 30.0]
    quantiles[missing] = None
    assert _interval(*quantiles).bounds is None


def test_interval_from_days_counts_weeks_and_takes_nan_as_missing() -> None:
    assert DateInterval.from_days(70.0, 140.0, 210.0, 252.0) == _interval(10.0, 20.0, 30.0)
    assert DateInterval.from_days(float("nan"), 140.0, 210.0, 252.0).q05 is None


@pytest.mark.parametrize(
    ("quantiles", "expected"),
    [
        ((12.0, 18.4, 26.0), "week 18 (12–26)"),
        ((50.0, 90.0, _TEN_YEARS), "week 50 or later"),
        ((0.0, 30.0, _TEN_YEARS), "not yet determined"),
        ((None, None, None), "not yet determined"),
    ],
)
def test_interval_text_says_what_is_known(
    english: Language, quantiles: tuple[float | None, float | None, float | None], expected: str
) -> None:
    assert interval_text(_interval(*quantiles), english) == expected


def test_week_or_never_names_the_end_of_time_when_the_model_does(english: Language) -> None:
    assert week_or_never(_TEN_YEARS, english) == "after 10 years"
    assert week_or_never(_TEN_YEARS - 1.0, english) == "520"
    assert week_or_never(None, english) == "–"
