from __future__ import annotations

from typing import get_args

import pytest

from turnpoint.reports.catalogue import language
from turnpoint.reports.evidence_text import clinician_sentence, patient_sentence
from turnpoint.turning.evidence import Evidence, EvidenceCode

_T1 = {"lesion": "T1", "site": "liver"}
_SUM = {"lesion": "", "site": ""}
_CEA = {"quantity": "CEA"}
_SIZES = {"from_mm": 50.0, "to_mm": 34.0, "weeks": 12.0, "error_mm": 4.7}
_VALUES = {"from": 85.0, "to": 31.0, "change_pct": -64.0, "weeks": 9.0}
_FACTS: dict[str, Evidence] = {
    "few_values": Evidence("few_values", {"informative_values": 2.0}, {}),
    "near_prior": Evidence("near_prior", {"shrinkage_pct": 7.0}, {}),
    "contrary_readings": Evidence("contrary_readings", {}, {"risen": "lung T2", "fallen": "liver T1"}),
    "contrary_state": Evidence("contrary_state", {}, {"state": "responding", "risen": "CEA"}),
    "no_state_likely": Evidence("no_state_likely", {"chance_pct": 44.0}, {}),
    "off_nothing_risen": Evidence("off_nothing_risen", {}, {}),
    "off_treatment": Evidence("off_treatment", {"since_week": 17.0}, {"drug": "docetaxel"}),
    "size_risen": Evidence("size_risen", {**_SIZES, "from_mm": 20.0, "to_mm": 40.0}, _T1),
    "size_fallen": Evidence("size_fallen", _SIZES, _T1),
    "size_slow_fall": Evidence("size_slow_fall", _SIZES, _SUM),
    "size_level": Evidence(
        "size_level",
        {"low_mm": 38.0, "high_mm": 41.0, "readings": 3.0, "weeks": 13.0, "error_mm": 4.9},
        _T1,
    ),
    "size_floor": Evidence("size_floor", {"value_mm": 5.0}, _T1),
    "marker_risen": Evidence("marker_risen", {**_VALUES, "change_pct": 45.0, "error_pct": 38.0}, _CEA),
    "marker_early_rise": Evidence("marker_early_rise", {**_VALUES, "change_pct": 45.0, "week": 5.0}, _CEA),
    "marker_fallen": Evidence("marker_fallen", {**_VALUES, "pct_per_week": -8.7}, _CEA),
    "marker_slow_fall": Evidence("marker_slow_fall", {**_VALUES, "pct_per_week": -1.2}, _CEA),
    "marker_level": Evidence(
        "marker_level", {"readings": 4.0, "weeks": 9.0, "low": 8.0, "high": 9.5, "error_pct": 38.0}, _CEA
    ),
    "marker_floor": Evidence("marker_floor", {"value": 1.2}, _CEA),
}
_NOT_SAID = {
    "marker_early_rise": {"from", "to", "weeks"},
    "marker_fallen": {"change_pct"},
    "marker_slow_fall": {"change_pct"},
    "size_floor": {"value_mm"},
    "marker_floor": {"value"},
}


def test_every_code_has_an_example_here() -> None:
    assert set(_FACTS) == set(get_args(EvidenceCode))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("code", get_args(EvidenceCode))
def test_clinician_sentence_holds_every_number_and_label(code: str, lang: str) -> None:
    fact = _FACTS[code]
    sentence = clinician_sentence(fact, language(lang))
    for name, number in fact.numbers.items():
        said = f"{abs(number):g}" in sentence or f"{abs(number):.0f}" in sentence
        assert said or name in _NOT_SAID.get(code, ())
    for name, label in fact.labels.items():
        assert name in ("site", "state") or label in sentence


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("code", get_args(EvidenceCode))
def test_patient_sentence_has_no_percent(code: str, lang: str) -> None:
    sentence = patient_sentence(_FACTS[code], language(lang))
    assert "%" not in sentence
    assert "{" not in sentence
    assert len(sentence) > 6


def test_size_is_said_with_the_error_of_its_readings() -> None:
    # 11 and 12 mm: SDs of 1.07 and 1.08 mm, 1.645 x 1.52 = 2.5 mm
    numbers = {"from_mm": 11.0, "to_mm": 12.0, "weeks": 6.0, "error_mm": 2.5}
    sentence = clinician_sentence(
        Evidence("size_risen", numbers, {"lesion": "T1", "site": "lung"}), language("en")
    )
    assert (
        sentence
        == "Lung T1 rose from 11 to 12 mm in 6 weeks; readings of this size differ by up to 2.5 mm by chance."
    )


def test_equal_readings_are_no_range() -> None:
    numbers = {"low_mm": 38.0, "high_mm": 38.0, "readings": 3.0, "weeks": 16.0, "error_mm": 4.9}
    sentence = clinician_sentence(Evidence("size_level", numbers, _SUM), language("en"))
    assert sentence.startswith("The sum of diameters: the last 3 readings are all 38 mm, over 16 weeks;")


def test_pause_without_a_named_drug_names_none() -> None:
    fact = Evidence("off_treatment", {"since_week": 17.0}, {"drug": ""})
    assert clinician_sentence(fact, language("en")).startswith(
        "No dose since week 17: treatment is paused or stopped."
    )
    assert "No dose of docetaxel since week 17" in clinician_sentence(_FACTS["off_treatment"], language("en"))


def test_new_lesion_is_the_contrary_reading_when_nothing_else_rose() -> None:
    fact = Evidence("contrary_readings", {}, {"risen": "", "fallen": "lung T1"})
    assert "there is a new lesion, while lung T1 fell" in clinician_sentence(fact, language("en"))
    assert (
        patient_sentence(fact, language("en")) == "There is a new spot, while other results became smaller."
    )


@pytest.mark.parametrize(("mm", "expected"), [(0.0, "nothing is left"), (5.0, "too small to measure")])
def test_what_cannot_be_measured_is_said_in_words(mm: float, expected: str) -> None:
    assert expected in clinician_sentence(Evidence("size_floor", {"value_mm": mm}, _T1), language("en"))


@pytest.mark.parametrize(
    ("values", "expected"), [(1.0, "there is 1 value so far"), (2.0, "there are 2 values so far")]
)
def test_few_values_agrees_in_number(values: float, expected: str) -> None:
    fact = Evidence("few_values", {"informative_values": values}, {})
    assert expected in clinician_sentence(fact, language("en"))
