from __future__ import annotations

from dataclasses import replace
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


# of the facts above, each number 1.37 % larger, so that none is round: how many places each is given
_SENTENCES = {
    "few_values": "No verdict: there are 2 values so far, and a verdict needs three.",
    "near_prior": "No verdict: this patient's data have narrowed the population prior by only 7%.",
    "contrary_readings": "No verdict: lung T2 rose while liver T1 fell, each beyond the error of its readings. No one state describes both.",
    "contrary_state": "No verdict: by the model most likely responding, but CEA stands above its smallest value, beyond the error of its readings.",
    "no_state_likely": "No verdict: no state is more likely than not; the likeliest has 45%.",
    "off_nothing_risen": "No verdict: without treatment the model expects growth, but nothing read has risen.",
    "off_treatment": "No dose of docetaxel since week 17: treatment is paused or stopped. A rise without treatment is no evidence of resistance.",
    "size_risen": "Liver T1 rose from 20.3 to 40.5 mm in 12 weeks; readings of this size differ by up to 4.8 mm by chance.",
    "size_fallen": "Liver T1 fell from 50.7 to 34.5 mm in 12 weeks; readings of this size differ by up to 4.8 mm by chance.",
    "size_slow_fall": "The sum of diameters fell slowly from 50.7 to 34.5 mm in 12 weeks: more than readings of this size differ by chance (4.8 mm), but less than half of the volume in half a year.",
    "size_level": "Liver T1: the last 3 readings lie between 38.5 and 41.6 mm, over 13 weeks; they differ by up to 5 mm by chance.",
    "size_floor": "Liver T1: too small to measure, no further fall can be seen.",
    "marker_risen": "CEA rose from 86.2 to 31.4 in 9 weeks (by 46%); values differ by up to 39% by chance.",
    "marker_early_rise": "CEA rose by 46% until week 5. In the first 8 weeks that may be a surge, and is not counted as growth.",
    "marker_fallen": "CEA fell from 86.2 to 31.4 in 9 weeks, by 8.8% a week.",
    "marker_slow_fall": "CEA fell slowly from 86.2 to 31.4 in 9 weeks, by 1.2% a week: less than half in half a year.",
    "marker_level": "CEA: the last 4 values lie between 8.11 and 9.63, over 9 weeks; they differ by up to 39% by chance.",
    "marker_floor": "CEA is at the limit of its assay: no further fall can be seen.",
}


@pytest.mark.parametrize("code", get_args(EvidenceCode))
def test_clinician_sentence_gives_each_number_its_places(code: str) -> None:
    fact = _FACTS[code]
    unrounded = replace(fact, numbers={name: 1.0137 * number for name, number in fact.numbers.items()})
    assert clinician_sentence(unrounded, language("en")) == _SENTENCES[code]
