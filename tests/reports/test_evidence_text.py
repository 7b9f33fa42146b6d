from __future__ import annotations

from typing import get_args

import pytest

from turnpoint.reports.catalogue import language
from turnpoint.reports.evidence_text import clinician_sentence, patient_sentence
from turnpoint.turning.evidence import Evidence, EvidenceCode

_SUM = {"quantity": "sum_of_diameters_mm"}
_CEA = {"quantity": "CEA"}
_FACTS: dict[str, Evidence] = {
    "sum_change": Evidence("sum_change", {"change_pct": -31.4, "weeks": 12.0, "error_pct": 9.0}, _SUM),
    "sum_within_error": Evidence(
        "sum_within_error", {"scans": 3.0, "change_pct": 4.0, "error_pct": 9.0, "weeks": 13.0}, _SUM
    ),
    "marker_slope": Evidence(
        "marker_slope", {"before_pct_per_week": -9.1, "until_week": 12.0, "since_pct_per_week": -0.4}, _CEA
    ),
    "marker_falling": Evidence("marker_falling", {"pct_per_week": -8.7, "weeks": 6.0}, _CEA),
    "marker_rising": Evidence(
        "marker_rising", {"change_pct": 45.0, "weeks": 7.0, "reference_change_pct": 38.0}, _CEA
    ),
    "marker_within_error": Evidence(
        "marker_within_error", {"change_pct": 5.0, "reference_change_pct": 38.0}, _CEA
    ),
    "marker_at_floor": Evidence("marker_at_floor", {}, _CEA),
    "early_rise": Evidence("early_rise", {"week": 5.0}, _CEA),
    "paused": Evidence("paused", {"since_week": 17.0}, {"drug": "docetaxel"}),
    "few_values": Evidence("few_values", {"informative_values": 2.0}, {}),
    "near_prior": Evidence("near_prior", {"shrinkage_pct": 7.0}, {}),
}


def test_every_code_has_an_example_here() -> None:
    assert set(_FACTS) == set(get_args(EvidenceCode))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("code", get_args(EvidenceCode))
def test_clinician_sentence_holds_every_number_and_label(code: str, lang: str) -> None:
    fact = _FACTS[code]
    sentence = clinician_sentence(fact, language(lang))
    for number in fact.numbers.values():
        assert f"{abs(number):g}" in sentence or f"{abs(number):.0f}" in sentence
    for label in fact.labels.values():
        assert label in sentence or label == "sum_of_diameters_mm"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("code", get_args(EvidenceCode))
def test_patient_sentence_has_no_percent(code: str, lang: str) -> None:
    sentence = patient_sentence(_FACTS[code], language(lang))
    assert "%" not in sentence
    assert "sum_of_diameters" not in sentence
    assert len(sentence) > 8


def test_sum_change_says_fell_or_rose_by_its_sign() -> None:
    english = language("en")
    rise = Evidence("sum_change", {"change_pct": 19.0, "weeks": 1.0, "error_pct": 9.0}, _SUM)
    assert "rose by 19% in 1 week;" in clinician_sentence(rise, english)
    assert "fell by 31% in 12 weeks;" in clinician_sentence(_FACTS["sum_change"], english)
    assert "larger within" in patient_sentence(rise, english)


@pytest.mark.parametrize(
    ("before", "since", "expected"),
    [
        (-9.0, 1.1, "has gone up"),
        (-9.0, 1.0, "about level"),
        (-9.0, -1.0, "about level"),
        (-9.0, -1.1, "more slowly"),
        (-2.0, -9.0, "moved differently"),
        (3.0, -2.0, "moved differently"),
    ],
)
def test_patient_slope_is_told_by_direction(before: float, since: float, expected: str) -> None:
    numbers = {"before_pct_per_week": before, "until_week": 12.0, "since_pct_per_week": since}
    assert expected in patient_sentence(Evidence("marker_slope", numbers, _CEA), language("en"))


@pytest.mark.parametrize(
    ("values", "expected"), [(1.0, "There is 1 informative value"), (2.0, "There are 2 informative values")]
)
def test_few_values_agrees_in_number(values: float, expected: str) -> None:
    fact = Evidence("few_values", {"informative_values": values}, {})
    assert clinician_sentence(fact, language("en")).startswith(expected)


def test_floor_names_lesions_when_the_quantity_is_the_sum() -> None:
    fact = Evidence("marker_at_floor", {}, _SUM)
    assert clinician_sentence(fact, language("en")).startswith("What is left of the lesions")
