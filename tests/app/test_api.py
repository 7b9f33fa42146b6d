"""The JSON API as a program uses it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import turnpoint as tp
from tests.app.served import SMALL, Served, folder_of
from turnpoint.pictures.document import from_json, to_json

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "picture.schema.json").read_text(encoding="utf-8"))
VISIT = {
    "day": 224,
    "lesions": [
        {"lesion_id": "T1", "role": "target", "site": "liver", "diameter_mm": 35, "status": "measured"}
    ],
}


@pytest.fixture
def study(served: Served) -> str:
    answer = served.upload(SMALL)
    assert answer.status == 201, answer.body
    return f"/api/v1/studies/{answer.json()['id']}"


def patient_of(served: Served, study: str, name: str = "Ann Secret") -> str:
    listed = served.get(f"{study}/patients").json()["items"]
    return f"{study}/patients/" + next(one["id"] for one in listed if one["patient_id"] == name)


def test_a_server_says_that_it_is_well(served: Served) -> None:
    assert served.get("/healthz", token=None).status == 200


def test_files_become_a_study_with_what_was_doubtful_and_unused(served: Served) -> None:
    answer = served.upload(SMALL)
    made = answer.json()
    assert answer.status == 201
    assert made["patients"] == 2
    assert answer.headers["location"] == f"/api/v1/studies/{made['id']}"
    assert {"problems", "unused"} <= set(made)
    assert made["id"] in {one["id"] for one in served.get("/api/v1/studies").json()}


def test_files_with_errors_are_refused_whole_with_the_fields_of_check(served: Served, tmp_path: Path) -> None:
    before = len(served.get("/api/v1/studies").json())
    wrong = {"lesions.csv": SMALL["lesions.csv"].replace(b",60,", b",-60,")}
    answer = served.upload(wrong)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "lesions.csv").write_bytes(wrong["lesions.csv"])
    found = tp.check(tmp_path / "s").problems
    assert [one["rule"] for one in answer.json()["problems"]] == [problem.rule for problem in found]
    assert [one["row"] for one in answer.json()["problems"]] == [problem.row for problem in found]
    assert len(served.get("/api/v1/studies").json()) == before


def test_picture_is_that_of_the_command(served: Served, study: str, tmp_path: Path) -> None:
    for name, content in SMALL.items():
        (tmp_path / name).write_bytes(content)
    answer = served.get(f"{patient_of(served, study)}/picture")
    assert answer.status == 200
    jsonschema.validate(answer.json(), SCHEMA)
    shown = from_json(answer.body)
    here = tp.picture(tp.read(tmp_path), "Ann Secret")
    assert shown.assessment.drop("patient_id").equals(here.assessment.drop("patient_id"))
    assert json.loads(to_json(here))["summary"] == answer.json()["summary"]


def test_picture_of_an_earlier_day_is_what_was_known_then(served: Served, study: str) -> None:
    patient = patient_of(served, study)
    then = served.get(f"{patient}/picture?at=60").json()
    assert then["summary"]["last_day"] == 56
    served.post(f"{patient}/visits", VISIT)
    again = served.get(f"{patient}/picture?at=60").json()
    assert again["picture"] == then["picture"]


def test_picture_that_did_not_change_is_not_sent_again(served: Served, study: str) -> None:
    patient = patient_of(served, study)
    etag = served.get(f"{patient}/picture").etag
    assert served.get(f"{patient}/picture", headers={"If-None-Match": etag}).status == 304
    served.post(f"{patient}/visits", VISIT)
    changed = served.get(f"{patient}/picture", headers={"If-None-Match": etag})
    assert (changed.status, changed.json()["summary"]["last_day"]) == (200, 224)


def test_visit_is_stored_as_it_was_entered_and_traced(served: Served, study: str) -> None:
    patient = patient_of(served, study)
    answer = served.post(f"{patient}/visits", {**VISIT, "why": "letter of the scan"})
    assert (answer.status, answer.json()["version"], answer.etag) == (201, 2, '"2"')
    rows = [one["cells"] for one in served.get(f"{patient}/rows").json()]
    assert {"day": "224", "diameter_mm": "35"}.items() <= rows[-1].items()
    last = served.get("/api/v1/audit?limit=1").json()["items"][0]
    assert (last["action"], last["why"], last["who"]) == ("row added", "letter of the scan", "this computer")
    assert last["after"]["diameter_mm"] == "35"


def test_whoever_saw_an_earlier_version_is_told_and_nothing_is_stored(served: Served, study: str) -> None:
    patient = patient_of(served, study)
    etag = served.get(f"{patient}/picture").etag
    first = served.post(f"{patient}/visits", VISIT, headers={"If-Match": etag})
    second = served.post(f"{patient}/visits", {**VISIT, "day": 280}, headers={"If-Match": etag})
    assert (first.status, second.status) == (201, 412)
    assert second.headers["content-type"] == "application/problem+json"
    assert served.get(f"{patient}/picture").json()["summary"]["last_day"] == 224
    third = served.post(f"{patient}/visits", {**VISIT, "day": 280}, headers={"If-Match": first.etag})
    assert third.status == 201


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"lesions": [{**VISIT["lesions"][0], "diameter_mm": -1}]}, "below 0 mm"),  # type: ignore[index]
        ({"lesions": [{**VISIT["lesions"][0], "size": 3}]}, "not a column of lesions"),  # type: ignore[index]
        ({"lesions": []}, "holds no row"),
        ({"lesions": [], "events": [{"term": "Fatigue", "grade": 7}]}, "grade"),
    ],
)
def test_visit_that_breaks_a_rule_is_refused_with_the_rule(
    served: Served, study: str, change: dict[str, object], rule: str
) -> None:
    patient = patient_of(served, study)
    answer = served.post(f"{patient}/visits", {**VISIT, **change})
    assert answer.status == 422
    assert rule in json.dumps(answer.json()["problems"])
    assert len(served.get(f"{patient}/rows").json()) == 5


def test_every_mistake_of_a_visit_is_reported_at_once(served: Served, study: str) -> None:
    wrong = {
        "day": 224,
        "lesions": [{"lesion_id": "T1", "role": "target", "diameter_mm": -1, "status": "measured"}],
        "markers": [{"marker": "CEA", "value": "abc", "unit": "ng/mL"}],
    }
    problems = served.post(f"{patient_of(served, study)}/visits", wrong).json()["problems"]
    assert {problem["file"].removesuffix(".csv") for problem in problems} == {"lesions", "markers"}
    assert {problem["row"] for problem in problems} == {1}


def test_corrected_row_keeps_the_old_value_in_the_trail(served: Served, study: str) -> None:
    patient = patient_of(served, study)
    row = next(one for one in served.get(f"{patient}/rows").json() if one["cells"].get("day") == "168")
    answer = served.ask("PATCH", f"{patient}/rows/{row['id']}", {"cells": {"diameter_mm": 39}, "why": "typo"})
    assert answer.status == 200
    last = served.get("/api/v1/audit?limit=1").json()["items"][0]
    assert (last["before"]["diameter_mm"], last["after"]["diameter_mm"]) == ("37.0", "39")
    assert served.get(f"{patient}/picture").json()["summary"]["last_sum"]["sum_of_diameters_mm"] == 39


def test_removed_row_is_gone_from_the_picture_and_stays_in_the_trail(served: Served, study: str) -> None:
    patient = patient_of(served, study)
    row = next(one for one in served.get(f"{patient}/rows").json() if one["cells"].get("day") == "168")
    assert served.ask("DELETE", f"{patient}/rows/{row['id']}?why=wrong+patient").status == 200
    assert served.get(f"{patient}/picture").json()["summary"]["last_day"] == 112
    last = served.get("/api/v1/audit?limit=1").json()["items"][0]
    assert (last["action"], last["before"]["day"]) == ("row removed", "168")
    assert served.ask("DELETE", f"{patient}/rows/{row['id']}").status == 404


@pytest.mark.parametrize("audience", ["clinician", "patient", "statistician"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_is_that_of_the_command(
    served: Served, study: str, audience: str, lang: str, tmp_path: Path
) -> None:
    for name, content in SMALL.items():
        (tmp_path / name).write_bytes(content)
    answer = served.get(f"{patient_of(served, study)}/report?audience={audience}&lang={lang}")
    shown = replace(tp.picture(tp.read(tmp_path), "Ann Secret"), study_name="study")
    assert answer.status == 200
    assert answer.body.decode() == tp.report(shown, audience=audience, lang=lang).html


@pytest.mark.parametrize("kind", ["study", "adam", "sdtm", "fhir"])
def test_export_reads_back(served: Served, study: str, kind: str, tmp_path: Path) -> None:
    answer = served.get(f"{study}/export?format={kind}")
    assert answer.status == 200
    if kind == "fhir":
        (tmp_path / "study.json").write_bytes(answer.body)
        read = tp.read(tmp_path / "study.json")
    else:
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            archive.extractall(tmp_path)
        if kind == "adam":
            assert {"adsl.xpt", "adtr.xpt"} <= {path.name for path in tmp_path.iterdir()}
            return
        read = tp.read(tmp_path)
    sizes = read.lesions.sort("patient_id", "day")["diameter_mm"].drop_nulls().to_list()
    assert sizes == [60, 50, 42, 37, 40, 41, 43]


def test_list_comes_to_say_what_each_patient_is(served: Served, study: str) -> None:
    import time

    for _ in range(200):
        items = served.get(f"{study}/patients").json()["items"]
        if all(one["line"] for one in items):
            break
        time.sleep(0.1)
    lines = {one["patient_id"]: one["line"] for one in items}
    patient = patient_of(served, study)
    last = served.get(f"{patient}/picture").json()["summary"]["last"]
    assert lines["Ann Secret"]["verdict"] == last["verdict"]
    assert lines["Ann Secret"]["p_turned"] == pytest.approx(last["p_turned"], abs=1e-12)


def test_what_is_not_there_is_a_problem_document(served: Served, study: str) -> None:
    for path in ("/api/v1/studies/none/patients", f"{study}/patients/none/picture"):
        answer = served.get(path)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_description_of_the_api_names_every_address(served: Served) -> None:
    described = served.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.")
    assert {
        "/api/v1/studies",
        "/api/v1/studies/{study_id}/patients",
        "/api/v1/studies/{study_id}/patients/{patient_id}/picture",
        "/api/v1/studies/{study_id}/patients/{patient_id}/visits",
        "/api/v1/studies/{study_id}/patients/{patient_id}/report",
        "/api/v1/studies/{study_id}/export",
        "/api/v1/audit",
    } <= set(described["paths"])


def test_a_whole_bundled_study_is_taken_in(served: Served) -> None:
    answer = served.upload(folder_of("oak-docetaxel"))
    assert (answer.status, answer.json()["patients"]) == (201, 325)
