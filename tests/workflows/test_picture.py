"""The picture says what the commands say, can be written and read back, and knows only what was known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from importlib import resources
from itertools import product
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from scripts.golden_pages import AUDIENCES, LANGUAGES, charts_of, words
from tests.reports.patients import PATIENTS, study
from tests.reports.traced import untraced
from tests.workflows.made_up_patients import study_with
from tests.workflows.studies import study_of
from tests.workflows.test_vignettes import GIVEN, MADE_UP
from turnpoint.criteria.protocol import ContinuingResponse
from turnpoint.pictures.document import from_json, is_picture, schema, schema_text, to_json
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.rendering import render_patient
from turnpoint.workflows.picture import known_by

SCHEMA = Path(__file__).parents[2] / "docs" / "picture.schema.json"
CASES = (*PATIENTS, "oak-docetaxel", "ascent2-docetaxel-psa")


@cache
def case(name: str) -> tuple[tp.Study, str, PatientPicture]:
    """Study, patient and picture."""
    if name in PATIENTS:
        own, patient_id = study(name), name
    else:
        with resources.as_file(resources.files("turnpoint") / "datasets" / name) as folder:
            own = tp.read(folder)
        patient_id = own.patient_ids[8]
    return own, patient_id, tp.picture(own, patient_id, particles=512)


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_commands(name: str) -> None:
    own, patient_id, shown = case(name)
    assessment = tp.assess(own.only([patient_id]), particles=512)
    assert_frame_equal(shown.assessment, assessment.frame, check_exact=True)
    assert_frame_equal(shown.diagnostics, assessment.diagnostics, check_exact=True)
    ahead = tp.ahead(own, particles=512).filter(patient_id=patient_id)
    days = ahead.select(
        "quantity", q05="progression_day_q05", q50="progression_day_q50", q95="progression_day_q95"
    )
    assert_frame_equal(shown.progression_days, days, check_exact=True)
    if shown.baseline_mm is not None or name != "no-baseline":
        for weeks in (6, 12, 24):
            chances = shown.p_progression.filter(weeks=weeks).select("quantity", "p_progression")
            wanted = ahead.select("quantity", pl.col(f"p_progression_{weeks}w").alias("p_progression"))
            assert_frame_equal(chances, wanted, check_exact=True)
    assert_frame_equal(shown.settle, tp.settle(own, patient_id, particles=512), check_exact=True)
    _same_harm(own, patient_id, shown)
    _same_responses(own, patient_id, shown)


def _same_harm(own: tp.Study, patient_id: str, shown: PatientPicture) -> None:
    if shown.harm is None:
        return
    tables = tp.harm(own.only([patient_id]), particles=512).tables()
    for name in ("ledger", "adverse_events", "next_cycle", "course"):
        assert_frame_equal(getattr(shown.harm, name), tables[name], check_exact=True)


def _same_responses(own: tp.Study, patient_id: str, shown: PatientPicture) -> None:
    derived = tp.respond(own).responses.filter(patient_id=patient_id).sort("day")
    both = [column for column in shown.sums.columns if column in derived.columns]
    assert set(both) >= {"sum_of_diameters_mm", "nadir_mm", "change_from_nadir_pct", "overall_response"}
    assert_frame_equal(shown.sums.select(both), derived.select(both), check_exact=True)
    sums = derived.drop_nulls("sum_of_diameters_mm")
    if sums.height and sums["baseline_mm"][-1] is not None:
        baseline, nadir = sums["baseline_mm"][-1], sums["sum_of_diameters_mm"].min()
        assert shown.partial_response_line_mm == pytest.approx(0.7 * baseline)
        assert shown.nadir_mm == pytest.approx(nadir)
        assert shown.progression_line_mm == pytest.approx(max(1.2 * nadir, nadir + 5))


@pytest.mark.parametrize("name", CASES)
def test_picture_read_back_is_the_picture_and_draws_the_same_pages(name: str) -> None:
    _, _, shown = case(name)
    again = from_json(to_json(shown))
    for field in fields(PatientPicture):
        one, other = getattr(shown, field.name), getattr(again, field.name)
        if isinstance(one, pl.DataFrame):
            assert_frame_equal(one, other, check_exact=True)
        elif field.name != "harm":
            assert one == other, field.name
    assert to_json(again) == to_json(shown)
    for audience in ("patient", "clinician", "statistician"):
        assert render_patient(shown, audience, "zh") == render_patient(again, audience, "zh")


@pytest.mark.parametrize("name", ["mixed", "new-brain-lesion", "late-dose", "off-treatment", "marker-rises"])
def test_going_back_shows_what_was_known_then(name: str) -> None:
    own, patient_id, shown = case(name)
    day = shown.assessment["day"].to_list()[-2]
    then = tp.picture(own, patient_id, at=day, particles=512)
    assert to_json(then) == to_json(tp.picture(known_by(own, day), patient_id, particles=512))
    earlier = shown.assessment.filter(pl.col("day") <= day)
    assert_frame_equal(then.assessment, earlier, check_exact=True)
    assert to_json(tp.picture(own, patient_id, at=10_000, particles=512)) == to_json(shown)


def test_another_seed_draws_anew_and_the_same_seed_does_not() -> None:
    own, patient_id, shown = case("marker-rises")
    same, other = (tp.picture(own, patient_id, seed=seed, particles=512) for seed in (0, 1))
    assert to_json(same) == to_json(shown)
    for kind in ("fitted", "forecast"):
        one, two = (each.fan.filter(kind=kind) for each in (shown, other))
        assert (one["q95"] != two["q95"]).any()
    assert not shown.settle.equals(other.settle)
    assert shown.harm is None
    assert not shown.p_progression.equals(other.p_progression)


def test_document_is_as_the_published_schema_says() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), (
        "python scripts/picture_schema.py writes it anew"
    )
    check = jsonschema.Draft202012Validator(schema())
    for name in CASES:
        document = json.loads(to_json(case(name)[2]))
        assert list(check.iter_errors(document)) == []
        assert document["summary"]["situation"] in json.dumps(schema())
    document["picture"]["patient_id"] = 7
    assert [error.json_path for error in check.iter_errors(document)] == ["$.picture.patient_id"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:-40], "not a picture as this version writes it"),
        (lambda text: text.replace('"version":1', '"version":9', 1), "9, not turnpoint-picture 1"),
        (
            lambda text: text.replace('"picture":{"patient_id":"mixed"', '"picture":{"patient_id":7', 1),
            "patient_id",
        ),
        (lambda text: text.replace('"Float64"', '"Nonsense"', 1), "not a picture"),
    ],
)
def test_document_that_is_no_picture_is_refused_with_a_reason(
    change: Callable[[str], str], said: str
) -> None:
    text = to_json(case("mixed")[2]).decode()
    with pytest.raises(tp.StudyError, match=said):
        from_json(change(text), "p.json")


def test_file_is_known_as_a_picture_by_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(to_json(case("mixed")[2]))
    other = tmp_path / "bundle.json"
    other.write_text('{"resourceType": "Bundle"}', encoding="utf-8")
    assert [is_picture(path), is_picture(other), is_picture(tmp_path), is_picture(tmp_path / "no.json")] == [
        True,
        False,
        False,
        False,
    ]


def test_nobody_and_nothing_known_yet_are_said_without_the_name() -> None:
    own = study_of(markers="patient_id,day,marker,value,unit\nP1,0,PSA,20,ng/mL\n")
    with pytest.raises(tp.UsageError, match="no such patient") as error:
        tp.picture(own, "SECRET")
    assert "SECRET" not in str(error.value)
    with pytest.raises(tp.UsageError, match="nothing had been measured"):
        tp.picture(own, "P1", at=-1)


@pytest.mark.parametrize("name", CASES)
def test_every_number_on_a_page_is_in_the_picture(name: str) -> None:
    _, _, shown = case(name)
    for audience, lang in product(AUDIENCES, LANGUAGES):
        said = words(render_patient(shown, audience, lang))
        assert untraced(said, shown) == [], (audience, lang)


def _untraced(own: tp.Study, patient_id: str) -> dict[tuple[str, str], list[str]]:
    """Numbers from nowhere on each page of a patient; only the words are looked at, so nothing is drawn."""
    shown = tp.picture(own, patient_id, particles=512)
    found = {}
    for audience, lang in product(AUDIENCES, LANGUAGES):
        made, _ = charts_of(lambda audience=audience, lang=lang: render_patient(shown, audience, lang))  # type: ignore[misc]
        found[audience, lang] = untraced(words(made), shown)
    return {page: numbers for page, numbers in found.items() if numbers}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if place % 6 == 0 else pytest.mark.slow)
        for place, name in enumerate({**GIVEN, **MADE_UP})
    ],
)
def test_every_number_on_the_pages_of_a_vignette_is_in_its_picture(name: str) -> None:
    own, _ = {**GIVEN, **MADE_UP}[name]
    assert _untraced(study_with({name: own}), name) == {}


@pytest.mark.parametrize(
    ("dataset", "every"),
    [
        ("oak-docetaxel", 110),
        ("ascent2-docetaxel-psa", 15),
        pytest.param("oak-docetaxel", 4, marks=pytest.mark.slow),
        pytest.param("ascent2-docetaxel-psa", 1, marks=pytest.mark.slow),
    ],
)
def test_every_number_on_the_pages_of_a_bundled_study_is_in_its_pictures(dataset: str, every: int) -> None:
    with resources.as_file(resources.files("turnpoint") / "datasets" / dataset) as folder:
        own = tp.read(folder)
    found = {patient_id: _untraced(own, patient_id) for patient_id in own.patient_ids[::every]}
    assert {patient_id: numbers for patient_id, numbers in found.items() if numbers} == {}


def test_number_from_nowhere_is_noticed() -> None:
    _, _, shown = case("mixed")
    said = words(render_patient(shown, "clinician", "en"))
    size = re.search(r"\b\d+ mm\b", said)
    assert size is not None
    for number in ("34.7 mm", "1234 mm", "33.13%"):
        assert untraced(said.replace(size[0], number, 1), shown)


def test_page_shows_a_confirmed_pr_by_the_choice_that_its_small_print_names() -> None:
    sizes = ((0, 100), (42, 70), (84, 70), (126, 80))
    rows = [f"P1,{day},T1,target,{mm},measured" for day, mm in sizes]
    own = study_of(lesions="\n".join(["patient_id,day,lesion_id,role,diameter_mm,status", *rows]))
    named = "is shown as PR until progression, by the answer of the RECIST group"
    choices: tuple[tuple[ContinuingResponse, str], ...] = (("time-point", "SD"), ("group", "PR"))
    for choice, last in choices:
        shown = tp.picture(own, "P1", particles=512, continuing_response=choice)
        assert shown.sums["overall_response"].to_list() == [None, "PR", "PR", last]
        assert shown.provenance.continuing_response == choice
        page = words(render_patient(shown, "clinician", "en"))
        assert f"Overall response {last}." in page
        assert (named in page) is (choice == "group")
