"""A first mapping: what is understood, what is asked, and that nothing is guessed in silence."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from turnpoint.errors import StudyError, UsageError
from turnpoint.formats import mapped
from turnpoint.formats.mapped.columns import meaning_of
from turnpoint.workflows.mapping import Mapping, as_toml, guess_mapping

REDCAP = """record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sex,initials,c1d1_date,scan_date,tl1_site,tl1_diam_mm,tl2_site,tl2_diam_mm,ntl_1_status,lesion_3_size,cea,ca125_u_ml,psa_uln,psa,hgb,comments,sld_mm,tumor_measurements_complete
1,baseline_arm_1,,,1,AB,2024-01-05,2024-01-02,liver,34,lung,12,present,12,12.1,40,4,1.2,12.1,pain,46,2
1,week_6_arm_1,,,,,,2024-02-15,liver,30,lung,too small,present,999,8.1,38,4,<0.1,11.8,,30,2
2,baseline_arm_1,,,2,CD,2024-02-05,2024-02-01,bone,20,,,absent,15,ND,22,4,2.1,10.1,,20,2
"""


def guessed(folder: Path, table: str, answers: dict[str, str] | None = None, *, yes: bool = False) -> Mapping:
    (folder / "t.csv").write_text(table, encoding="utf-8")
    ask = None if answers is None else lambda question: answers.get(question.key)
    return guess_mapping(folder / "t.csv", ask=ask, accept_proposals=yes, replace=True)


def test_mapping_is_read_when_every_question_is_answered(tmp_path: Path) -> None:
    answers = {"sex.1": '"male"', "sex.2": '"female"', "lesions.lesion_{n}_size.unit": '"mm"'}
    found = guessed(tmp_path, REDCAP, answers, yes=True)
    study, problems = mapped.inspect(found.written)

    assert not found.open_questions
    assert study is not None, problems
    assert study.patients.select("patient_id", "sex").rows() == [("1", "male"), ("2", "female")]
    first = study.lesions.filter(patient_id="1").select("day", "lesion_id", "role", "diameter_mm", "status")
    assert first.rows() == [
        (-3, "T1", "target", 34.0, "measured"),
        (-3, "T2", "target", 12.0, "measured"),
        (-3, "NT1", "non_target", None, "present"),
        (-3, "L3", "target", 12.0, "measured"),
        (41, "T1", "target", 30.0, "measured"),
        (41, "T2", "target", None, "too_small"),
        (41, "NT1", "non_target", None, "present"),
    ]
    assert set(study.markers["marker"]) == {"CEA", "CA-125", "PSA"}
    assert study.markers.filter(marker="PSA")["upper_limit"].to_list() == [4.0] * 3
    assert study.markers.filter(marker="CEA").height == 2


def test_mapping_is_not_read_when_questions_are_open(tmp_path: Path) -> None:
    found = guessed(tmp_path, REDCAP)
    study, problems = mapped.inspect(found.written)

    assert study is None
    unanswered = {problem.column for problem in problems if problem.rule == "the question is not answered"}
    assert {
        "rows.missing",
        "words.too_small",
        "lesions[3].role.is",
        "markers[1].unit.is",
        "codes.lesion_3_size",
    } <= unanswered
    assert len(found.open_questions) == found.written.read_text().count('"?"')


def test_every_column_is_understood_or_named_unsure_when_guessed(tmp_path: Path) -> None:
    found = guessed(tmp_path, REDCAP).guess

    assert found.unsure == ()
    assert {"hgb", "comments", "sld_mm"} < set(found.aside)
    assert len(found.understood) + len(found.unsure) == found.columns == 22


def test_text_and_names_of_people_are_not_in_the_mapping_when_guessed(tmp_path: Path) -> None:
    text = guessed(tmp_path, REDCAP).written.read_text()

    assert '"initials" = "drop"' in text
    assert "pain" not in text
    assert "AB" not in text


@pytest.mark.parametrize(
    ("dates", "fits"),
    [(("05/03/2024", "17/04/2024"), "dd/mm/yyyy"), (("05/23/2024", "04/02/2024"), "mm/dd/yyyy")],
)
def test_date_format_is_written_when_a_cell_allows_one_only(
    tmp_path: Path, dates: tuple[str, str], fits: str
) -> None:
    text = guessed(tmp_path, f"id,visit_date,psa\nA,{dates[0]},4\nA,{dates[1]},3\n").written.read_text()

    assert tomllib.loads(text)["rows"]["date_format"] == fits


def test_date_format_is_asked_without_a_proposal_when_day_and_month_may_be_swapped(tmp_path: Path) -> None:
    found = guessed(tmp_path, "id,visit_date,psa\nA,05/03/2024,4\nA,06/04/2024,3\n", yes=True)

    assert [question.key for question in found.open_questions] == ["rows.date_format"]


def test_decimal_comma_is_written_when_cells_have_one(tmp_path: Path) -> None:
    found = guessed(tmp_path, "id;day;psa\nA;0;4,25\nA;21;3,5\n", yes=True)
    study, problems = mapped.inspect(found.written)

    assert study is not None, problems
    assert study.markers["value"].to_list() == [4.25, 3.5]


def test_events_become_days_when_there_is_no_date(tmp_path: Path) -> None:
    table = "record_id,redcap_event_name,psa\nA,baseline_arm_1,4\nA,week_6_arm_1,3\nA,month_3_arm_1,2\n"
    study, problems = mapped.inspect(guessed(tmp_path, table, yes=True).written)

    assert study is not None, problems
    assert study.markers["day"].to_list() == [0, 42, 91]


def test_lesions_are_read_when_each_has_a_row_of_a_repeating_instrument(tmp_path: Path) -> None:
    table = (
        "record_id,redcap_repeat_instrument,redcap_repeat_instance,sex,scan_date,lesion_number,lesion_type,lesion_site,"
        "lesion_size_mm\n1,,,male,,,,,\n1,lesions,1,,2024-01-05,1,1,liver,20\n1,lesions,2,,2024-01-05,2,2,lung,11\n"
        "1,lesions,3,,2024-02-16,1,1,liver,14\n"
    )
    found = guessed(tmp_path, table, {"role.1": '"target"', "role.2": '"non_target"'}, yes=True)
    study, problems = mapped.inspect(found.written)

    assert study is not None, problems
    assert study.lesions.select("day", "lesion_id", "role", "site", "diameter_mm").rows() == [
        (0, "1", "target", "liver", 20.0),
        (0, "2", "non_target", "lung", 11.0),
        (42, "1", "target", "liver", 14.0),
    ]


def test_question_is_asked_when_no_lesion_or_marker_is_recognised(tmp_path: Path) -> None:
    found = guessed(tmp_path, "id,day,hgb\nA,0,12\n", yes=True)

    assert [question.key for question in found.open_questions] == ["lesions"]
    assert [problem.column for problem in mapped.inspect(found.written)[1]] == ["lesions"]


def test_unit_of_a_size_is_asked_when_the_name_does_not_say(tmp_path: Path) -> None:
    found = guessed(tmp_path, "id,day,target_lesion_1,target_lesion_2_cm\nA,0,2.5,3\n")

    keys = [question.key for question in found.open_questions]
    assert keys == ["lesions.target_lesion_{n}.unit"]
    assert 'unit = "cm"' in found.written.read_text()


@pytest.mark.parametrize(
    ("name", "kind", "entity", "role"),
    [
        ("TL1_LongestDiam", "size", "tl", "target"),
        ("Non-target lesion 2 size (mm)", "size", "non_target_lesion", "non_target"),
        ("new_lesion_1_site", "site", "new_lesion", "new"),
        ("LDH", "marker", "LDH", None),
        ("ca19_9_u_ml", "marker", "CA 19-9", None),
        ("CA 15-3 date", "unknown", "", None),
        ("Test Name", "unknown", "", None),
        ("lesion_name", "lesion_id", "one a row", None),
        ("ld", "unknown", "", None),
        ("hct", "unknown", "", None),
        ("week6_lesion1_size", "size", "lesion", None),
        ("phone", "ignored", "names a person", None),
        ("grade", "events", "grade", None),
    ],
)
def test_meaning_follows_the_name_when_cells_are_numbers(
    name: str, kind: str, entity: str, role: str | None
) -> None:
    found = meaning_of(name, is_date=False, is_number=True)

    assert (found.kind, found.entity, found.role) == (kind, entity, role)


@pytest.mark.parametrize("name", ['a"b', "x\\y", "tab\there", "新列", "a'b", "line\u2028sep", "#"])
def test_strange_names_are_quoted_when_written(tmp_path: Path, name: str) -> None:
    cell = '"' + name.replace('"', '""') + '"'
    text = guessed(tmp_path, f"id,day,psa,{cell}\nA,0,4,zz\n").written.read_text()

    assert tomllib.loads(text)["unmapped"] == {name: "ignore"}


def test_target_is_refused_when_it_is_taken_elsewhere_or_no_toml(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,day,psa\nA,0,4\n")
    guess_mapping(tmp_path / "t.csv")
    for out in (None, tmp_path / "sub" / "x.toml", tmp_path / "x.csv"):
        with pytest.raises(UsageError):
            guess_mapping(tmp_path / "t.csv", out)


def test_table_is_an_error_when_it_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\x00\x01\x02")
    with pytest.raises(StudyError):
        guess_mapping(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("typed", "toml"),
    [("mm", '"mm"'), ('"mm"', '"mm"'), ("[]", "[]"), ("7", "7"), ("a = 1\nb", '"a = 1\\u000ab"')],
)
def test_answers_are_toml_when_typed_plainly(typed: str, toml: str) -> None:
    assert as_toml(typed) == toml
    assert "answer" in tomllib.loads(f"answer = {toml}")
