"""A clinic's own table at the desk and in the API: its questions, their answers, and the mapping that is kept."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.app.served import Answer, Served, start
from tests.app.test_store import command
from tests.workflows.test_table_answers import ANSWERS, TABLE
from turnpoint.app.table_words import _SAID, in_words
from turnpoint.formats.mapped import first_guess
from turnpoint.reports.catalogue import language
from turnpoint.study.findings import Findings

pytest.importorskip("django")

FILES = {"clinic.csv": TABLE.encode()}
ODD = (
    "Nr,Date of scan,Visit,TL1,L,CEA,New lesion,Size,RP\n"
    '1,01/02/2025,Screening,1,a,"1,250",maybe 2,999,12\n2,02/02/2025,C1,2,b,900,x,4,13\n3,03/02/2025,C2,3,c,3,y,5,14\n',
    "Name,Organ,Result\n,liver,4\nA,lung,5\n",
    "Patient,Visit,Change in SLD (%)\nA,Start,0\nA,Middle,-20\nB,Start,0\nB,Middle,-30\n",
    "Patient,Date,Organ,Size (mm),Response\nA,2025-01-01,liver,40,x\nA,2025-01-01,lung,30,y\n,2025-03-01,liver,20,x\n",
    "Patient,Day,TL1,Unit,NTL,CEA\nA,0,zu klein,mm,PD?,<1\nA,60,12,mm,foo,text\nB,0,33,mm,bar,4\n",
    "Patient,Test Name,Result\nA,CEA,4\nA,CA 19-9,50\n",
    "Patient,Something\nA,1\nB,2\n",
)


def add(served: Served, answers: Any = None) -> Answer:
    fields = (
        None if answers is None else {"answers": answers if isinstance(answers, str) else json.dumps(answers)}
    )
    return served.upload(FILES, fields=fields)


def test_api_answers_an_open_table_with_its_questions(on_sqlite: Served) -> None:
    before = len(on_sqlite.get("/api/v1/studies").json())
    answer = add(on_sqlite)
    assert answer.status == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    asked = {one["key"]: one for one in answer.json()["questions"]}
    assert set(ANSWERS) < set(asked)
    assert asked["lesions.TL{n}.unit"]["choices"] == ['"mm"', '"cm"']
    assert asked["markers.CEA.unit"]["proposal"] == '"ng/mL"'
    assert asked["unmapped.RP"]["optional"]
    assert len(on_sqlite.get("/api/v1/studies").json()) == before


def test_api_describes_answers_and_questions(on_sqlite: Served) -> None:
    described = on_sqlite.get("/api/v1/openapi.json").json()
    form = described["paths"]["/api/v1/studies"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert "turnpoint map guess --answer" in form["schema"]["properties"]["answers"]["description"]
    assert "answers" not in form["schema"].get("required", [])
    schemas = described["components"]["schemas"]
    assert "questions" in schemas["ProblemDocument"]["properties"]
    assert "choices" in schemas["QuestionFields"]["properties"]


def test_api_says_what_is_wrong_with_an_answer_beside_its_question(on_sqlite: Served) -> None:
    answer = add(on_sqlite, {**ANSWERS, "lesions.TL{n}.unit": "inch", "unmapped.Comment": "banana"})
    assert answer.status == 422
    wrong = {one["key"]: one["wrong"] for one in answer.json()["questions"] if one["wrong"]}
    assert set(wrong) == {"lesions.TL{n}.unit", "unmapped.Comment"}
    assert "mm, cm" in wrong["lesions.TL{n}.unit"]


@pytest.mark.parametrize("odd", ["[]", "{", '{"a": 1}', '{"no.such": "1"}', "null"])
def test_api_refuses_answers_that_are_none(on_sqlite: Served, odd: str) -> None:
    answer = add(on_sqlite, odd if "no.such" not in odd else {**ANSWERS, "no.such": "1"})
    assert answer.status == 422
    assert answer.json()["problems"][0]["file"] == "answers"


def test_answers_to_other_files_are_refused(on_sqlite: Served) -> None:
    files = {"lesions.csv": b"patient_id,day,lesion_id,role,diameter_mm,status\nA,0,T1,target,40,measured\n"}
    assert on_sqlite.upload(files, fields={"answers": json.dumps(ANSWERS)}).status == 422
    assert on_sqlite.upload(files).status == 201


def test_answered_table_is_stored_with_its_mapping_exported_and_backed_up(
    served: Served, store: list[str], tmp_path: Path
) -> None:
    answer = add(served, ANSWERS)
    assert answer.status == 201
    study = answer.json()["id"]
    assert answer.json()["patients"] == 2
    page = served.get(f"/studies/{study}").body.decode()
    assert "turnpoint mapping 1" in html.unescape(page)
    with zipfile.ZipFile(io.BytesIO(served.get(f"/api/v1/studies/{study}/export").body)) as exported:
        mapping = exported.read("mapping.toml").decode()
        assert 'unit = "cm"' in mapping
        lesions = exported.read("lesions.csv").decode()
    assert "42" in lesions
    assert 'date_format = "dd/mm/yyyy"' in mapping
    again = served.upload({"study.zip": served.get(f"/api/v1/studies/{study}/export").body})
    assert again.status == 201  # the mapping in it is in nobody's way


def test_backup_holds_the_mapping_and_the_trail_notices_another(tmp_path: Path) -> None:
    server = start(tmp_path / "one")
    study = add(server, ANSWERS).json()["id"]
    server.stop()
    file = tmp_path / "all.gz"
    assert command("backup", str(file), "--data", str(tmp_path / "one")).returncode == 0
    assert command("restore", str(file), "--data", str(tmp_path / "two")).returncode == 0
    server = start(tmp_path / "two")
    assert "dd/mm/yyyy" in server.get(f"/studies/{study}").body.decode()
    server.stop()
    import sqlite3

    with sqlite3.connect(tmp_path / "two" / "turnpoint.sqlite3") as database:
        database.execute("UPDATE turnpoint_study SET mapping = replace(mapping, 'cm', 'mm')")
    database.close()
    found = command("audit", "verify", "--data", str(tmp_path / "two"))
    assert found.returncode == 1
    assert "mapping" in found.stdout + found.stderr


def person(served: Served, lang: str = "en") -> requests.Session:
    session = requests.Session()
    session.headers["Accept-Language"] = lang
    session.get(f"{served.base}/?token={served.token}")
    return session


def post(session: requests.Session, address: str, page: str, **given: Any) -> requests.Response:
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    data = {"csrfmiddlewaretoken": token[1], **given.pop("data", {})}
    return session.post(address, data=data, headers={"Referer": address}, **given)


def brought(served: Served, session: requests.Session, content: str = TABLE) -> requests.Response:
    address = f"{served.base}/import"
    return post(session, address, session.get(address).text, files={"files": ("clinic.csv", content)})


def answered(
    served: Served, session: requests.Session, page: str, answers: dict[str, str]
) -> requests.Response:
    data = {f"answer-{key}": text for key, text in answers.items()} | {"do": "read"}
    return post(session, f"{served.base}/import/table", page, data=data)


def test_form_asks_reads_again_and_stores_on_a_yes(on_sqlite: Served) -> None:
    session = person(on_sqlite)
    asked = brought(on_sqlite, session)
    assert asked.url.endswith("/import/table")
    assert asked.status_code == 200
    names = set(re.findall(r'name="answer-([^"]+)"', html.unescape(asked.text)))
    assert names == {*ANSWERS, "unmapped.RP", "unmapped.Comment"}
    assert "An answer is missing here." not in asked.text

    half = {**ANSWERS, "rows.date_format": "", "unmapped.RP": "banana"}
    refused = answered(on_sqlite, session, asked.text, half)
    assert refused.status_code == 422
    assert refused.text.count("An answer is missing here.") == 1
    assert refused.text.count("banana says nothing of a column.") == 1
    assert re.search(r'value="&#34;cm&#34;" checked', refused.text)  # what was answered stays

    found = answered(on_sqlite, session, refused.text, {**ANSWERS, "unmapped.RP": "target cm"})
    assert found.url.endswith("/import/found")
    assert "<td>RP</td><td>Lesions: Diameter, mm</td>" in found.text
    before = len(on_sqlite.get("/api/v1/studies").json())
    changed = session.get(f"{on_sqlite.base}/import/table")
    assert 'value="target cm"' in changed.text

    stored = post(session, f"{on_sqlite.base}/import/found", found.text, data={"do": "store", "name": "ours"})
    assert "/studies/" in stored.url
    assert "turnpoint mapping 1" in stored.text
    assert len(on_sqlite.get("/api/v1/studies").json()) == before + 1
    assert session.get(f"{on_sqlite.base}/import/table").url.endswith("/import")


def test_data_that_breaks_a_rule_is_said_with_the_questions(on_sqlite: Served) -> None:
    session = person(on_sqlite)
    twice = TABLE + "102,01/07/2025,9.9,2.0,25,,7.2,2\n"
    asked = brought(on_sqlite, session, twice)
    refused = answered(on_sqlite, session, asked.text, ANSWERS)
    assert refused.status_code == 422
    assert 'class="problems"' in refused.text
    assert 'class="error"' in refused.text
    assert session.get(f"{on_sqlite.base}/import/found").url.endswith("/import")


def test_table_that_is_left_waits_no_more(on_sqlite: Served) -> None:
    session = person(on_sqlite)
    asked = brought(on_sqlite, session)
    left = post(session, f"{on_sqlite.base}/import/table", asked.text, data={"do": "leave"})
    assert left.url.endswith("/import")
    assert session.get(f"{on_sqlite.base}/import/table").url.endswith("/import")


def test_table_without_a_question_is_shown_at_once_and_may_be_changed(on_sqlite: Served) -> None:
    session = person(on_sqlite, "zh")
    found = brought(on_sqlite, session, "Patient,Day,TL1 (mm)\nA,0,40\nA,60,30\nB,0,28\nB,60,29\n")
    assert found.url.endswith("/import/found")
    assert "每一列读成了什么" in found.text
    assert "/import/table" in found.text


@pytest.mark.parametrize("number", range(len(ODD)))
def test_every_question_is_in_the_readers_language(tmp_path: Path, number: int) -> None:
    table = tmp_path / "odd.csv"
    table.write_text(ODD[number], encoding="utf-8")
    opened = first_guess(table, Findings())
    assert opened is not None
    asked = [one.text for one in opened[0].questions if not one.optional]
    assert asked
    for text in asked:
        assert any(pattern.fullmatch(text) for pattern, _ in _SAID), text
        assert re.search("[\u4e00-\u9fff]", in_words(text, language("zh"))), text
