from __future__ import annotations

from datetime import date

import pytest

from turnpoint.charts.language import Language


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (1234.56, 1, "1,234.6"),
        (38.0, 1, "38"),
        (-3.0, 0, "−3"),
        (-0.2, 0, "0"),
        (None, 0, "–"),
        (float("nan"), 0, "–"),
        (float("inf"), 0, "–"),
    ],
)
def test_number_is_written_with_at_most_so_many_decimals(
    english: Language, value: float | None, decimals: int, expected: str
) -> None:
    assert english.number(value, decimals) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.05234, "0.0523"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1540.4, "1,540"),
        (0.0, "0"),
        (100.0, "100"),
        (9.996, "10"),
    ],
)
def test_measured_keeps_three_significant_digits_and_every_whole_one(
    english: Language, value: float, expected: str
) -> None:
    assert english.measured(value) == expected


@pytest.mark.parametrize(
    ("fraction", "expected"), [(0.194, "+19%"), (-0.22, "−22%"), (0.001, "0%"), (0.0, "0%"), (None, "–")]
)
def test_signed_percent_shows_the_sign_unless_it_rounds_to_zero(
    english: Language, fraction: float | None, expected: str
) -> None:
    assert english.signed_percent(fraction) == expected


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.0, "<1%"),
        (0.0099, "<1%"),
        (0.01, "1%"),
        (0.37, "37%"),
        (0.99, "99%"),
        (0.991, ">99%"),
        (1.0, ">99%"),
    ],
)
def test_chance_never_claims_certainty(english: Language, probability: float, expected: str) -> None:
    assert english.chance(probability) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "1 week"), (2, "2 weeks"), (0, "0 weeks"), (1.4, "1 week")]
)
def test_weeks_agrees_in_number(english: Language, count: float, expected: str) -> None:
    assert english.weeks(count) == expected


def test_text_leaves_braces_in_values_alone_when_a_value_is_hostile(english: Language) -> None:
    assert english.text("Patient {patient}", patient="{0} %s {x}") == "Patient {0} %s {x}"


def test_date_is_written_as_the_language_does(english: Language, chinese_numbers: Language) -> None:
    assert english.date(date(2026, 1, 2)) == "2 January 2026"
    assert chinese_numbers.date(date(2026, 1, 2)) == "2026年1月2日"


def test_joined_sets_no_space_between_sentences_when_chinese(
    english: Language, chinese_numbers: Language
) -> None:
    assert english.joined(["A.", "B."]) == "A. B."
    assert chinese_numbers.joined(["甲。", "乙。"]) == "甲。乙。"
